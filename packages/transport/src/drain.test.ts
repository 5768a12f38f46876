import { once } from 'node:events'
import { rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { frames, MiB, message } from '../test/messages.ts'
import { rawConnect, readToEnd } from '../test/raw-sockets.ts'
import { ask } from '../test/tls-ends.ts'
import { connect } from './connect.ts'
import type { Connection } from './connection.ts'
import { listen, type Server } from './server.ts'
import type { ServerOptions } from './server-options.ts'

async function open(options: ServerOptions = {}, onConnection?: (connection: Connection) => void): Promise<Server> {
  const server = await within('listen', listen('tcp://127.0.0.1:0', options, onConnection))
  onTestFinished(async () => {
    for (const connection of server.connections) connection.destroy()
    await server.close()
  })
  return server
}

const portOf = (server: Server) => server.addresses[0] as { host: string; port: number }

async function client(server: Server): Promise<Connection> {
  const connection = await within('connect', connect(portOf(server)))
  onTestFinished(() => connection.destroy())
  return connection
}

test('the state and the event say that the server is closing, before any connection is touched', async () => {
  const server = await open()
  await client(server)
  await until('accepted', () => server.connections.size === 1)
  const seen: unknown[] = []
  server.on('closing', () => seen.push(server.state, server.addresses, [...server.connections][0]?.state))
  expect(server.state).toBe('listening')
  const closed = server.close()
  expect(seen).toEqual(['closing', [], 'open'])
  await within('close', closed)
  expect(server.state).toBe('closed')
})

test('an idle connection whose peer never ends is cut off at the deadline, and counts as destroyed', async () => {
  const server = await open()
  await rawConnect(portOf(server))
  await until('accepted', () => server.connections.size === 1)
  const [connection] = server.connections
  expect(await within('close', server.close({ drainTimeoutMs: 50 }))).toEqual({ drained: 0, destroyed: 1 })
  expect(await connection?.closed).toMatchObject({ error: undefined, unsentBytes: 0 })
  expect(server.stats().closed).toEqual({ CLEAN: 1 })
})

test('one with unsent bytes is cut off with WRITE_TIMEOUT, which says how many and how long', async () => {
  const server = await open({}, (connection) => {
    for (let count = 0; count < 12; count++) connection.send(message(count, MiB))
  })
  await rawConnect(portOf(server))
  await until('accepted', () => server.connections.size === 1)
  const [connection] = server.connections
  await within('close', server.close({ drainTimeoutMs: 50 }))
  const text = /^\d+ bytes were not sent within 50 ms of the server's close$/
  expect((await connection?.closed)?.error).toMatchObject({
    code: 'WRITE_TIMEOUT',
    message: expect.stringMatching(text),
  })
})

test('close called again brings the deadline nearer, and not further away', async () => {
  const server = await open()
  await rawConnect(portOf(server))
  await until('accepted', () => server.connections.size === 1)
  const closed = server.close({ drainTimeoutMs: 600_000 })
  void server.close()
  void server.close({ drainTimeoutMs: 50 })
  void server.close({ drainTimeoutMs: 600_000 })
  expect(await within('close', closed)).toEqual({ drained: 0, destroyed: 1 })
})

describe('beforeClose', () => {
  test('has its time: replies that are owed go out, and what still arrives is answered', async () => {
    let release = (): void => {}
    const work = new Promise<void>((resolve) => {
      release = resolve
    })
    const server = await open({ beforeClose: () => work }, (connection) => {
      connection.on('message', async (question) => {
        await work
        connection.send(question)
      })
    })
    const socket = await rawConnect(portOf(server))
    const answers = readToEnd(socket)
    socket.write(frames('before'))
    const arrived = (count: number) => () => [...server.connections][0]?.stats().messagesReceived === count
    await until('the question', arrived(1))
    const closed = server.close()
    socket.write(frames('after'))
    await until('the other question', arrived(2))
    release()
    expect(Buffer.from(await answers)).toEqual(Buffer.from(frames('before', 'after')))
    socket.end()
    expect(await within('close', closed)).toEqual({ drained: 1, destroyed: 0 })
  })

  test('is called for each connection, and each is closed as soon as its own is done', async () => {
    const waits = new Map<Connection, () => void>()
    const server = await open({
      beforeClose: (connection) => new Promise<void>((resolve) => waits.set(connection, resolve)),
    })
    const clients = [await client(server), await client(server)]
    await until('two', () => server.connections.size === 2)
    const closed = server.close()
    await until('both are asked', () => waits.size === 2)
    const [[one, done]] = [...waits] as [[Connection, () => void]]
    done()
    await within('the first is closed', one.closed)
    expect(clients.map(({ state }) => state).toSorted()).toContain('open')
    for (const release of waits.values()) release()
    expect(await within('close', closed)).toEqual({ drained: 2, destroyed: 0 })
  })

  test('that never ends is over at the deadline, and when its connection is', async () => {
    const server = await open({ beforeClose: () => new Promise(() => {}) })
    const gone = await client(server)
    await client(server)
    await until('two', () => server.connections.size === 2)
    const closed = server.close({ drainTimeoutMs: 200 })
    gone.destroy()
    expect(await within('close', closed)).toMatchObject({ destroyed: expect.any(Number) })
    expect(server.connections.size).toBe(0)
  })

  const mistake = new Error('mine')
  const fail = () => {
    throw mistake
  }
  test.each([
    ['throws', fail],
    ['rejects', async () => fail()],
  ])('that %s ends its connection with ABORTED, and the server closes', async (_, beforeClose) => {
    const server = await open({ beforeClose })
    await client(server)
    await until('accepted', () => server.connections.size === 1)
    const [connection] = server.connections
    expect(await within('close', server.close())).toEqual({ drained: 0, destroyed: 1 })
    expect((await connection?.closed)?.error).toMatchObject({ code: 'ABORTED', cause: mistake })
  })

  test('is not called for a connection that is closing already', async () => {
    const beforeClose = vi.fn()
    const server = await open({ beforeClose }, (connection) => void connection.close())
    await rawConnect(portOf(server))
    await until('accepted', () => server.connections.size === 1)
    await within('close', server.close({ drainTimeoutMs: 50 }))
    expect(beforeClose).not.toHaveBeenCalled()
  })
})

test('a socket that waits in its handshake is dropped at once', async () => {
  const server = await open({ proxyProtocol: { trusted: ['127.0.0.1'] } })
  const drops: string[] = []
  server.on('drop', ({ code, message: text }) => drops.push(`${code} ${text}`))
  await rawConnect(portOf(server))
  await until('pending', () => server.stats().pending === 1)
  expect(await within('close', server.close())).toEqual({ drained: 0, destroyed: 0 })
  expect(drops).toEqual(['CONNECTION_CLOSED the server is closing'])
  expect(server.stats()).toMatchObject({ pending: 0, accepted: 0, dropped: { CONNECTION_CLOSED: 1 } })
})

test('`await using` closes', async () => {
  let port: object | undefined
  {
    await using server = await listen('tcp://127.0.0.1:0')
    port = server.addresses[0]
  }
  expect(await rejection(connect(port as { port: number }))).toMatchObject({ code: 'CONNECT_REFUSED' })
})

test('a user of a graceful restart: the old server answers what it has, the new one takes the port at once', async () => {
  const echo = (connection: Connection) => connection.on('message', (question) => connection.send(question))
  const old = await open({ beforeClose: (connection) => once(connection, 'close') }, echo)
  const first = await client(old)
  expect(await ask(first, 'a')).toBe('a')
  const closed = old.close()
  const { port } = portOf(old) ?? { port: 0 }
  expect(port).toBe(0)
  await turn()
  const address = first.remote as { host: string; port: number }
  const next = await listen(address, { retry: { attempts: 100, delayMs: 10 } }, echo)
  onTestFinished(async () => void (await next.close({ drainTimeoutMs: 50 })))
  expect(await ask(first, 'b')).toBe('b')
  const second = await within('connect', connect(address))
  expect(await ask(second, 'c')).toBe('c')
  await Promise.all([first.close(), second.close()])
  expect(await within('close', closed)).toEqual({ drained: 1, destroyed: 0 })
})
