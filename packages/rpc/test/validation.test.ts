// Real validation libraries behind Standard Schema v1: at both ends, with transforms, and with what each says of a fault.

import { rejection } from '@framewire/testkit'
import { type as ark } from 'arktype'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import { bidi, contract, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { isError } from '../src/is-error.ts'
import { connectTo, startServer } from './peers.ts'
import { all } from './stream-service.ts'

/** Text comes in, a Date goes on; `{ id }` with a number from 1 on; a text in, its length out. */
const zod = contract('zod', {
  year: unary({ input: z.object({ day: z.string().transform((day) => new Date(day)) }), output: z.number() }),
  get: unary({
    input: z.object({ id: z.number().min(1) }),
    output: z.object({ name: z.string().transform((name) => name.length) }),
    errors: { GONE: { code: 'NOT_FOUND', details: z.object({ id: z.number() }) } },
  }),
  slow: unary({ input: z.string().refine(async (text) => text !== 'no', 'refused later'), output: z.string() }),
  some: serverStream({ input: z.number(), output: z.number().max(2) }),
  each: bidi({ input: z.string().transform(Number), output: z.number().transform(String) }),
})

const valibot = contract('valibot', {
  year: unary({
    input: v.object({
      day: v.pipe(
        v.string(),
        v.transform((day) => new Date(day)),
      ),
    }),
    output: v.number(),
  }),
  get: unary({
    input: v.object({ id: v.pipe(v.number(), v.minValue(1)) }),
    output: v.object({
      name: v.pipe(
        v.string(),
        v.transform((name) => name.length),
      ),
    }),
    errors: { GONE: { code: 'NOT_FOUND', details: v.object({ id: v.number() }) } },
  }),
  slow: unary({
    input: v.pipeAsync(
      v.string(),
      v.checkAsync(async (text) => text !== 'no', 'refused later'),
    ),
    output: v.string(),
  }),
  some: serverStream({ input: v.number(), output: v.pipe(v.number(), v.maxValue(2)) }),
  each: bidi({
    input: v.pipe(v.string(), v.transform(Number)),
    output: v.pipe(v.number(), v.transform(String)),
  }),
})

const arktype = contract('arktype', {
  year: unary({ input: ark({ day: ark('string').pipe((day) => new Date(day)) }), output: ark('number') }),
  get: unary({
    input: ark({ id: 'number >= 1' }),
    output: ark({ name: ark('string').pipe((name) => name.length) }),
    errors: { GONE: { code: 'NOT_FOUND', details: ark({ id: 'number' }) } },
  }),
  some: serverStream({ input: ark('number'), output: ark('number <= 2') }),
  each: bidi({ input: ark('string').pipe(Number), output: ark('number').pipe(String) }),
})

const seen: unknown[] = []
const name = (id: number, gone: () => Error): { name: string } => {
  if (id === 404) throw gone()
  return { name: id === 13 ? (13 as unknown as string) : 'Ada' }
}
async function* upTo(end: number): AsyncGenerator<number> {
  for (let number = 1; number <= end; number++) yield number
}
async function* doubled(numbers: AsyncIterable<number>): AsyncGenerator<number> {
  for await (const number of numbers) yield number * 2
}
const year = ({ day }: { day: Date }): number => {
  seen.push(day)
  return day.getUTCFullYear()
}

const services = [
  implement(zod, {
    year,
    get: ({ id }, ctx) => name(id, () => ctx.error('GONE', { id })),
    slow: (text) => text,
    some: upTo,
    each: doubled,
  }),
  implement(valibot, {
    year,
    get: ({ id }, ctx) => name(id, () => ctx.error('GONE', { id })),
    slow: (text) => text,
    some: upTo,
    each: doubled,
  }),
  implement(arktype, {
    year,
    get: ({ id }, ctx) => name(id, () => ctx.error('GONE', { id })),
    some: upTo,
    each: doubled,
  }),
]

async function start() {
  const errors: unknown[] = []
  const server = await startServer({ services, onError: (error) => errors.push(error) })
  const peer = await connectTo(server)
  const apis = { zod: peer.client(zod), valibot: peer.client(valibot), arktype: peer.client(arktype) }
  return { peer, errors, apis }
}

describe.each(['zod', 'valibot', 'arktype'] as const)('schemas of %s', (library) => {
  test('transform: the caller passes what goes in, the handler sees what comes out; so for replies', async () => {
    const { apis } = await start()
    const api = apis[library]
    seen.length = 0
    expect(await api.year({ day: '2026-05-17' })).toBe(2026)
    expect(seen).toEqual([new Date('2026-05-17')])
    expect(await api.get({ id: 1 })).toEqual({ name: 3 })
    expect(await all(api.each(['1', '2']))).toEqual(['2', '4'])
  })

  test('refuse input at the caller, and again at the server', async () => {
    const { peer, apis } = await start()
    const message = expect.stringMatching(new RegExp(`^input of ${library}\\.get does not match the contract: id: \\S`))
    const error = { code: 'INVALID_ARGUMENT', message }
    expect(await rejection(apis[library].get({ id: 0 }))).toMatchObject(error)
    expect(await rejection(peer.call(`${library}.get`, { id: 0 }))).toMatchObject(error)
  })

  test('refuse a reply and a message of a stream before they leave the server', async () => {
    const { peer, apis } = await start()
    const message = expect.stringMatching(
      new RegExp(`^reply of ${library}\\.get does not match the contract: name: \\S`),
    )
    expect(await rejection(peer.call(`${library}.get`, { id: 13 }))).toMatchObject({ code: 'INTERNAL', message })
    const numbers = apis[library].some(3)
    expect([await numbers.next(), await numbers.next()]).toMatchObject([{ value: 1 }, { value: 2 }])
    expect(await rejection(numbers.next())).toMatchObject({ code: 'INTERNAL' })
  })

  test('give the details of errors their type', async () => {
    const { apis } = await start()
    const error = await rejection(apis[library].get({ id: 404 }))
    const { methods } = { zod, valibot, arktype }[library]
    expect(isError(error, methods.get, 'GONE') && error.details.id).toBe(404)
  })
})

test.each(['zod', 'valibot'] as const)(
  'a check of %s that takes its time is waited for at both ends',
  async (library) => {
    const { peer, apis } = await start()
    expect(await apis[library].slow('yes')).toBe('yes')
    const error = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('refused later') }
    expect(await rejection(apis[library].slow('no'))).toMatchObject(error)
    expect(await rejection(peer.call(`${library}.slow`, 'no'))).toMatchObject(error)
  },
)

test('the types follow the schemas of each library', async () => {
  const { apis } = await start()
  expectTypeOf(apis.zod.year).parameter(0).toEqualTypeOf<{ day: string }>()
  expectTypeOf(apis.valibot.year).parameter(0).toEqualTypeOf<{ day: string }>()
  expectTypeOf(apis.arktype.year).parameter(0).toEqualTypeOf<{ day: string }>()
  expectTypeOf(apis.zod.get).returns.resolves.toEqualTypeOf<{ name: number }>()
  expectTypeOf(apis.valibot.get).returns.resolves.toEqualTypeOf<{ name: number }>()
  expectTypeOf(apis.arktype.get).returns.resolves.toEqualTypeOf<{ name: number }>()
  // @ts-expect-error a Date is what comes out, not what goes in
  expect(await rejection(apis.zod.year({ day: new Date() }))).toMatchObject({ code: 'INVALID_ARGUMENT' })
})
