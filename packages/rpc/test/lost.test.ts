import { aborted, quiet, rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { raw } from '../src/codec.ts'
import { contract, oneway, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Ctx } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import { hello, open, readEnd, TYPE } from './frames.ts'
import { causeCode, connectTo, puppetClient, puppetServer, startServer } from './peers.ts'
import type { Puppet } from './puppet.ts'

const work = contract('work', {
  do: unary<unknown, unknown>(),
  fill: unary<Uint8Array, Uint8Array>({ codec: raw }),
  store: oneway<Uint8Array>({ codec: raw }),
})

/** Counts how often a promise settles, and how. */
function settlements(calls: readonly Promise<unknown>[]): { count: number; error: unknown }[] {
  return calls.map((call) => {
    const seen = { count: 0, error: undefined as unknown }
    const onSettled = (error: unknown) => {
      seen.count++
      seen.error = error
    }
    call.then(() => onSettled(undefined), onSettled)
    return seen
  })
}

describe.each<[string, (puppet: Puppet) => void]>([
  ['is cut off', (puppet) => puppet.destroy()],
  ['is ended in good order', (puppet) => puppet.fin()],
  [
    'is ended inside a frame',
    (puppet) => {
      puppet.write(Buffer.from('0000000f0501', 'hex'))
      puppet.fin()
    },
  ],
])('a connection that %s', (_, endIt) => {
  test('settles every call once with UNAVAILABLE and the truth about what was processed', async () => {
    const { peer, puppet } = await puppetServer({}, hello({ settings: [[3, 2]] }))
    await until('HELLO', () => peer.state === 'ready')
    const seen = settlements(Array.from({ length: 5 }, (_, index) => peer.client(work).do(index)))
    await puppet.next(TYPE.open)
    await puppet.next(TYPE.open)
    endIt(puppet)
    await within('the end', peer.closed)
    await turn()
    expect(seen).toMatchObject(
      [false, false, true, true, true].map((notProcessed) => ({
        count: 1,
        error: { code: 'UNAVAILABLE', notProcessed },
      })),
    )
    expect(peer.state).toBe('closed')
    expect(await rejection(peer.client(work).do(1))).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
    await within('close', peer.close(), 5_000)
  })

  test('refuses the calls that are made while it ends: UNAVAILABLE, surely not processed', async () => {
    const { peer, puppet } = await puppetServer()
    await until('HELLO', () => peer.state === 'ready')
    let isOver = false
    void peer.closed.then(() => {
      isOver = true
    })
    endIt(puppet)
    const calls: Promise<unknown>[] = []
    await until('the end', () => {
      calls.push(quiet(peer.client(work).do(1)), quiet(peer.client(work).store(Buffer.of(1))))
      return isOver
    })
    const errors = (await Promise.allSettled(calls)).flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
    expect(errors.length).toBeGreaterThan(0)
    for (const error of errors) {
      expect(error).toBeInstanceOf(RpcError)
      expect(error).toMatchObject({ code: 'UNAVAILABLE' })
    }
    expect(errors.at(-1)).toMatchObject({ notProcessed: true })
  })

  test('aborts the signals of the handlers that run for it, and the server goes on', async () => {
    const contexts: Ctx[] = []
    const errors: unknown[] = []
    const service = implement(work, {
      do: (value, ctx) => {
        contexts.push(ctx)
        return value === 'wait' ? new Promise(() => {}) : value
      },
      fill: () => new Uint8Array(),
      store: () => {},
    })
    const server = await startServer({ services: [service], onError: (error) => errors.push(error) })
    const puppet = await puppetClient(server)
    puppet.write(open(1, 'work.do', '"wait"'))
    await until('the handler', () => contexts.length === 1)
    const { signal, peer } = contexts[0] as Ctx
    expect(signal.aborted).toBe(false)
    endIt(puppet)
    const reason = await within('the signal', aborted(signal))
    expect(reason).toBeInstanceOf(RpcError)
    expect(reason).toMatchObject({ code: 'UNAVAILABLE' })
    expect(peer.state).toBe('closed')
    expect(server.peers.size).toBe(0)
    expect(await (await connectTo(server)).client(work).do('next')).toBe('next')
    expect(errors).toEqual([])
  })
})

test('the error says what happened to the connection, with the transport`s error as its cause', async () => {
  const { peer, puppet } = await puppetServer()
  const call = quiet(peer.client(work).do(1))
  await puppet.next(TYPE.open)
  puppet.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const error = await rejection(call)
  expect(error).toMatchObject({
    message: expect.stringMatching(/^the connection ended \(MESSAGE_TOO_LARGE: .* HTTP\)/),
  })
  expect(causeCode(error)).toBe('MESSAGE_TOO_LARGE')
})

describe('a client that never reads its answers', () => {
  const service = implement(work, { do: (value) => value, fill: () => new Uint8Array(60_000), store: () => {} })
  const request = new Uint8Array(4)

  test('costs no more than maxBuffered: the answers above it are RESOURCE_EXHAUSTED, those below come', async () => {
    const server = await startServer({ services: [service], limits: { maxBuffered: 1_048_576 } })
    const puppet = await puppetClient(server)
    puppet.stopReading()
    const ids = Array.from({ length: 800 }, (_, index) => 2 * index + 1)
    puppet.write(...ids.map((id) => open(id, 'work.fill', request, { encoding: 0 })))
    const other = await connectTo(server)
    for (let turns = 0; turns < 50; turns++) await other.client(work).do('meanwhile')
    puppet.goOnReading()
    const answered = (type: number) => puppet.received.filter((frame) => frame.type === type)
    await until('all answers', () => answered(TYPE.data).length + answered(TYPE.end).length >= 800)
    expect(new Set(answered(TYPE.data).map(({ body }) => body.length))).toEqual(new Set([60_000]))
    for (const refusal of answered(TYPE.end)) expect(readEnd(refusal)).toMatchObject({ code: 8, bits: 0 })
    expect(answered(TYPE.end).length).toBeGreaterThan(0)
  })

  test('is cut off when not even errors have room; the server and its other clients go on', async () => {
    const server = await startServer({ services: [service] })
    const other = await connectTo(server)
    await other.client(work).do(1)
    const puppet = await puppetClient(server)
    await until('the puppet', () => server.peers.size === 2)
    const [, slow] = [...server.peers]
    puppet.stopReading()
    // Each of these letters takes six in the text of the error, which is 512 bytes long at most: 50,000 make 26 MB.
    const name = '\u0001'.repeat(90)
    puppet.write(...Array.from({ length: 50_000 }, (_, index) => open(2 * index + 1, name, request)))
    const info = await within('the cut', slow?.closed as NonNullable<typeof slow>['closed'])
    expect(info.error).toMatchObject({ code: 'SEND_BUFFER_FULL' })
    expect(await other.client(work).do('still here')).toBe('still here')
    expect(server.peers.size).toBe(1)
  })
})

describe('a server that never reads', () => {
  const message = new Uint8Array(60_000)

  test('makes calls wait, then refuses them: RESOURCE_EXHAUSTED, surely not processed', async () => {
    const { peer, puppet } = await puppetServer({ limits: { maxQueued: 50 } })
    await until('HELLO', () => peer.state === 'ready')
    puppet.stopReading()
    const api = peer.client(work)
    const calls: Promise<unknown>[] = []
    const errors: unknown[] = []
    await until('the queue is full', () => {
      for (let count = 0; count < 40; count++) calls.push(api.store(message))
      for (const call of calls.slice(-40)) call.catch((error) => errors.push(error))
      return errors.length > 0
    })
    expect(errors[0]).toBeInstanceOf(RpcError)
    const text = 'the peer does not read and 50 wait, the limit is maxQueued 50'
    expect(errors[0]).toMatchObject({ code: 'RESOURCE_EXHAUSTED', notProcessed: true, message: text })
    puppet.destroy()
    const ends = await within('the end', Promise.allSettled(calls))
    const codes = new Set(ends.map((end) => (end.status === 'rejected' ? end.reason.code : 'sent')))
    expect(codes).toEqual(new Set(['sent', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED']))
  })

  test('costs no more than maxBuffered', async () => {
    const { peer, puppet } = await puppetServer({ limits: { maxBuffered: 1_048_576 } })
    await until('HELLO', () => peer.state === 'ready')
    puppet.stopReading()
    const calls = Array.from({ length: 500 }, () => quiet(peer.client(work).store(message)))
    const error = await rejection(calls.at(-1) as Promise<unknown>)
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', notProcessed: true })
    expect(error).toMatchObject({ message: expect.stringContaining('exceed maxBuffered 1048576') })
  })

  test('and then goes on: the calls that waited are on their way', async () => {
    const { peer, puppet } = await puppetServer()
    await until('HELLO', () => peer.state === 'ready')
    puppet.stopReading()
    const api = peer.client(work)
    const calls = Array.from({ length: 250 }, () => api.store(message))
    expect(await Promise.race([calls.at(-1), turn().then(() => 'still waiting')])).toBe('still waiting')
    puppet.goOnReading()
    await within('all calls', Promise.all(calls))
    const closing = peer.close()
    await puppet.goaway()
    puppet.fin()
    await within('close', closing)
    expect(puppet.received.filter(({ type }) => type === TYPE.open)).toHaveLength(250)
  })

  test('a signal ends the wait of a oneway call', async () => {
    const { peer, puppet } = await puppetServer()
    await until('HELLO', () => peer.state === 'ready')
    puppet.stopReading()
    const api = peer.client(work)
    const controller = new AbortController()
    const calls: Promise<void>[] = []
    for (let count = 0; count < 200; count++) calls.push(quiet(api.store(message, { signal: controller.signal })))
    await turn()
    controller.abort('enough')
    const error = await rejection(calls.at(-1) as Promise<void>)
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject({ code: 'CANCELLED', notProcessed: true })
  })
})
