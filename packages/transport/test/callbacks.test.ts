// F36: whatever a callback of the application throws, at once or later, ends its own connection or is a warning. The process
// lives, and so does every other connection.

import { once } from 'node:events'
import { lengthField } from '@framewire/codec'
import { turn, until, within } from '@framewire/testkit'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { connect } from '../src/connect.ts'
import type { Connection } from '../src/connection.ts'
import { listen } from '../src/server.ts'
import type { ServerOptions } from '../src/server-options.ts'
import { bytesOf, KiB, message } from './messages.ts'

const mistake = new Error('mine')
const fail = (): never => {
  throw mistake
}
const failLater = async (): Promise<never> => {
  await turn()
  throw mistake
}

let escaped: unknown[] = []
beforeEach(() => {
  escaped = []
  const note = (error: unknown): void => void escaped.push(error)
  process.on('uncaughtExceptionMonitor', note)
  onTestFinished(() => void process.off('uncaughtExceptionMonitor', note))
})

async function pair(options: ServerOptions = {}, clientOptions: ServerOptions = {}) {
  const server = await listen('tcp://127.0.0.1:0', options)
  const accepted = once(server, 'connection')
  const client = await connect(server.addresses[0] as { port: number }, clientOptions)
  const [connection] = (await within('accepted', accepted)) as [Connection]
  onTestFinished(async () => {
    for (const open of [client, ...server.connections]) open.destroy()
    await server.close()
  })
  return { server, client, connection }
}

type Thrower = () => void
const throwers: [string, Thrower][] = [
  ['at once', fail],
  ['later', failLater as Thrower],
]

describe.each(throwers)('thrown %s', (_, thrower) => {
  test.each<[string, (connection: Connection) => void]>([
    ['a message listener', (connection) => void connection.on('message', thrower)],
    [
      'a drain listener',
      (connection) => {
        connection.on('drain', thrower)
        connection.on('message', () => {
          while (!connection.writableNeedDrain) connection.send(message(1, 64 * KiB))
        })
      },
    ],
  ])('by %s ends that connection with ABORTED, and no other', async (_name, listenOn) => {
    const { server, client, connection } = await pair()
    client.on('message', () => {})
    listenOn(connection)
    const other = await connect(server.addresses[0] as { port: number })
    client.send(bytesOf('a'))
    const { error } = await within('closed', connection.closed)
    expect(error).toMatchObject({ code: 'ABORTED', message: 'mine', cause: mistake })
    expect(other.state).toBe('open')
    other.destroy()
    expect(escaped).toEqual([])
  })

  test('by a listener for the end of the peer, too', async () => {
    const { client, connection } = await pair({ allowHalfOpen: true })
    connection.on('message', () => {})
    connection.on('end', thrower)
    void client.close()
    const { error } = await within('closed', connection.closed)
    expect(error).toMatchObject({ code: 'ABORTED', cause: mistake })
    expect(escaped).toEqual([])
  })

  test('by a close listener is a warning: there is nothing left to end', async () => {
    const { client, connection } = await pair()
    connection.on('close', thrower)
    const warned = once(process, 'warning')
    client.destroy()
    await within('closed', connection.closed)
    expect((await within('warning', warned))[0]).toMatchObject({ message: 'mine' })
    expect(escaped).toEqual([])
  })
})

describe('thrown', () => {
  test('by a sink, ends that connection with ABORTED', async () => {
    const { client, connection } = await pair()
    connection.receive(fail)
    client.send(bytesOf('a'))
    expect((await within('closed', connection.closed)).error).toMatchObject({ code: 'ABORTED', cause: mistake })
    expect(escaped).toEqual([])
  })

  test("by a framing of one's own that is no FramingError, is PROTOCOL_ERROR with what it threw", async () => {
    const framing = { ...plain(), measure: fail }
    const { client, connection } = await pair({ framing })
    client.send(bytesOf('a'))
    expect((await within('closed', connection.closed)).error).toMatchObject({ code: 'PROTOCOL_ERROR', cause: mistake })
    expect(escaped).toEqual([])
  })

  test('by a heartbeat, ends that connection with ABORTED', async () => {
    const { connection } = await pair({ heartbeat: { intervalMs: 10, timeoutMs: 10_000, message: fail } })
    expect((await within('closed', connection.closed)).error).toMatchObject({ code: 'ABORTED', cause: mistake })
    expect(escaped).toEqual([])
  })

  test('by a listener after the end, is a warning: of a mistake nothing is swallowed', async () => {
    const { client, connection } = await pair({})
    client.send(bytesOf('a'))
    await until('the message', () => connection.stats().messagesQueued === 1)
    connection.destroy()
    await within('closed', connection.closed)
    const warned = within('the warning', once(process, 'warning'))
    connection.on('message', fail)
    expect(await warned).toMatchObject([{ code: 'ABORTED', cause: mistake }])
    expect(escaped).toEqual([])
  })

  test('by everything at once, on twenty connections, leaves the server serving', async () => {
    const server = await listen('tcp://127.0.0.1:0', { farewell: fail, heartbeat: { intervalMs: 5, message: fail } })
    const warnings: unknown[] = []
    const warn = (warning: unknown): void => void warnings.push(warning)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    server.on('connection', (connection) => {
      for (const event of ['message', 'drain', 'end', 'close'] as const) {
        connection.on(event, fail)
        connection.on(event, failLater)
      }
    })
    for (let count = 0; count < 20; count++) {
      const client = await connect(server.addresses[0] as { port: number })
      client.send(bytesOf('a'))
      await within('closed', client.closed)
    }
    await until('nothing is left', () => server.connections.size === 0)
    await turn()
    await within('server closed', server.close())
    expect(escaped).toEqual([])
    expect(warnings.length).toBeGreaterThan(0)
  })
})

/** A framing whose members are its own properties. */
function plain() {
  const framing = lengthField()
  return {
    maxFrameLength: framing.maxFrameLength,
    measure: framing.measure.bind(framing),
    headerLength: framing.headerLength.bind(framing),
    trailerLength: framing.trailerLength.bind(framing),
    encodedLength: framing.encodedLength.bind(framing),
    encodeInto: framing.encodeInto.bind(framing),
  }
}
