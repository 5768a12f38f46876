import { getEventListeners, once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { bytesOf, frames, MiB, message, text } from '../test/messages.ts'
import { rawConnect, rawServer, readToEnd } from '../test/raw-sockets.ts'
import type { Address } from './address.ts'
import { connect } from './connect.ts'
import type { Connection } from './connection.ts'
import { Listener } from './listener.ts'
import { listen, Server } from './server.ts'
import { checkServerOptions, type ServerOptions } from './server-options.ts'

const ANY_PORT = 'tcp://127.0.0.1:0'
const mistake = new Error('mine')
const fail = () => {
  throw mistake
}

async function open(
  onConnection?: (connection: Connection) => void,
  options: ServerOptions = {},
  address: Address = ANY_PORT,
): Promise<Server> {
  const server = await within('listen', listen(address, options, onConnection))
  onTestFinished(async () => {
    for (const connection of server.connections) connection.destroy()
    await server.close()
  })
  return server
}

const addressOf = (server: Server) => server.addresses[0] as Exclude<Address, string>

async function client(server: Server): Promise<Connection> {
  const connection = await within('connect', connect(addressOf(server)))
  onTestFinished(() => connection.destroy())
  return connection
}

const echo = (connection: Connection) => connection.on('message', (message) => connection.send(message))

async function ask(connection: Connection, question: string): Promise<string> {
  const answered = once(connection, 'message')
  connection.send(bytesOf(question))
  const [answer] = (await within('an answer', answered)) as [Uint8Array]
  return text(answer)
}

const socketPath = () => join(tmpdir(), `framewire-${process.pid}-${Math.random().toString(36).slice(2)}.sock`)

describe('listen', () => {
  test('tells where it listens, and nothing once it is closed', async () => {
    const server = await open()
    expect(server.addresses).toEqual([{ host: '127.0.0.1', port: expect.any(Number) }])
    const path = socketPath()
    const unix = await open(undefined, {}, { path })
    expect(unix.addresses).toEqual([{ path }])
    await Promise.all([server.close(), unix.close()])
    expect([server.addresses, unix.addresses]).toEqual([[], []])
  })

  test('on a port in use is ADDRESS_IN_USE, names the address and is worth another try', async () => {
    const { port } = await rawServer(() => {})
    expect(await rejection(listen({ host: '127.0.0.1', port }))).toMatchObject({
      name: 'TransportError',
      code: 'ADDRESS_IN_USE',
      message: `tcp://127.0.0.1:${port} is in use`,
      retryable: true,
      cause: { code: 'EADDRINUSE' },
    })
  })

  test('on a port in use says so of every address where no host was asked for', async () => {
    const { port } = addressOf(await open(undefined, {}, { port: 0 })) as { port: number }
    const message = `tcp://*:${port} is in use`
    expect(await rejection(listen({ port }))).toMatchObject({ code: 'ADDRESS_IN_USE', message })
  })

  test('on a path in use is ADDRESS_IN_USE and names the path', async () => {
    const path = socketPath()
    await open(undefined, {}, { path })
    expect(await rejection(listen(`unix:${path}`))).toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `unix:${path} is in use`,
    })
  })

  test('where it cannot is LISTEN_FAILED and names the address', async () => {
    const path = '/nowhere/at/all.sock'
    expect(await rejection(listen({ path }))).toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`unix:${path} cannot be listened on: listen `),
      retryable: false,
    })
  })

  test('with options that cannot be meant rejects with RangeError', async () => {
    expect(await rejection(listen(ANY_PORT, { drainTimeoutMs: 0 }))).toBeInstanceOf(RangeError)
    expect(await rejection(listen(ANY_PORT, { sendHighWaterMark: 0 }))).toBeInstanceOf(RangeError)
  })

  test.each([
    ['before', (_: AbortController) => {}, true],
    ['while it begins', (controller: AbortController) => controller.abort(mistake), false],
  ])('aborted %s is ABORTED, and nobody listens afterwards', async (_, abort, isAborted) => {
    const controller = new AbortController()
    if (isAborted) controller.abort(mistake)
    const { server, port } = await rawServer(() => {})
    server.close()
    await within('close', once(server, 'close'))
    const listening = listen({ host: '127.0.0.1', port }, { signal: controller.signal })
    abort(controller)
    expect(await rejection(listening)).toMatchObject({ code: 'ABORTED', message: 'listen was aborted', cause: mistake })
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    await turn()
    expect(await rejection(connect({ host: '127.0.0.1', port }))).toMatchObject({ code: 'CONNECT_REFUSED' })
  })

  test('pays no attention to its signal once it listens', async () => {
    const controller = new AbortController()
    const server = await open(echo, { signal: controller.signal })
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    controller.abort()
    expect(await ask(await client(server), 'a')).toBe('a')
  })
})

describe('connections', () => {
  test('stand in the set while they are not closed', async () => {
    const server = await open()
    const accepted = once(server, 'connection')
    const connection = await client(server)
    const [other] = (await within('accepted', accepted)) as [Connection]
    expect([...server.connections]).toEqual([other])
    expect(other).toMatchObject({ local: connection.remote, remote: connection.local, state: 'open' })
    connection.destroy()
    await until('the set is empty', () => server.connections.size === 0)
  })

  test('are given the options of the server', async () => {
    const seen: boolean[] = []
    const server = await open((connection) => seen.push(connection.send(bytesOf('a'))), {
      sendHighWaterMark: 1,
      sendLowWaterMark: 0,
    })
    await client(server)
    await until('a send', () => seen.length > 0)
    expect(seen).toEqual([false])
  })

  const throwing: [string, (connection: Connection) => unknown][] = [
    ['throws', fail],
    ['rejects', async () => fail()],
    ['rejects later', (connection) => within('a', once(connection, 'message')).then(fail)],
  ]

  test.each(throwing)('whose onConnection %s end with ABORTED, and only those', async (_, handle) => {
    const accepted: Connection[] = []
    const server = await open((connection) => {
      accepted.push(connection)
      return accepted.length === 1 ? (handle(connection) as undefined) : void echo(connection)
    })
    const first = await client(server)
    first.send(bytesOf('a'))
    await within('the first one ends', first.closed)
    expect(await (accepted[0] as Connection).closed).toMatchObject({
      initiator: 'local',
      error: { code: 'ABORTED', message: 'mine', cause: mistake },
    })
    expect(await ask(await client(server), 'b')).toBe('b')
  })

  test('whose async onConnection fails for the reset it served end quietly; a mistake after the end is a warning', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => emitWarning.mockRestore())
    const ended: unknown[] = []
    const server = await open(async (connection) => {
      try {
        for await (const _ of connection);
      } catch (error) {
        ended.push(error)
        throw ended.length === 1 ? error : mistake
      }
    })
    for (const count of [1, 2]) {
      const socket = await rawConnect(addressOf(server))
      await until('accepted', () => server.connections.size === 1)
      socket.resetAndDestroy()
      await until('reset', () => ended.length === count)
      await turn()
      expect(emitWarning).toHaveBeenCalledTimes(count - 1)
    }
    expect(ended).toMatchObject([{ code: 'CONNECTION_RESET' }, { code: 'CONNECTION_RESET' }])
    expect(emitWarning.mock.lastCall).toEqual([expect.objectContaining({ code: 'ABORTED', cause: mistake })])
  })
})

test('connections and stats know who has left when its close is told', async () => {
  const remaining: unknown[] = []
  const server = await open((connection) => {
    connection.on('close', () => remaining.push([server.connections.size, server.stats().live]))
  })
  const clients = [await client(server), await client(server), await client(server)]
  await until('three', () => server.connections.size === 3)
  for (const each of clients) await within('close', each.close())
  await until('all ends', () => remaining.length === 3)
  expect(remaining).toEqual([
    [2, 2],
    [1, 1],
    [0, 0],
  ])
})

describe('close', () => {
  test('stops accepting, lets what is queued arrive and counts what ended in good order', async () => {
    const server = await open(echo)
    const socket = await rawConnect(addressOf(server))
    const reading = readToEnd(socket)
    socket.write(frames('a', 'b'))
    await until('both arrived', () => [...server.connections][0]?.stats().messagesReceived === 2)
    const { port } = addressOf(server) as { port: number }
    const closed = server.close()
    expect(await rejection(connect({ host: '127.0.0.1', port }))).toMatchObject({ code: 'CONNECT_REFUSED' })
    expect(Buffer.compare(await reading, frames('a', 'b'))).toBe(0)
    socket.end()
    expect(await within('close', closed)).toEqual({ drained: 1, destroyed: 0 })
    expect(server.connections.size).toBe(0)
  })

  test('cuts off at the deadline those that do not take what is queued', async () => {
    const server = await open((connection) => {
      for (let count = 0; count < 12; count++) connection.send(message(count, MiB))
    })
    await rawConnect(addressOf(server))
    await until('accepted', () => server.connections.size === 1)
    const [connection] = server.connections
    const before = performance.now()
    expect(await within('close', server.close({ drainTimeoutMs: 100 }))).toEqual({ drained: 0, destroyed: 1 })
    expect(performance.now() - before).toBeLessThan(2000)
    expect(await connection?.closed).toMatchObject({ error: { code: 'WRITE_TIMEOUT' } })
  })

  test('holds its deadline also for a connection that was closing without one', async () => {
    const server = await open((connection) => void connection.close({ timeoutMs: Number.POSITIVE_INFINITY }))
    await rawConnect(addressOf(server))
    await until('accepted', () => server.connections.size === 1)
    await within('close', server.close({ drainTimeoutMs: 50 }), 2_000)
  })

  test('takes its deadline from drainTimeoutMs of listen', async () => {
    const server = await open(undefined, { drainTimeoutMs: 50 })
    await rawConnect(addressOf(server))
    await until('accepted', () => server.connections.size === 1)
    await within('close', server.close(), 2_000)
  })

  test('refuses a time that cannot be meant, and goes on listening', async () => {
    const server = await open(echo)
    expect(() => server.close({ drainTimeoutMs: 0 })).toThrow(RangeError)
    expect(await ask(await client(server), 'a')).toBe('a')
  })

  test('gives one answer to all who ask, and one event', async () => {
    const server = await open()
    const infos: unknown[] = []
    server.on('close', (info) => infos.push(info))
    const [one, other] = await Promise.all([server.close(), server.close(), server[Symbol.asyncDispose]()])
    expect(one).toEqual({ drained: 0, destroyed: 0 })
    expect(other).toBe(one)
    expect(infos).toEqual([one])
  })

  test.each([
    ['throws', fail],
    ['rejects', async () => fail()],
  ])('resolves although a close listener %s, which is a warning', async (_, listener) => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => emitWarning.mockRestore())
    const server = await open()
    server.on('close', listener)
    expect(await within('close', server.close())).toEqual({ drained: 0, destroyed: 0 })
    await turn()
    expect(emitWarning.mock.calls).toEqual([[expect.objectContaining({ code: 'ABORTED', cause: mistake })]])
  })
})

test('an error of the listening socket goes to those who listen for it, and takes nothing down', () => {
  const inner = new Listener({ port: 0 }, {})
  const server = new Server([inner], checkServerOptions({}))
  const failure = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' })
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  onTestFinished(() => emitWarning.mockRestore())
  expect(() => inner.onError(failure)).not.toThrow()
  expect(emitWarning).not.toHaveBeenCalled()
  const errors: unknown[] = []
  server.on('error', (error) => errors.push(error))
  inner.onError(failure)
  expect(errors).toMatchObject([{ code: 'LISTEN_FAILED', message: 'accept EMFILE', cause: failure }])
  server.on('error', fail)
  expect(() => inner.onError(failure)).not.toThrow()
  expect(emitWarning).toHaveBeenCalledOnce()
})
