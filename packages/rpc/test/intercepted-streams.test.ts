import { getEventListeners } from 'node:events'
import { aborted, quiet, rejection, until } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { contract, serverStream } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Interceptor } from '../src/interceptor.ts'
import type { ClientOf } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import { connectTo, startServer } from './peers.ts'

const work = contract('work', {
  count: serverStream<number, number>(),
  hold: serverStream<void, number>(),
  fail: serverStream<void, number>(),
})
const service = implement(work, {
  async *count(to) {
    for (let number = 0; number < to; number++) yield number
  },
  async *hold(_, { signal }) {
    yield 1
    await aborted(signal)
  },
  fail() {
    throw new RpcError('ABORTED', 'on purpose')
  },
})

const pass: Interceptor = (call, next) => next(call)

async function behind(interceptor: Interceptor): Promise<ClientOf<typeof work>> {
  const server = await startServer({ services: [service] })
  return (await connectTo(server, { interceptors: [interceptor] })).client(work)
}

/** How many others a signal remembers, in whatever collections Node keeps on it. */
function heldBy(signal: AbortSignal): number {
  const fields = signal as unknown as Record<symbol, { size?: unknown } | undefined>
  const sizes = Object.getOwnPropertySymbols(signal).map((name) => fields[name]?.size)
  return sizes.reduce<number>((sum, size) => sum + (typeof size === 'number' ? size : 0), 0)
}

test('a signal that outlives many streams holds nothing of them', async () => {
  const api = await behind(pass)
  const { signal } = new AbortController()
  for (let round = 0; round < 20; round++) {
    for await (const number of api.count(3, { signal })) expect(number).toBeLessThan(3)
    for await (const number of api.count(3, { signal })) if (number === 1) break
    expect(await rejection(api.fail(undefined, { signal }).next())).toMatchObject({ code: 'ABORTED' })
    api.count(3, { signal })
    await api.count(3, { signal }).return(undefined)
  }
  expect(getEventListeners(signal, 'abort')).toEqual([])
  expect(heldBy(signal)).toBe(0)
})

test('a signal that many streams share has few listeners, and ends them all, their interceptors too', async () => {
  const seen: (AbortSignal | undefined)[] = []
  const never: Interceptor = (call, next) => {
    seen.push(call.signal)
    return call.method === 'work.fail' ? new Promise(() => {}) : next(call)
  }
  const api = await behind(never)
  const controller = new AbortController()
  const { signal } = controller
  const streams = Array.from({ length: 20 }, () => api.hold(undefined, { signal }))
  for (const stream of streams) await stream.next()
  void quiet(api.fail(undefined, { signal }).next())
  await until('the interceptors', () => seen.length === 21)
  expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(2)
  controller.abort('enough')
  expect(seen.map((each) => each?.reason)).toEqual(Array(21).fill('enough'))
  for (const stream of streams) {
    expect(await rejection(stream.next())).toMatchObject({ code: 'CANCELLED', cause: 'enough' })
  }
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a signal that has aborted, and what is no signal, end a stream before it begins', async () => {
  const api = await behind(pass)
  const signal = AbortSignal.abort('before')
  expect(await rejection(api.count(1, { signal }).next())).toMatchObject({ code: 'CANCELLED', cause: 'before' })
  const none = {} as AbortSignal
  expect(await rejection(api.count(1, { signal: none }).next())).toBeInstanceOf(TypeError)
})
