import { getEventListeners, once } from 'node:events'
import { linkSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deafListener } from '../test/deaf-listener.ts'
import { frames } from '../test/messages.ts'
import { rawServer, readToEnd } from '../test/raw-sockets.ts'
import type { Address } from './address.ts'
import { type ConnectOptions, connect } from './connect.ts'
import type { Connection } from './connection.ts'
import type { TransportError } from './transport-error.ts'

/** A port on which nobody listens, until the system gives it to somebody else. */
async function freePort(): Promise<number> {
  const { server, port } = await rawServer(() => {})
  server.close()
  await within('close', once(server, 'close'))
  return port
}

async function open(address: Address, options?: ConnectOptions): Promise<Connection> {
  const connection = await within('connect', connect(address, options))
  onTestFinished(() => connection.destroy())
  return connection
}

const handles = () => process.getActiveResourcesInfo().filter((name) => /TCP|Pipe|Timeout|GetAddrInfo/.test(name))

test('knows both ends', async () => {
  const { port } = await rawServer(() => {})
  const connection = await open(`tcp://127.0.0.1:${port}`)
  expect(connection.remote).toEqual({ host: '127.0.0.1', port })
  expect(connection.local).toMatchObject({ host: '127.0.0.1', port: expect.any(Number) })
})

test('answers a server that sends and half-closes, however long the answer takes', async () => {
  let answers: Promise<Uint8Array> | undefined
  const { port } = await rawServer((socket) => {
    answers = readToEnd(socket)
    socket.end(frames('a', 'b'))
  })
  const connection = await open({ host: '127.0.0.1', port })
  for await (const question of connection) {
    for (let count = 0; count < 5; count++) await turn()
    connection.send(question)
  }
  expect(Buffer.from((await answers) as Uint8Array)).toEqual(Buffer.from(frames('a', 'b')))
  expect(await within('closed', connection.closed)).toMatchObject({ initiator: 'peer', error: undefined })
})

describe('refused', () => {
  test('by a port on which nobody listens is CONNECT_REFUSED, worth another try, and names the port', async () => {
    const port = await freePort()
    expect(await rejection(connect({ host: '127.0.0.1', port }))).toMatchObject({
      name: 'TransportError',
      code: 'CONNECT_REFUSED',
      message: `connect ECONNREFUSED 127.0.0.1:${port}`,
      retryable: true,
      cause: { code: 'ECONNREFUSED' },
    })
  })

  test('by every address of a name says what each of them answered', async () => {
    const port = await freePort()
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
    const lookup = (_: string, __: object, done: (error: null, found: typeof addresses) => void) =>
      done(null, addresses)
    const error = (await rejection(connect({ host: 'two.test', port, lookup } as Address))) as TransportError
    expect(error).toMatchObject({
      code: 'CONNECT_REFUSED',
      message: `connect ECONNREFUSED 127.0.0.1:${port}; connect ECONNREFUSED 127.0.0.2:${port}`,
    })
    expect(error.cause).toBeInstanceOf(AggregateError)
  })

  test('by a unix path that does not exist is CONNECT_REFUSED and names the path', async () => {
    const path = join(tmpdir(), `framewire-${process.pid}-missing.sock`)
    const error = { code: 'CONNECT_REFUSED', message: `connect ENOENT ${path}`, retryable: true }
    expect(await rejection(connect(`unix:${path}`))).toMatchObject(error)
  })

  test('for another reason is CONNECT_FAILED', async () => {
    const lookup = (_: string, __: object, done: (error: Error) => void) => {
      done(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }))
    }
    const error = { code: 'CONNECT_FAILED', message: 'no such name', retryable: false }
    expect(await rejection(connect({ host: 'no.test', port: 1, lookup } as Address))).toMatchObject(error)
  })

  test('by its options rejects before anything is opened', async () => {
    const before = handles()
    expect(await rejection(connect('tcp://127.0.0.1:1', { connectTimeoutMs: 0 }))).toBeInstanceOf(RangeError)
    expect(await rejection(connect('tcp://127.0.0.1:1', { maxQueuedBytes: 0 }))).toBeInstanceOf(RangeError)
    expect(await rejection(connect('127.0.0.1:1'))).toBeInstanceOf(TypeError)
    expect(handles()).toEqual(before)
  })
})

describe('a host that does not answer', () => {
  /** Connects until the backlog is full: what the last attempt was rejected with. */
  async function lastAttempt(port: number, options: ConnectOptions): Promise<unknown> {
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        const connection = await connect({ host: '127.0.0.1', port }, options)
        onTestFinished(() => connection.destroy())
      } catch (error) {
        return error
      }
    }
    throw new Error('the backlog was never full')
  }

  test('is CONNECT_TIMEOUT after connectTimeoutMs, and no handle stays', async () => {
    const port = await deafListener()
    expect(await within('timeout', lastAttempt(port, { connectTimeoutMs: 150 }))).toMatchObject({
      code: 'CONNECT_TIMEOUT',
      message: `tcp://127.0.0.1:${port} did not answer within 150 ms`,
      retryable: true,
    })
    const before = performance.now()
    expect(await rejection(connect({ host: '127.0.0.1', port }, { connectTimeoutMs: 100 }))).toMatchObject({
      code: 'CONNECT_TIMEOUT',
    })
    expect(performance.now() - before).toBeGreaterThanOrEqual(99)
    expect(performance.now() - before).toBeLessThan(2000)
  })

  test('is ABORTED as soon as the signal aborts, with its reason, and the socket is gone', async () => {
    const port = await deafListener()
    await lastAttempt(port, { connectTimeoutMs: 150 })
    const before = handles()
    const controller = new AbortController()
    const connecting = connect({ host: '127.0.0.1', port }, { signal: controller.signal })
    await turn()
    expect(handles().length).toBeGreaterThan(before.length)
    controller.abort('enough')
    expect(await rejection(connecting)).toMatchObject({
      code: 'ABORTED',
      message: 'connect was aborted',
      cause: 'enough',
    })
    await until('no handle of it is left', () => handles().length <= before.length)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })
})

describe('a signal', () => {
  test('that has aborted before opens nothing', async () => {
    const before = handles()
    const signal = AbortSignal.abort('before')
    const connecting = connect('tcp://127.0.0.1:1', { signal })
    expect(handles()).toEqual(before)
    expect(await rejection(connecting)).toMatchObject({ code: 'ABORTED', cause: 'before' })
  })

  test('has no meaning once the connection stands, and keeps no listener', async () => {
    const { port } = await rawServer(() => {})
    const controller = new AbortController()
    const connection = await open({ host: '127.0.0.1', port }, { signal: controller.signal })
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    controller.abort()
    await turn()
    expect(connection.state).toBe('open')
  })

  test('that aborts a thousand times, before, while and after connecting, leaks no handle and no listener', async () => {
    const { server, port } = await rawServer((socket) => socket.resume().on('end', () => socket.end()))
    const before = handles()
    const outcomes = { connected: 0, aborted: 0 }
    const attempt = async (number: number) => {
      const controller = new AbortController()
      const connecting = connect({ host: '127.0.0.1', port }, { signal: controller.signal })
      if (number % 4 === 0) controller.abort()
      else if (number % 4 === 1) process.nextTick(() => controller.abort())
      else if (number % 4 === 2) setImmediate(() => controller.abort())
      try {
        const connection = await connecting
        outcomes.connected++
        connection.destroy()
        await connection.closed
      } catch (error) {
        expect(error).toMatchObject({ code: 'ABORTED' })
        outcomes.aborted++
      }
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    }
    for (let round = 0; round < 50; round++) {
      await within('20 attempts', Promise.all(Array.from({ length: 20 }, (_, index) => attempt(round * 20 + index))))
    }
    expect(outcomes.connected).toBeGreaterThanOrEqual(250)
    expect(outcomes.aborted).toBeGreaterThanOrEqual(500)
    expect(outcomes.connected + outcomes.aborted).toBe(1000)
    await until('every handle is gone', () => handles().length <= before.length)
    server.close()
  })
})

test('a unix socket file that nobody listens on any more is CONNECT_REFUSED', async () => {
  const path = join(tmpdir(), `framewire-${process.pid}-stale.sock`)
  onTestFinished(() => rmSync(path, { force: true }))
  const server = createServer().listen(path)
  await within('listening', once(server, 'listening'))
  // Node unlinks the path when it closes; a link keeps the socket file as a crash would leave it.
  const stale = `${path}.stale`
  onTestFinished(() => rmSync(stale, { force: true }))
  linkSync(path, stale)
  server.close()
  await within('close', once(server, 'close'))
  expect(await rejection(connect({ path: stale }))).toMatchObject({
    code: 'CONNECT_REFUSED',
    message: `connect ECONNREFUSED ${stale}`,
  })
})
