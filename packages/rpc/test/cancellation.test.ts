import { getEventListeners } from 'node:events'
import { aborted, defer, quiet, rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { raw } from '../src/codec.ts'
import { contract, oneway, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Ctx } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import { CODE, cancel, data, FLAG, type Frame, hello, open, readEnd, TYPE } from './frames.ts'
import { connectTo, puppetClient, puppetServer, startServer } from './peers.ts'
import type { Puppet } from './puppet.ts'
import { slowSchema } from './schemas.ts'

const work = contract('work', {
  do: unary<unknown, unknown>(),
  tell: oneway<unknown>(),
  store: unary<Uint8Array, void>({ codec: raw }),
})
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length
const timeoutOf = ({ body }: Frame): number => body.readUInt32BE(0)
const framesOf = (puppet: Puppet, type: number): Frame[] => puppet.received.filter((frame) => frame.type === type)

describe('the time a call may take', () => {
  test('travels with it: 10 s if nobody says another, none for Infinity, and no more than fits', async () => {
    const { peer, puppet } = await puppetServer()
    const api = peer.client(work)
    for (const [timeoutMs, onWire] of [
      [undefined, 10_000],
      [500, 500],
      [0.2, 1],
      [Number.POSITIVE_INFINITY, 0],
      [2 ** 40, 0xffff_ffff],
    ] as const) {
      const options = timeoutMs === undefined ? {} : { timeoutMs }
      void quiet(api.do(1, options))
      expect(timeoutOf(await puppet.next(TYPE.open))).toBe(onWire)
      await api.tell(1, options)
      expect(timeoutOf(await puppet.next(TYPE.open))).toBe(onWire)
    }
  })

  test('is that of the call, else of the client, else of the connection', async () => {
    const { peer, puppet } = await puppetServer({ timeoutMs: 2_000 })
    const calls = [
      peer.client(work).do(1),
      peer.client(work, { timeoutMs: 700 }).do(1),
      peer.client(work, { timeoutMs: 700 }).do(1, { timeoutMs: 300 }),
      peer.call('work.do', 1),
      peer.call('work.do', 1, { timeoutMs: 400 }),
    ]
    for (const call of calls) void quiet(call)
    for (const timeoutMs of [2_000, 700, 300, 2_000, 400]) {
      expect(timeoutOf(await puppet.next(TYPE.open))).toBe(timeoutMs)
    }
  })

  test.each([0, -1, Number.NaN, '5' as never])('of %j is a RangeError, and nothing is sent', async (timeoutMs) => {
    const { peer, puppet } = await puppetServer()
    const error = await rejection(peer.client(work).do(1, { timeoutMs }))
    expect(error).toEqual(new RangeError(`timeoutMs must be above 0, got ${timeoutMs}`))
    const call = peer.client(work).do(2)
    await puppet.answer('3')
    expect(await call).toBe(3)
    expect(framesOf(puppet, TYPE.open)).toMatchObject([{ id: 1 }])
  })

  test('being over ends the call at the caller, which tells the other side', async () => {
    const { peer, puppet } = await puppetServer()
    const call = quiet(peer.client(work).do(1, { timeoutMs: 20 }))
    const { id } = await puppet.next(TYPE.open)
    const message = expect.stringMatching(
      /^work\.do passed its deadline of 20 ms \((connecting \d+ ms)?(, )?(waiting \d+ ms)?\); the event loop was \d+ ms late$/,
    )
    expect(await rejection(call)).toMatchObject({ code: 'DEADLINE_EXCEEDED', notProcessed: false, message })
    expect(await puppet.next(TYPE.cancel)).toMatchObject({ id, body: Buffer.of(CODE.deadline) })
  })

  test('runs for a call that waits for a free stream too, and then nothing is sent', async () => {
    const { peer, puppet } = await puppetServer({}, hello({ settings: [[3, 1]] }))
    await until('HELLO', () => peer.state === 'ready')
    const first = quiet(peer.client(work).do(1))
    const second = peer.client(work).do(2, { timeoutMs: 20 })
    const third = quiet(peer.client(work).do(3, { timeoutMs: 5_000 }))
    const begun = performance.now()
    const message = expect.stringMatching(
      /^work\.do passed its deadline of 20 ms \(queued \d+ ms\); the event loop was/,
    )
    expect(await rejection(second)).toMatchObject({ code: 'DEADLINE_EXCEEDED', notProcessed: true, message })
    const waited = performance.now() - begun
    await puppet.answer('1')
    const frame = await puppet.next(TYPE.open)
    expect(frame.body.toString('utf8')).toMatch(/3$/)
    expect(timeoutOf(frame)).toBeLessThanOrEqual(Math.ceil(5_000 - waited))
    expect(timeoutOf(frame)).toBeGreaterThan(0)
    expect(await first).toBe(1)
    expect(framesOf(puppet, TYPE.cancel)).toEqual([])
    puppet.write(data(frame.id, '3'))
    expect(await third).toBe(3)
  })

  test('says where it went: queued, written, connecting, waiting, and how late the event loop was', async () => {
    const inTime = { timeoutMs: 5_000 }
    const { peer, puppet } = await puppetServer({}, Buffer.of())
    const early = peer.client(work).do(1, { timeoutMs: 25 })
    expect(await rejection(early)).toMatchObject({
      message: expect.stringMatching(/ms \(connecting \d+ ms\); the event/),
    })
    const longest: [number, number] = [2, 32_000_000] // the kernel takes several MiB: the long message is longer
    puppet.write(hello({ settings: [longest, [3, 1]] }))
    await until('HELLO', () => peer.state === 'ready')
    const held = quiet(peer.client(work).do(2, { timeoutMs: 25 }))
    const queued = quiet(peer.client(work).do(3, { timeoutMs: 10 }))
    expect(await rejection(queued)).toMatchObject({ message: expect.stringMatching(/ms \(queued \d+ ms\); the event/) })
    expect(await rejection(held)).toMatchObject({ message: expect.stringMatching(/ms \(waiting \d+ ms\); the event/) })
    puppet.stopReading()
    const long = quiet(peer.client(work).do('x'.repeat(30_000_000), { timeoutMs: 25 }))
    const busyUntil = performance.now() + 60
    while (performance.now() < busyUntil);
    const late = /\(written \d+ ms\); the event loop was [1-9]\d* ms late$/
    expect(await rejection(long)).toMatchObject({ message: expect.stringMatching(late) })
    puppet.goOnReading()
    expect(quiet(peer.client(work).do(4, inTime))).toBeInstanceOf(Promise)
  })

  test('reaches the handler: its deadline, and its signal when that passes, whatever the caller does', async () => {
    const seen = defer<Ctx>()
    const service = implement(work, {
      do: (_, ctx) => {
        seen.resolve(ctx)
        return new Promise(() => {})
      },
      tell: () => {},
      store: () => {},
    })
    const puppet = await puppetClient(await startServer({ services: [service] }))
    puppet.write(open(1, 'work.do', '1', { timeoutMs: 30 }))
    const ctx = await seen.promise
    expect(ctx.deadline - performance.now()).toBeLessThanOrEqual(30)
    const reason = await within('the signal', aborted(ctx.signal))
    expect(performance.now()).toBeGreaterThanOrEqual(ctx.deadline)
    expect(reason).toBeInstanceOf(RpcError)
    expect(reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    const message = { code: CODE.deadline, bits: 0, text: 'work.do passed its deadline in the handler' }
    expect(readEnd(await puppet.next(TYPE.end))).toMatchObject(message)
  })

  test('ends a oneway handler`s signal too, without an answer', async () => {
    const reason = defer<unknown>()
    const service = implement(work, {
      do: (value) => value,
      tell: async (_, ctx) => reason.resolve(await aborted(ctx.signal)),
      store: () => {},
    })
    const puppet = await puppetClient(await startServer({ services: [service] }))
    puppet.write(open(1, 'work.tell', '1', { timeoutMs: 20, flags: FLAG.last | FLAG.oneway }))
    expect(await within('the signal', reason.promise)).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    puppet.write(open(3, 'work.do', '1'))
    expect(await puppet.next(TYPE.data)).toMatchObject({ id: 3 })
    expect(framesOf(puppet, TYPE.end)).toEqual([])
  })
})

describe('an AbortSignal', () => {
  test('that has aborted before the call: CANCELLED, nothing is sent', async () => {
    const { peer, puppet } = await puppetServer()
    const signal = AbortSignal.abort('before')
    const error = { code: 'CANCELLED', notProcessed: true, cause: 'before', message: 'work.do was cancelled' }
    expect(await rejection(peer.client(work).do(1, { signal }))).toMatchObject(error)
    expect(await rejection(peer.client(work).tell(1, { signal }))).toMatchObject({ code: 'CANCELLED' })
    const call = peer.client(work).do(2)
    await puppet.answer('2')
    expect(await call).toBe(2)
    expect(framesOf(puppet, TYPE.open)).toMatchObject([{ id: 1 }])
    expect(listeners(signal)).toBe(0)
  })

  test('that aborts during the call ends it here and, through ctx.signal, in the handler', async () => {
    const controller = new AbortController()
    const started = defer()
    const reason = defer<unknown>()
    const service = implement(work, {
      async do(_, ctx) {
        started.resolve()
        reason.resolve(await aborted(ctx.signal))
      },
      tell: () => {},
      store: () => {},
    })
    const peer = await connectTo(await startServer({ services: [service] }))
    const call = quiet(peer.client(work).do(1, { signal: controller.signal }))
    await within('the handler', started.promise)
    const why = new Error('the user left')
    controller.abort(why)
    expect(await rejection(call)).toMatchObject({ code: 'CANCELLED', notProcessed: false, cause: why })
    expect(await within('the handler`s signal', reason.promise)).toMatchObject({ code: 'CANCELLED' })
    expect(listeners(controller.signal)).toBe(0)
    expect(await peer.client(work).store(Buffer.of(1))).toBeUndefined()
  })

  test('that aborts after the call changes nothing and sends nothing', async () => {
    const { peer, puppet } = await puppetServer()
    const controller = new AbortController()
    const call = peer.client(work).do(1, { signal: controller.signal })
    await puppet.answer('7')
    expect(await call).toBe(7)
    expect(listeners(controller.signal)).toBe(0)
    controller.abort()
    const next = peer.client(work).do(2)
    await puppet.answer('8')
    expect(await next).toBe(8)
    expect(framesOf(puppet, TYPE.cancel)).toEqual([])
  })

  test('that aborts while the input is being written is seen: nothing is sent', async () => {
    const { peer, puppet } = await puppetServer()
    const controller = new AbortController()
    const input = { toJSON: () => controller.abort('in toJSON') ?? 1 }
    expect(await rejection(peer.client(work).do(input, { signal: controller.signal }))).toMatchObject({
      code: 'CANCELLED',
      cause: 'in toJSON',
    })
    puppet.fin()
    await peer.close()
    expect(framesOf(puppet, TYPE.open)).toEqual([])
  })

  test('shared by 1,000 calls has one listener, and none when the last has ended', async () => {
    const service = implement(work, { do: (value) => value, tell: () => {}, store: () => {} })
    const api = (await connectTo(await startServer({ services: [service] }))).client(work)
    const { signal } = new AbortController()
    const calls = Array.from({ length: 1_000 }, (_, index) => api.do(index, { signal }))
    expect(listeners(signal)).toBe(1)
    await Promise.all(calls)
    expect(listeners(signal)).toBe(0)
  })

  test('that ends running and waiting calls at once starts none of the waiting ones', async () => {
    const { peer, puppet } = await puppetServer({}, hello({ settings: [[3, 2]] }))
    await until('HELLO', () => peer.state === 'ready')
    const controller = new AbortController()
    const { signal } = controller
    const calls = Array.from({ length: 6 }, (_, index) => peer.client(work).do(index, { signal }))
    const other = peer.client(work).do('other')
    await puppet.next(TYPE.open)
    await puppet.next(TYPE.open)
    controller.abort()
    const ends = await Promise.allSettled(calls)
    const notProcessed = [false, false, true, true, true, true]
    expect(ends).toMatchObject(notProcessed.map((it) => ({ reason: { code: 'CANCELLED', notProcessed: it } })))
    await puppet.answer('9')
    expect(await other).toBe(9)
    expect(framesOf(puppet, TYPE.open)).toHaveLength(3)
    expect(framesOf(puppet, TYPE.cancel).map(({ id }) => id)).toEqual([1, 3])
    expect(listeners(signal)).toBe(0)
  })

  test('may start a call, or close, in a listener of its own', async () => {
    const { peer, puppet } = await puppetServer()
    const controller = new AbortController()
    const { signal } = controller
    const later: Promise<unknown>[] = []
    signal.addEventListener('abort', () => later.push(peer.client(work).do('from a listener')))
    const call = peer.client(work).do(1, { signal })
    signal.addEventListener('abort', () => later.push(peer.close()))
    await puppet.next(TYPE.open)
    controller.abort()
    expect(await rejection(call)).toMatchObject({ code: 'CANCELLED' })
    await puppet.answer('2')
    puppet.fin()
    expect(await Promise.all(later)).toEqual([2, undefined])
  })
})

describe('a call that waits for a free stream', () => {
  test('is cancelled without a trace on the wire, and those behind it keep their order', async () => {
    const { peer, puppet } = await puppetServer({}, hello({ settings: [[3, 1]] }))
    await until('HELLO', () => peer.state === 'ready')
    const controller = new AbortController()
    const api = peer.client(work)
    const order: unknown[] = []
    const note = (answer: unknown) => order.push(answer)
    const kept = [api.do('a').then(note)]
    const dropped = api.do('b', { signal: controller.signal })
    kept.push(api.do('c').then(note), api.do('d').then(note))
    controller.abort()
    expect(await rejection(dropped)).toMatchObject({ code: 'CANCELLED', notProcessed: true })
    for (const answer of ['"a"', '"c"', '"d"']) await puppet.answer(answer)
    await Promise.all(kept)
    expect(order).toEqual(['a', 'c', 'd'])
    expect(framesOf(puppet, TYPE.open).map(({ body }) => body.toString('utf8').at(-2))).toEqual(['a', 'c', 'd'])
  })

  test('that cannot be sent when its turn comes leaves no listener behind', async () => {
    const { peer, puppet } = await puppetServer({}, Buffer.of())
    const { signal } = new AbortController()
    const api = peer.client(work)
    const running = Array.from({ length: 128 }, (_, index) => api.do(index))
    const tooLong = quiet(api.do('x'.repeat(5_000), { signal }))
    puppet.write(hello({ settings: [[2, 1_024]] }))
    for (const call of running) {
      await puppet.answer('0')
      await call
    }
    expect(await rejection(tooLong)).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect(listeners(signal)).toBe(0)
  })

  test('starts when HELLO allows more of them, before those that are made later', async () => {
    const { peer, puppet } = await puppetServer({}, Buffer.of())
    const api = peer.client(work)
    const calls = Array.from({ length: 130 }, (_, index) => api.do(index))
    await until('128 calls', () => framesOf(puppet, TYPE.open).length === 128)
    puppet.write(hello({ settings: [[3, 1_000]] }))
    await until('HELLO', () => peer.state === 'ready')
    calls.push(api.do(130))
    await until('all calls', () => framesOf(puppet, TYPE.open).length === 131)
    const inputs = framesOf(puppet, TYPE.open).map(({ body }) => Number(/(\d+)$/.exec(body.toString('latin1'))?.[1]))
    expect(inputs).toEqual(Array.from({ length: 131 }, (_, index) => index))
    for (const _ of calls) await puppet.answer('0')
    await Promise.all(calls)
  })

  test('sends the bytes that it was given, whatever happened to them since', async () => {
    const { peer, puppet } = await puppetServer({}, hello({ settings: [[3, 1]] }))
    await until('HELLO', () => peer.state === 'ready')
    const api = peer.client(work)
    const bytes = Buffer.from('mine')
    const calls = [api.store(bytes), api.store(bytes)]
    bytes.fill('?')
    for (const _ of calls) {
      const { id, body } = await puppet.next(TYPE.open)
      expect(body.toString('latin1')).toMatch(/mine$/)
      puppet.write(data(id, '', FLAG.last | FLAG.none))
    }
    await Promise.all(calls)
  })
})

describe('CANCEL', () => {
  test('ends the handler`s signal, nothing more is sent, and the place is free when the handler has settled', async () => {
    const gate = defer<unknown>()
    const reasons: unknown[] = []
    const service = implement(work, {
      async do(_, { signal }) {
        signal.addEventListener('abort', () => reasons.push(signal.reason))
        return gate.promise
      },
      tell: () => {},
      store: () => {},
    })
    const puppet = await puppetClient(await startServer({ services: [service], limits: { maxStreams: 1 } }))
    puppet.write(open(1, 'work.do', '1'), cancel(1, CODE.cancelled), cancel(1, CODE.deadline), open(3, 'work.do', '1'))
    expect(await puppet.next(TYPE.end)).toMatchObject({ id: 3 })
    expect(reasons).toMatchObject([{ code: 'CANCELLED', message: 'the caller gave up' }])
    gate.resolve('late')
    await turn()
    puppet.write(open(5, 'work.do', '1'))
    expect(await puppet.next(TYPE.data)).toMatchObject({ id: 5 })
    expect(puppet.received.filter(({ id }) => id === 1)).toEqual([])
  })

  test('that comes before the handler looks at its signal is seen when it does', async () => {
    const gate = defer()
    const seen = defer<AbortSignal>()
    const service = implement(work, {
      async do(_, ctx) {
        await gate.promise
        seen.resolve(ctx.signal)
      },
      tell: () => {},
      store: () => {},
    })
    const puppet = await puppetClient(await startServer({ services: [service] }))
    puppet.write(open(1, 'work.do', '1'), cancel(1, CODE.cancelled), open(3, 'work.none', '1'))
    await puppet.next(TYPE.end)
    gate.resolve()
    const signal = await within('the signal', seen.promise)
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ code: 'CANCELLED' })
  })

  test('that comes while the input is validated: the handler never runs', async () => {
    const gate = defer()
    let runs = 0
    const checked = contract('checked', {
      do: unary({ input: slowSchema<unknown>((value) => value, gate.promise), output: slowSchema<unknown>(() => {}) }),
    })
    const service = implement(checked, { do: () => void runs++ })
    const puppet = await puppetClient(await startServer({ services: [service], limits: { maxStreams: 1 } }))
    puppet.write(open(1, 'checked.do', '1'), cancel(1, CODE.cancelled), open(3, 'checked.do', '1'))
    expect(await puppet.next(TYPE.end)).toMatchObject({ id: 3 }) // no place is free: the first is still there
    gate.resolve()
    await turn()
    puppet.write(open(5, 'checked.do', '1'))
    expect(await puppet.next(TYPE.data)).toMatchObject({ id: 5 })
    expect(runs).toBe(1)
  })
})
