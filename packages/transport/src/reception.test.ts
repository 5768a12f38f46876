import { once } from 'node:events'
import { rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { rawConnect } from '../test/raw-sockets.ts'
import { ask, isCutOff } from '../test/tls-ends.ts'
import { connect } from './connect.ts'
import { listen, type Server } from './server.ts'
import type { ServerOptions } from './server-options.ts'

async function open(options: ServerOptions): Promise<Server> {
  const server = await within(
    'listen',
    listen('tcp://127.0.0.1:0', options, (connection) =>
      connection.on('message', (message) => connection.send(message)),
    ),
  )
  onTestFinished(async () => {
    for (const connection of server.connections) connection.destroy()
    await server.close()
  })
  return server
}

const attack = (server: Server) => rawConnect(server.addresses[0] as object)

describe('above maxConnections', () => {
  test('a socket is dropped at accept, the event says why and who, and a free place is given again', async () => {
    const server = await open({ maxConnections: 2 })
    const drops: unknown[] = []
    server.on('drop', (reason, remote) => drops.push([reason.code, reason.message, reason.retryable, remote]))
    const sockets = [await attack(server), await attack(server)]
    await until('two', () => server.connections.size === 2)
    const third = await attack(server)
    await within('cut off', isCutOff(third))
    const remote = { host: '127.0.0.1', port: third.localPort }
    expect(drops).toEqual([['TOO_MANY_CONNECTIONS', '3 connections exceed maxConnections 2', true, remote]])
    sockets[0]?.destroy()
    await until('one is gone', () => server.connections.size === 1)
    const client = await within('connect', connect(server.addresses[0] as { port: number }))
    onTestFinished(() => client.destroy())
    expect(await ask(client, 'a')).toBe('a')
    expect(server.stats()).toEqual({
      pending: 0,
      live: 2,
      accepted: 3,
      dropped: { TOO_MANY_CONNECTIONS: 1 },
      closed: { CLEAN: 1 },
      bytesQueued: 0,
    })
  })

  test('sockets that are in a handshake count too', async () => {
    const server = await open({ maxConnections: 3, proxyProtocol: { trusted: ['127.0.0.1'] } })
    await Promise.all([attack(server), attack(server), attack(server)])
    await until('three wait', () => server.stats().pending === 3)
    await within('cut off', isCutOff(await attack(server)))
    expect(server.stats()).toMatchObject({ pending: 3, dropped: { TOO_MANY_CONNECTIONS: 1 } })
  })

  test('from one address only that address is refused', async () => {
    const server = await open({ maxConnectionsPerAddress: 1 })
    const from = (localAddress: string) => rawConnect({ ...(server.addresses[0] as object), localAddress })
    await from('127.0.0.1')
    await until('one', () => server.connections.size === 1)
    await within('cut off', isCutOff(await from('127.0.0.1')))
    await from('127.0.0.2')
    await until('two', () => server.connections.size === 2)
  })

  test('what a drop listener throws is a warning, and the server serves on', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => emitWarning.mockRestore())
    const server = await open({ maxConnections: 1 })
    const mistake = new Error('mine')
    server.on('drop', () => {
      throw mistake
    })
    server.on('drop', async () => {
      throw mistake
    })
    await attack(server)
    await until('one', () => server.connections.size === 1)
    await within('cut off', isCutOff(await attack(server)))
    await turn()
    expect(emitWarning).toHaveBeenCalledWith(expect.objectContaining({ code: 'ABORTED', cause: mistake }))
    expect(server.connections.size).toBe(1)
  })
})

test('the counters add up, whatever happens to the sockets', async () => {
  const server = await open({ maxConnections: 40 })
  let count = 0
  for (let round = 0; round < 5; round++) {
    const sockets = await Promise.all(Array.from({ length: 20 + 10 * round }, () => attack(server)))
    count += sockets.length
    await until('all arrived', () => {
      const { pending, accepted, dropped } = server.stats()
      return pending === 0 && accepted + (dropped.TOO_MANY_CONNECTIONS ?? 0) === count
    })
    for (const [index, socket] of sockets.entries()) {
      if (index % 3 === 0) socket.destroy()
      else if (index % 3 === 1) socket.resetAndDestroy()
      else socket.end(Uint8Array.of(0, 0, 0))
    }
    await until('all are gone', () => server.connections.size === 0)
    const { live, accepted, closed } = server.stats()
    expect(live).toBe(0)
    expect(Object.values(closed).reduce((sum, each) => sum + each, 0)).toBe(accepted)
  }
  expect(server.stats().dropped.TOO_MANY_CONNECTIONS).toBeGreaterThanOrEqual(10 + 20)
})

describe('wrong options are refused before anything listens', () => {
  const wrong: [ServerOptions, typeof RangeError | typeof TypeError][] = [
    [{ maxConnections: 0 }, RangeError],
    [{ maxConnectionsPerAddress: 0 }, RangeError],
    [{ maxConnections: 1.5 }, RangeError],
    [{ handshakeTimeoutMs: 0 }, RangeError],
    [{ backlog: 0 }, RangeError],
    [{ socketMode: 0o1000 }, RangeError],
    [{ beforeClose: 5 as unknown as () => void }, TypeError],
    [{ staleSocket: 'keep' as 'error' }, TypeError],
    [{ retry: { attempts: 0, delayMs: 1 } }, RangeError],
    [{ retry: { attempts: 1, delayMs: Number.POSITIVE_INFINITY } }, RangeError],
    [{ retry: { attempts: 1, delayMs: 0 } }, RangeError],
  ]
  test.each(wrong)('%j', async (options, kind) => {
    expect(await rejection(listen('tcp://127.0.0.1:0', options))).toBeInstanceOf(kind)
  })

  test('and so is no address at all', async () => {
    expect(await rejection(listen([]))).toEqual(new TypeError('listen needs an address'))
  })
})

describe('several addresses', () => {
  test('lead to one server', async () => {
    const server = await listen(['tcp://127.0.0.1:0', { host: '127.0.0.1', port: 0 }])
    onTestFinished(async () => void (await server.close()))
    expect(server.addresses).toHaveLength(2)
    for (const address of server.addresses) await rawConnect(address)
    await until('two', () => server.connections.size === 2)
    for (const connection of server.connections) connection.destroy()
  })

  test('are all or none: one that is in use frees the others', async () => {
    const other = await listen('tcp://127.0.0.1:0')
    onTestFinished(async () => void (await other.close()))
    const server = await listen('tcp://127.0.0.1:0')
    const [free] = server.addresses as readonly { port: number }[]
    await server.close()
    const used = other.addresses[0] as { port: number }
    expect(await rejection(listen([free as { port: number }, used]))).toMatchObject({ code: 'ADDRESS_IN_USE' })
    const again = await listen(free as { port: number }, { retry: { attempts: 100, delayMs: 10 } })
    const accepted = once(again, 'connection')
    await rawConnect(free as object)
    await within('accepted', accepted)
    for (const connection of again.connections) connection.destroy()
    await again.close()
  })
})
