// What calls promise, each promise by its number in the design and from the outside: what its parts do in detail stands
// in the tests of the parts. The second is semantics-streams.test.ts.

import { aborted, defer, quiet, rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { bidi, clientStream, contract, oneway, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { checkLimits } from '../src/limits.ts'
import type { Ctx } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import { FLAG, hello, open, readEnd, TYPE } from './frames.ts'
import { connectTo, puppetClient, puppetServer, startServer } from './peers.ts'
import { all } from './stream-service.ts'

const work = contract('work', {
  echo: unary<unknown, unknown>(),
  hold: unary<unknown, unknown>({ idempotent: true }),
  fail: unary<string, void>(),
  chain: unary<boolean, void>(),
  note: oneway<unknown>(),
  count: serverStream<number, number>(),
  sum: clientStream<number, number>(),
  upper: bidi<string, string>(),
})

/** A server and a peer that both serve `work`; what was held, and what went wrong. */
async function start(limits = {}) {
  const held: Ctx[] = []
  const inputs: unknown[] = []
  const errors: unknown[] = []
  const gate = defer<unknown>()
  const service = implement(work, {
    echo: (value) => {
      inputs.push(value)
      return value
    },
    hold: (_, ctx) => {
      held.push(ctx)
      return gate.promise
    },
    fail: (kind) => {
      if (kind === 'rpc') throw new RpcError('ABORTED', 'told to', { appName: 'TOLD', details: { by: 'caller' } })
      throw new TypeError('secret')
    },
    chain: async (isChild, ctx) => {
      held.push(ctx)
      await ctx.peer.client(work).hold(1, isChild ? { ctx } : {})
    },
    note: (value) => void inputs.push(value),
    async *count(to) {
      for (let number = 0; number < to; number++) yield number
    },
    async sum(numbers) {
      let sum = 0
      for await (const number of numbers) sum += number
      return sum
    },
    async *upper(lines) {
      for await (const line of lines) yield line.toUpperCase()
    },
  })
  const onError = (error: unknown) => void errors.push(error)
  const server = await startServer({ services: [service], limits, onError })
  const peer = await connectTo(server, { services: [service], onError })
  return { server, peer, api: peer.client(work), held, inputs, errors, gate }
}

test('1. a call settles exactly once: a connection that dies settles all of them with UNAVAILABLE and the truth', async () => {
  const { peer, puppet } = await puppetServer({}, hello({ settings: [[3, 4]] }))
  await until('HELLO', () => peer.state === 'ready')
  const api = peer.client(work)
  const forever = (async function* (): AsyncGenerator<never> {
    await new Promise(() => {})
  })()
  const calls = [api.echo(1), api.count(1).next(), api.sum(forever), api.upper(forever).next(), api.echo(2)]
  let settled = 0
  for (const call of calls) void quiet(call.finally(() => settled++) as Promise<unknown>)
  for (let index = 0; index < 4; index++) await puppet.next(TYPE.open)
  puppet.destroy()
  const errors = await Promise.all(calls.map(rejection))
  const said = (notProcessed: boolean) => ({ code: 'UNAVAILABLE', notProcessed })
  expect(errors).toMatchObject([said(false), said(false), said(false), said(false), said(true)])
  await turn()
  expect(settled).toBe(5)
})

describe('3. timeoutMs', () => {
  test('is 10 s for unary, oneway and client streams, none for server streams and bidi; Infinity is none', async () => {
    const { peer, puppet } = await puppetServer()
    const api = peer.client(work)
    const timeout = async (call: Promise<unknown>) => {
      void quiet(call)
      return (await puppet.next(TYPE.open)).body.readUInt32BE(0)
    }
    expect(await timeout(api.echo(1))).toBe(10_000)
    expect(await timeout(api.note(1))).toBe(10_000)
    expect(await timeout(api.sum([]))).toBe(10_000)
    expect(await timeout(api.count(1).next())).toBe(0)
    expect(await timeout(api.upper([]).next())).toBe(0)
    expect(await timeout(api.echo(1, { timeoutMs: Number.POSITIVE_INFINITY }))).toBe(0)
  })

  test('is no more than maxTimeoutMs where a unary call is served', async () => {
    const { api, held } = await start()
    void quiet(api.hold(1, { timeoutMs: Number.POSITIVE_INFINITY }))
    await until('the handler', () => held.length === 1)
    expect((held[0] as Ctx).deadline - performance.now()).toBeLessThanOrEqual(300_000)
  })

  test('that passes says where the time went, and how late the event loop was', async () => {
    const { api } = await start()
    const message = expect.stringMatching(/ \d+ ms \(.*\d+ ms\); the event loop was \d+ ms late$/)
    expect(await rejection(api.hold(1, { timeoutMs: 20 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED', message })
  })
})

test('4. { ctx } inherits signal, remaining deadline and trace; without it a call stands alone', async () => {
  const { api, held } = await start()
  const controller = new AbortController()
  const options = { timeoutMs: 5_000, signal: controller.signal, meta: { traceparent: 'trace', other: 'mine' } }
  const calls = [quiet(api.chain(true, options)), quiet(api.chain(false, options))]
  await until('all handlers', () => held.length === 4)
  const children = held.filter(({ peer }) => peer !== (held[0] as Ctx).peer)
  const child = children.find(({ meta }) => meta.get('traceparent') === 'trace') as Ctx
  const stranger = children.find((ctx) => ctx !== child) as Ctx
  expect(child.deadline - performance.now()).toBeLessThanOrEqual(5_000)
  expect(child.meta.get('other')).toBeUndefined()
  expect(stranger.meta.size).toBe(0)
  controller.abort()
  await within('the end of the child', aborted(child.signal))
  expect(stranger.signal.aborted).toBe(false)
  for (const call of calls) expect(await rejection(call)).toMatchObject({ code: 'CANCELLED' })
})

test('5. at most once: what may have been processed is not sent again, not even of an idempotent method', async () => {
  const { server, api, held } = await start()
  const call = quiet(api.hold(1))
  await until('the handler', () => held.length === 1)
  await (held[0] as Ctx).peer.close({ drainMs: 0 })
  expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: false })
  expect(await (await connectTo(server)).client(work).echo(1)).toBe(1)
  expect(held).toHaveLength(1)
})

test('6. the messages of a stream are in order, and calls start in order', async () => {
  const { api, inputs } = await start({ maxStreams: 7 })
  const numbers = Array.from({ length: 2_000 }, (_, index) => index)
  const few = numbers.slice(0, 500)
  const [counted, lines] = await Promise.all([
    all(api.count(2_000)),
    all(api.upper(numbers.map((number) => `line ${number}`))),
    ...few.map((number) => api.echo(number)),
  ])
  expect(counted).toEqual(numbers)
  expect(lines).toEqual(numbers.map((number) => `LINE ${number}`))
  expect(inputs).toEqual(few)
})

test('7. only RpcError crosses the wire; all else is INTERNAL there, and goes to onError with its stack here', async () => {
  const { api, errors } = await start()
  const told = { code: 'ABORTED', message: 'told to', appName: 'TOLD', details: { by: 'caller' } }
  expect(await rejection(api.fail('rpc'))).toMatchObject(told)
  expect(errors).toEqual([])
  const error = (await rejection(api.fail('bug'))) as RpcError
  expect(error).toMatchObject({ code: 'INTERNAL', message: 'internal error', appName: '', details: undefined })
  expect(errors).toMatchObject([{ name: 'TypeError', message: 'secret', stack: expect.stringContaining('fail') }])
})

describe('8. names and keys that mean something to objects', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'then', 'toJSON']

  test('are no methods, in a contract or from the wire', async () => {
    for (const name of names) expect(() => contract('work', { [name]: unary<void, void>() })).toThrow(TypeError)
    const { server } = await start()
    const puppet = await puppetClient(server)
    for (const [index, name] of [...names, 'toString', 'hasOwnProperty'].entries()) {
      puppet.write(open(4 * index + 1, name, '1'), open(4 * index + 3, `work.${name}`, '1'))
      for (let count = 0; count < 2; count++) {
        expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 12, bits: 1 })
      }
    }
  })

  test('are not taken in JSON at any depth', async () => {
    const { server, inputs } = await start()
    const puppet = await puppetClient(server)
    const texts = ['{"__proto__":{"isAdmin":true}}', '[{"a":{"__proto__":1}}]', '{"\\u005f_proto__":1}']
    for (const [index, text] of texts.entries()) {
      puppet.write(open(2 * index + 1, 'work.echo', text))
      expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 3 })
    }
    expect(inputs).toEqual([])
    puppet.write(open(9, 'work.echo', '{"constructor":{"prototype":{"isAdmin":true}}}'))
    await puppet.next(TYPE.data)
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined()
    expect(Object.getPrototypeOf(inputs[0])).toBe(Object.prototype)
  })
})

describe('9. limits', () => {
  test('are all on', () => {
    const finite = Object.entries(checkLimits()).filter(([, value]) => value > 0 && Number.isFinite(value))
    expect(finite.map(([name]) => name)).toEqual(Object.keys(checkLimits()))
    const { maxMessage, maxFrame, maxStreams, streamCredit, maxBuffered, maxQueued } = checkLimits()
    expect([maxMessage, maxFrame, maxStreams]).toEqual([4 * 1_048_576, 131_072, 128])
    expect([streamCredit, maxBuffered, maxQueued]).toEqual([262_144, 64 * 1_048_576, 1_024])
  })

  test('above maxQueued calls fail at once, and none is forgotten', async () => {
    const { api, gate, held } = await start({ maxStreams: 1 })
    await api.echo(1)
    const calls = Array.from({ length: 1_026 }, () => quiet(api.hold(1)))
    expect(await rejection(calls[1_025] as Promise<unknown>)).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      notProcessed: true,
    })
    gate.resolve('done')
    expect(await Promise.all(calls.slice(0, 1_025))).toEqual(Array(1_025).fill('done'))
    expect(held).toHaveLength(1_025)
  })

  test('a message too large fails its call alone', async () => {
    const { peer, api } = await start({ maxMessage: 100_000 })
    const beside = api.echo('beside')
    expect(await rejection(api.echo('x'.repeat(4_300_000)))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect(await beside).toBe('beside')
    expect(await rejection(api.echo('x'.repeat(100_001)))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect(await api.echo('after')).toBe('after')
    expect(peer.state).toBe('ready')
  })
})

describe('10. close', () => {
  test('resolves when the last handler has settled, and everything is gone', async () => {
    const { server, peer, api, held, gate } = await start()
    const call = api.hold(1)
    await until('the handler', () => held.length === 1)
    let isClosed = false
    const closing = server.close().then(() => {
      isClosed = true
    })
    await until('GOAWAY', () => peer.state === 'draining')
    await turn()
    expect(isClosed).toBe(false)
    gate.resolve('done')
    expect(await call).toBe('done')
    await within('close', closing)
    expect([server.peers.size, server.addresses.length]).toEqual([0, 0])
    expect((await peer.closed).error).toBeUndefined()
  })

  test('does not wait for a handler, or a peer, that goes on after drainMs', async () => {
    const { server, held } = await start()
    const puppet = await puppetClient(server)
    puppet.write(open(1, 'work.hold', '', { flags: FLAG.last | FLAG.none }))
    await until('the handler', () => held.length === 1)
    await within('close', server.close({ drainMs: 50 }))
    expect((held[0] as Ctx).signal.aborted).toBe(true)
    expect(await puppet.goaway()).toMatchObject({ lastId: 1, reason: 0 })
  })
})
