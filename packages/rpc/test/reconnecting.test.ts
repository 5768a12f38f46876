import { getEventListeners } from 'node:events'
import { defer, quiet, rejection, until, within } from '@framewire/testkit'
import { connect as dial, type Endpoint } from '@framewire/transport'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ConnectOptions, connectBy } from '../src/connect.ts'
import { bidi, clientStream, contract, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Peer } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import type { Server } from '../src/serve.ts'
import { data, end, frame, goaway, hello, TYPE, u32 } from './frames.ts'
import { addressOf, startServer } from './peers.ts'
import { type Puppet, PuppetServer } from './puppet.ts'

const work = contract('work', {
  echo: unary<unknown, unknown>(),
  hold: unary<void, string>(),
  count: serverStream<number, number>(),
  upper: bidi<string, string>(),
  sum: clientStream<number, number>(),
})

const FAST = { baseDelayMs: 5, minDelayMs: 1, maxDelayMs: 50 }

function serviceOf(held = defer<string>(), onHold: () => void = () => {}) {
  return implement(work, {
    echo: (value) => value,
    hold: () => {
      onHold()
      return held.promise
    },
    async *count(to) {
      for (let number = 0; number < to; number++) yield number
    },
    async *upper(lines) {
      for await (const line of lines) yield line.toUpperCase()
    },
    async sum(values) {
      let sum = 0
      for await (const value of values) sum += value
      return sum
    },
  })
}

async function peerOf(
  servers: readonly (Server | Endpoint)[],
  options: ConnectOptions = {},
  firstId?: number,
): Promise<Peer> {
  const addresses = servers.map((server) => ('addresses' in server ? addressOf(server) : server))
  const peer = await connectBy(dial, addresses, { reconnect: FAST, ...options }, firstId)
  onTestFinished(() => peer.close({ drainMs: 0 }))
  return peer
}

describe('a peer', () => {
  test('outlives its connection: what was on it is UNAVAILABLE, what comes then waits for the next and succeeds', async () => {
    const listening = await PuppetServer.listen()
    onTestFinished(() => listening.close())
    const connecting = peerOf([listening.address])
    const first = await listening.next()
    first.write(hello())
    const peer = await connecting
    expect(peer.state).toBe('ready')
    const lost = quiet(peer.client(work).echo(1))
    await first.next(TYPE.open)
    first.destroy()
    expect(await rejection(lost)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: false })
    expect(peer.state).toBe('connecting')
    const call = peer.client(work).echo(2)
    const second = await within('the second connection', listening.next())
    second.write(hello())
    await second.next(TYPE.open)
    second.write(data(1, '2'))
    expect(await call).toBe(2)
    second.destroy()
  })

  test('fails calls at once while nothing answers, but for those that wait for it', async () => {
    const held = defer<string>()
    const server = await startServer({ services: [serviceOf(held)] })
    const address = addressOf(server)
    const peer = await peerOf([server])
    await server.close({ drainMs: 0 })
    const api = peer.client(work)
    const patient = api.echo('patient', { waitForReady: true })
    await until('a call fails', () => peer.state === 'connecting')
    let error: unknown
    while (!(error instanceof RpcError)) error = await api.echo(1).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
    const late = quiet(api.echo(1, { waitForReady: true, timeoutMs: 20 }))
    expect(await rejection(late)).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      notProcessed: true,
      message: expect.stringContaining('connecting'),
    })
    const signal = AbortSignal.timeout(5)
    expect(await rejection(api.echo(1, { waitForReady: true, signal }))).toMatchObject({ code: 'CANCELLED' })
    const { port } = address as { port: number }
    const again = await import('../src/serve.ts').then(({ serve }) =>
      serve(`tcp://127.0.0.1:${port}`, { services: [serviceOf()] }),
    )
    onTestFinished(() => again.close({ drainMs: 0 }))
    expect(await within('the patient call', patient)).toBe('patient')
  })

  test('holds no more calls than maxQueued while it connects', async () => {
    const peer = await peerOf([{ host: '127.0.0.1', port: 1 }], { waitForReady: true, maxQueued: 3 })
    const api = peer.client(work)
    const calls = Array.from({ length: 4 }, () => quiet(api.echo(1)))
    expect(await rejection(calls[3] as Promise<unknown>)).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      notProcessed: true,
      message: 'there is no connection and 3 wait, the limit is maxQueued 3',
    })
    await peer.close()
    for (const call of calls.slice(0, 3))
      expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
    expect(peer.state).toBe('closed')
  })

  test('that finds nobody is not made, and its signal gives it up', async () => {
    const nobody = { host: '127.0.0.1', port: 1 }
    expect(await rejection(peerOf([nobody, nobody]))).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
    const silent = await PuppetServer.listen()
    onTestFinished(() => silent.close())
    const controller = new AbortController()
    const connecting = quiet(peerOf([silent.address], { signal: controller.signal }))
    const puppet = await silent.next()
    onTestFinished(() => puppet.destroy())
    controller.abort('enough')
    expect(await rejection(connecting)).toMatchObject({ code: 'CANCELLED' })
  })

  test('that does not wait for its first connection is given up by its signal until that stands', async () => {
    const nobody = { host: '127.0.0.1', port: 1 }
    const controller = new AbortController()
    const patient = { waitForReady: true, signal: controller.signal }
    const peer = await peerOf([nobody], patient)
    const call = quiet(peer.client(work).echo(1))
    const steady = await peerOf([await startServer({ services: [serviceOf()] })], patient)
    expect(await steady.client(work).echo(1)).toBe(1)
    controller.abort('enough')
    await within('the end', peer.closed)
    expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
    expect(await steady.client(work).echo(2)).toBe(2)
    expect(await rejection(peerOf([nobody], patient))).toMatchObject({ code: 'CANCELLED' })
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  test.each([true, false])(
    'takes no signal that is none, and leaves nothing behind (waitForReady: %s)',
    async (waitForReady) => {
      let dials = 0
      const counting: typeof dial = (...all) => {
        dials++
        return dial(...all)
      }
      const signal = {} as AbortSignal
      const connecting = connectBy(counting, { host: '127.0.0.1', port: 1 }, { waitForReady, signal, reconnect: FAST })
      expect(await rejection(connecting)).toEqual(new TypeError('signal must be an AbortSignal'))
      expect(dials).toBe(0)
    },
  )

  test('leaves a server that drains: calls under way end there, new ones go to the other', async () => {
    const held = defer<string>()
    let isHeld = false
    const first = await startServer({
      services: [
        serviceOf(held, () => {
          isHeld = true
        }),
      ],
    })
    const second = await startServer({ services: [serviceOf()] })
    const peer = await peerOf([first, second])
    const api = peer.client(work)
    const old = api.hold()
    await until('the handler', () => isHeld)
    const closing = first.close()
    await until('the drain', () => peer.state === 'connecting')
    expect(await within('a new call', api.echo('new'))).toBe('new')
    expect(second.peers.size).toBe(1)
    held.resolve('old')
    expect(await old).toBe('old')
    await within('the close', closing)
  })

  test('12. moves to another connection before its stream ids run out, unseen', async () => {
    const server = await startServer({ services: [serviceOf()] })
    const peer = await peerOf([server], {}, 0x7fff_fe81)
    const api = peer.client(work)
    const calls = await Promise.all(Array.from({ length: 500 }, (_, index) => api.echo(index)))
    expect(calls).toEqual(Array.from({ length: 500 }, (_, index) => index))
    await until('one connection', () => server.peers.size === 1)
  })
})

/** The call that comes next, and so many messages of it; '' = nothing more comes. */
async function textsOf(puppet: Puppet, count: number): Promise<string[]> {
  await puppet.next(TYPE.open)
  return messagesOf(puppet, count)
}

async function messagesOf(puppet: Puppet, count: number): Promise<string[]> {
  const texts: string[] = []
  while (texts.length < count) texts.push((await puppet.next(TYPE.data)).body.toString())
  return texts
}

describe('5. a call that was surely not processed', () => {
  async function pair() {
    const listening = await PuppetServer.listen()
    const connecting = peerOf([listening.address])
    const puppets: Puppet[] = []
    const next = async () => {
      const puppet = await within('a connection', listening.next())
      puppets.push(puppet)
      puppet.write(hello())
      return puppet
    }
    const first = await next()
    const peer = await connecting
    onTestFinished(async () => {
      const closing = peer.close({ drainMs: 0 })
      for (const puppet of puppets) puppet.destroy()
      await closing
      void listening.close()
    })
    return { first, peer, next }
  }

  test('above the last stream id of a GOAWAY is made once more, of either kind with one input', async () => {
    const { first, peer, next } = await pair()
    const call = peer.client(work).echo('again')
    const stream = peer.client(work).count(1).next()
    await first.next(TYPE.open)
    await first.next(TYPE.open)
    first.write(goaway(0, 0, 'drain'))
    const second = await next()
    expect((await second.next(TYPE.open)).id).toBe(1)
    await second.next(TYPE.open)
    second.write(data(1, '"again"'), data(3, '0'))
    expect(await call).toBe('again')
    expect(await stream).toEqual({ done: false, value: 0 })
  })

  test('is all that a GOAWAY hands over that is said again: nothing more waits for the end than with one', async () => {
    const { first, peer, next } = await pair()
    const calls = [1, 2].map((value) => quiet(peer.client(work).echo(value)))
    await first.next(TYPE.open)
    await first.next(TYPE.open)
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    first.write(...Array.from({ length: 500 }, () => goaway(3, 0, 'drain')), goaway(1, 0, 'drain'))
    const second = await next()
    await second.next(TYPE.open)
    second.write(data(1, '2'))
    expect(await calls[1]).toBe(2)
    expect(timers() - before).toBeLessThan(100)
    first.write(data(1, '1'))
    expect(await calls[0]).toBe(1)
  })

  test('is made once more with the messages it has sent, and goes on with those it has not', async () => {
    const { first, peer, next } = await pair()
    const more = defer()
    const upper = peer.client(work).upper(
      (async function* () {
        yield 'a'
        yield 'b'
        await more.promise
        yield 'c'
      })(),
    )
    const reply = upper.next()
    expect(await textsOf(first, 2)).toEqual(['"a"', '"b"'])
    first.write(goaway(0, 0, 'drain'))
    const second = await next()
    expect(await textsOf(second, 2)).toEqual(['"a"', '"b"'])
    more.resolve()
    expect(await messagesOf(second, 2)).toEqual(['"c"', ''])
    second.write(data(1, '"A"'))
    expect(await reply).toEqual({ done: false, value: 'A' })
  })

  test('is made once more when all of its messages had been sent', async () => {
    const { first, peer, next } = await pair()
    const sum = peer.client(work).sum([1, 2])
    expect(await textsOf(first, 3)).toEqual(['1', '2', ''])
    first.write(goaway(0, 0, 'drain'))
    const second = await next()
    expect(await textsOf(second, 3)).toEqual(['1', '2', ''])
    second.write(data(1, '3'))
    expect(await sum).toBe(3)
  })

  test('is not made again once the other side has begun with it, and its input is left', async () => {
    const { first, peer, next } = await pair()
    const left = defer()
    const sum = quiet(
      peer.client(work).sum(
        (async function* () {
          try {
            for (;;) yield 1
          } finally {
            left.resolve()
          }
        })(),
      ),
    )
    expect(await textsOf(first, 1)).toEqual(['1'])
    first.write(frame(TYPE.credit, 0, 1, u32(1)), goaway(0, 0, 'drain'))
    expect(await rejection(sum)).toMatchObject({ code: 'UNAVAILABLE' })
    await within('the input', left.promise)
    void next().catch(() => {})
  })

  test('and is refused again fails: it is not made a third time', async () => {
    const { first, peer, next } = await pair()
    const call = quiet(peer.client(work).echo('again'))
    await first.next(TYPE.open)
    first.write(goaway(0, 0, 'drain'))
    const second = await next()
    await second.next(TYPE.open)
    second.write(end(1, 14, { message: 'no', bits: 1 }))
    expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true, message: 'no' })
  })

  test('for another reason, or without NOT_PROCESSED, fails as it is', async () => {
    const { first, peer } = await pair()
    const calls = [1, 2].map((value) => quiet(peer.client(work).echo(value)))
    await first.next(TYPE.open)
    await first.next(TYPE.open)
    first.write(end(1, 14, { message: 'processed' }), end(3, 12, { message: 'no such method', bits: 1 }))
    expect(await rejection(calls[0] as Promise<unknown>)).toMatchObject({ message: 'processed' })
    expect(await rejection(calls[1] as Promise<unknown>)).toMatchObject({ code: 'UNIMPLEMENTED' })
  })
})
