import { aborted, type Deferred, defer, quiet, rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { contract, oneway, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Ctx, Peer } from '../src/peer.ts'
import { type Server, serve } from '../src/serve.ts'
import { data, end, FLAG, GOAWAY, goaway, hello, open, readEnd, readGoaway, TYPE } from './frames.ts'
import { addressOf, connectTo, puppetClient, puppetServer, startServer } from './peers.ts'

const work = contract('work', { do: unary<unknown, unknown>(), now: unary<unknown, unknown>(), tell: oneway<void>() })

/** A service whose calls end when the test says so. */
function held(): { service: ReturnType<typeof implement>; gate: Deferred<unknown>; contexts: Ctx[] } {
  const gate = defer<unknown>()
  const contexts: Ctx[] = []
  const hold = (_: unknown, ctx: Ctx) => {
    contexts.push(ctx)
    return gate.promise
  }
  return { service: implement(work, { do: hold, now: (value) => value, tell: () => {} }), gate, contexts }
}

async function inHandler(): Promise<
  ReturnType<typeof held> & { server: Awaited<ReturnType<typeof startServer>> } & {
    peer: Peer
    call: Promise<unknown>
  }
> {
  const holding = held()
  const server = await startServer({ services: [holding.service] })
  const peer = await connectTo(server)
  const call = quiet(peer.client(work).do(1))
  await until('the handler', () => holding.contexts.length === 1)
  return { ...holding, server, peer, call }
}

const isUnavailable = (notProcessed: boolean) => ({ code: 'UNAVAILABLE', notProcessed })

describe('a server that closes', () => {
  test('lets running calls end, refuses new ones, and is closed when the last has ended', async () => {
    const { server, peer, call, gate } = await inHandler()
    let isClosed = false
    const closing = server.close().then(() => {
      isClosed = true
    })
    await until('GOAWAY', () => peer.state === 'draining')
    const error = await rejection(peer.client(work).now(1))
    expect(error).toMatchObject({ ...isUnavailable(true), message: expect.stringContaining('the server shuts down') })
    expect(isClosed).toBe(false)
    gate.resolve('done')
    expect(await call).toBe('done')
    await within('close', closing)
    expect(await within('the peer', peer.closed)).toMatchObject({ initiator: 'peer', error: undefined })
    expect(peer.state).toBe('closed')
    expect(server.addresses).toEqual([])
    expect(server.peers.size).toBe(0)
  })

  test('says GOAWAY with the last id, and answers what comes after it: surely not processed', async () => {
    const { service, gate, contexts } = held()
    const server = await startServer({ services: [service] })
    const puppet = await puppetClient(server)
    puppet.write(open(5, 'work.do', '1'))
    await until('the handler', () => contexts.length === 1)
    const closing = server.close()
    expect(await puppet.goaway()).toEqual({ lastId: 5, reason: GOAWAY.drain, text: 'the server shuts down' })
    puppet.write(open(7, 'work.now', '1'), open(9, 'work.tell', '', { flags: FLAG.last | FLAG.oneway | FLAG.none }))
    const refusal = await puppet.next(TYPE.end)
    expect(refusal.id).toBe(7)
    expect(readEnd(refusal)).toMatchObject({ code: 14, bits: 1, text: 'the peer is shutting down' })
    gate.resolve(5)
    expect(await puppet.next(TYPE.data)).toMatchObject({ id: 5 })
    expect(await puppet.over).toBe('end')
    puppet.fin()
    await within('close', closing)
    expect(puppet.received.filter(({ type }) => type === TYPE.end)).toHaveLength(1)
  })

  test('cuts off what runs longer than drainMs: UNAVAILABLE there, an aborted signal here', async () => {
    const { server, call, contexts, gate } = await inHandler()
    const { signal } = contexts[0] as Ctx
    await within('close', server.close({ drainMs: 10 }), 5_000)
    expect(await rejection(call)).toMatchObject(isUnavailable(false))
    expect(await aborted(signal)).toMatchObject({ code: 'UNAVAILABLE' })
    gate.resolve('nobody waits for this any more')
    await turn()
  })

  test.each<[string, (server: Server, peer: Peer) => Promise<unknown> | undefined]>([
    ['a server', (server) => server.close({ drainMs: 0 })],
    ['a peer', (server) => [...server.peers][0]?.close({ drainMs: 0 })],
    [
      'a peer that is asked again',
      async (server) => {
        const [peer] = server.peers
        const closing = peer?.close({ drainMs: 0 })
        await peer?.closed
        await turn()
        void peer?.close({ drainMs: 0 })
        await closing
      },
    ],
    [
      'a server whose peer has left before',
      async (server, peer) => {
        await peer.close({ drainMs: 0 })
        await until('the loss', () => server.peers.size === 0)
        await server.close()
      },
    ],
    ['a server that is told to hurry', (server) => Promise.race([server.close(), server.close({ drainMs: 0 })])],
  ])('waits for handlers that put away what they hold: %s', async (_, close) => {
    const gate = defer()
    const events: string[] = []
    const slowly = async (_: unknown, { signal }: Ctx): Promise<void> => {
      gate.resolve()
      await aborted(signal)
      await new Promise((resolve) => setTimeout(resolve, 200))
      events.push('put away')
    }
    const service = implement(work, { do: slowly, now: (value) => value, tell: () => {} })
    const server = await startServer({ services: [service] })
    const peer = await connectTo(server)
    const call = quiet(peer.client(work).do(1))
    await gate.promise
    await close(server, peer)
    events.push('closed')
    expect(events).toEqual(['put away', 'closed'])
    expect(await rejection(call)).toMatchObject(isUnavailable(false))
  })

  test('refuses who comes while it drains: its port is free at once', async () => {
    const { server, call, gate } = await inHandler()
    const { host, port } = addressOf(server) as { host: string; port: number }
    const closing = server.close()
    expect(await rejection(connectTo({ host, port }))).toMatchObject(isUnavailable(true))
    const next = await serve(`tcp://${host}:${port}`, { services: [held().service] })
    await next.close()
    gate.resolve('done')
    expect(await call).toBe('done')
    await within('close', closing)
  })

  test('can be told to hurry', async () => {
    const { server, call } = await inHandler()
    const closing = server.close()
    await within('the second close', server.close({ drainMs: 1 }))
    await within('the first', closing)
    expect(await rejection(call)).toMatchObject(isUnavailable(false))
  })

  test('closes once, however often it is asked', async () => {
    const { server, call, gate } = await inHandler()
    const both = [server.close(), server.close({ drainMs: 0 }), server[Symbol.asyncDispose]()]
    gate.resolve('done')
    expect(await call).toBe('done')
    await within('close', Promise.all(both), 5_000)
  })

  test.each([-1, Number.NaN, '5' as never])(
    'takes no drainMs of %j, and can be closed all the same',
    async (drainMs) => {
      const { service } = held()
      const server = await startServer({ services: [service] })
      expect(() => server.close({ drainMs })).toThrow(new RangeError(`drainMs must be 0 or more, got ${drainMs}`))
      await expect(startServer({ services: [service], drainMs })).rejects.toThrow(RangeError)
      await within('close', server.close())
    },
  )
})

describe('a peer that closes', () => {
  test('goes through its states: connecting, ready, draining, closed', async () => {
    const { peer, puppet } = await puppetServer({}, Buffer.of())
    expect(peer.state).toBe('connecting')
    puppet.write(hello())
    await until('HELLO', () => peer.state === 'ready')
    const call = peer.client(work).do(1)
    await puppet.next(TYPE.open)
    const closing = peer.close({ reason: 'lunch' })
    expect(peer.state).toBe('draining')
    expect(await puppet.goaway()).toEqual({ lastId: 0, reason: GOAWAY.drain, text: 'lunch' })
    puppet.write(data(1, '1'))
    expect(await call).toBe(1)
    await puppet.over
    puppet.fin()
    await closing
    expect(peer.state).toBe('closed')
  })

  test('lets its own calls end, and starts no others', async () => {
    const { peer, call, gate } = await inHandler()
    const closing = peer.close()
    expect(await rejection(peer.client(work).now(1))).toMatchObject(isUnavailable(true))
    gate.resolve('done')
    expect(await call).toBe('done')
    await within('close', closing, 5_000)
    expect(await rejection(peer.client(work).now(1))).toMatchObject(isUnavailable(true))
    expect(await rejection(peer.call('work.now'))).toMatchObject(isUnavailable(true))
  })

  test('before the other side`s HELLO has come gets the answers that are under way', async () => {
    const { peer, puppet } = await puppetServer({}, Buffer.of())
    const call = peer.client(work).do(1)
    const closing = peer.close()
    await puppet.goaway()
    puppet.write(hello(), data(1, '"in time"'))
    expect(await within('the call', call)).toBe('in time')
    await puppet.over
    puppet.fin()
    await closing
    expect(puppet.received.filter(({ type }) => type === TYPE.goaway)).toHaveLength(1)
  })

  test('with drainMs 0 fails what is under way, with the truth about what was processed', async () => {
    const { peer, puppet } = await puppetServer({}, hello({ settings: [[3, 1]] }))
    await until('HELLO', () => peer.state === 'ready')
    const calls = [peer.client(work).do(1), peer.client(work).do(2)].map(quiet)
    await puppet.next(TYPE.open)
    const closing = peer.close({ drainMs: 0 })
    expect(await rejection(calls[1] as Promise<unknown>)).toMatchObject(isUnavailable(true))
    expect(await rejection(calls[0] as Promise<unknown>)).toMatchObject(isUnavailable(false))
    await puppet.over
    puppet.fin()
    await closing
  })

  test('twice at a time is closed for both as soon as the last call has ended', async () => {
    const { peer, call, gate } = await inHandler()
    const both = [peer.close(), peer.close({ drainMs: 20_000 }), peer[Symbol.asyncDispose]()]
    gate.resolve('done')
    expect(await call).toBe('done')
    await within('both', Promise.all(both), 5_000)
    await within('a third', peer.close(), 5_000)
  })

  test('twice: the shorter time holds', async () => {
    const { peer, call } = await inHandler()
    const both = [peer.close({ drainMs: 20_000 }), peer.close({ drainMs: 1 })]
    expect(await rejection(call)).toMatchObject(isUnavailable(false))
    await within('both', Promise.all(both), 5_000)
  })

  test('takes no calls after the other side`s GOAWAY either', async () => {
    const { service, contexts } = held()
    const { peer, puppet } = await puppetServer({ services: [service] })
    puppet.write(goaway(0, GOAWAY.drain), open(2, 'work.now', '1'))
    expect(await puppet.next(TYPE.data)).toMatchObject({ id: 2 })
    puppet.write(open(4, 'work.do', '1'))
    await until('the handler', () => contexts.length === 1)
    const closing = peer.close({ drainMs: 50 })
    expect(await puppet.goaway()).toMatchObject({ lastId: 4, reason: GOAWAY.drain })
    puppet.write(open(6, 'work.now', '1'))
    expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 14, bits: 1 })
    await puppet.over
    puppet.fin()
    await closing
  })

  test.each([-1, Number.NaN, '5' as never])('takes no drainMs of %j', async (drainMs) => {
    const { peer } = await puppetServer()
    await expect(peer.close({ drainMs })).rejects.toThrow(RangeError)
    expect(peer.state).not.toBe('closed')
  })

  test.each([true, false])('takes no reason that is no text, and goes on (reconnect: %s)', async (reconnect) => {
    const server = await startServer({ services: [held().service] })
    const peer = await connectTo(server, { reconnect })
    const reason = new Error('why') as unknown as string
    expect(await rejection(peer.close({ reason }))).toEqual(new TypeError('reason must be a string, got object'))
    expect(await peer.client(work).now(1)).toBe(1)
  })

  test.each<[string, (value: unknown, ctx: Ctx) => unknown]>([
    [
      'at once',
      (value, ctx) => {
        void ctx.peer.close()
        return value
      },
    ],
    [
      'later',
      async (value, ctx) => {
        void ctx.peer.close()
        await turn()
        return value
      },
    ],
  ])('inside a handler still sends that handler`s answer, given %s', async (_, close) => {
    const service = implement(work, { do: close, now: (value) => value, tell: () => {} })
    const peer = await connectTo(await startServer({ services: [service] }))
    expect(await peer.client(work).do('answer')).toBe('answer')
    await within('the end', peer.closed)
  })
})

describe('GOAWAY of the other side', () => {
  test('fails the calls above its last id as not processed, and lets the others end', async () => {
    const { peer, puppet } = await puppetServer({}, hello({ settings: [[3, 3]] }))
    await until('HELLO', () => peer.state === 'ready')
    const calls = Array.from({ length: 5 }, (_, index) => quiet(peer.client(work).do(index)))
    await until('3 calls', () => puppet.received.filter(({ type }) => type === TYPE.open).length === 3)
    puppet.write(goaway(3, GOAWAY.drain, 'caf\u00e9'))
    const message = 'the peer goes away (drain): caf\u00e9'
    for (const call of calls.slice(2)) expect(await rejection(call)).toMatchObject({ ...isUnavailable(true), message })
    expect(await rejection(peer.client(work).do(5))).toMatchObject({ ...isUnavailable(true), message })
    puppet.write(data(1, '"one"'), data(5, '"too late"'), end(3, 5, { message: 'gone' }))
    expect(await calls[0]).toBe('one')
    expect(await rejection(calls[1] as Promise<unknown>)).toMatchObject({ code: 'NOT_FOUND' })
    puppet.fin()
    await within('the end', peer.closed)
  })

  test('can come again with a lower id', async () => {
    const { peer, puppet } = await puppetServer()
    const calls = [1, 2].map((value) => quiet(peer.client(work).do(value)))
    await puppet.next(TYPE.open)
    puppet.write(goaway(3, GOAWAY.drain), goaway(1, GOAWAY.drain), data(1, '"one"'))
    expect(await rejection(calls[1] as Promise<unknown>)).toMatchObject(isUnavailable(true))
    expect(await calls[0]).toBe('one')
  })

  test('with a reason that no version knows counts as a protocol error', async () => {
    const { peer, puppet } = await puppetServer()
    puppet.write(goaway(0, 99, 'odd'))
    await until('draining', () => peer.state === 'draining')
    const message = 'the peer goes away (protocol error): odd'
    expect(await rejection(peer.client(work).do(1))).toMatchObject({ ...isUnavailable(true), message })
  })
})

test('what this side says when it closes is cut, never refused', async () => {
  const { peer, puppet } = await puppetServer()
  const closing = peer.close({ reason: `x${'\u20ac'.repeat(400)}` })
  const frame = await puppet.next(TYPE.goaway)
  expect(readGoaway(frame).text).toBe(`x${'\u20ac'.repeat(170)}`)
  puppet.fin()
  await closing
})
