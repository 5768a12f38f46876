// What an application does from within a callback of its connection or server, or right behind one: nothing is told twice,
// nothing is told after the end, and no depth of calls breaks it.

import { endOfTick, rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import type { Address } from '../src/address.ts'
import { connect } from '../src/connect.ts'
import { pair } from '../src/pair.ts'
import { listen } from '../src/server.ts'
import { closedIn, setUpConnection } from './fake-connection.ts'
import { MiB, message } from './messages.ts'

describe("a 'drain' listener", () => {
  test('that destroys leaves no flush behind that resolves for bytes that were dropped', async () => {
    // Of these the memory takes 64 KiB at once, so drain comes while the rest still waits.
    const { client } = pair({ client: { sendHighWaterMark: 200_000, sendLowWaterMark: 190_000 } })
    client.on('drain', () => client.destroy())
    client.cork()
    while (client.send(message(1, 10_000)));
    const flushed = rejection(client.flush())
    client.uncork()
    expect((await closedIn(client)).unsentBytes).toBeGreaterThan(100_000)
    expect(await flushed).toMatchObject({ code: 'CONNECTION_CLOSED' })
  })

  test('may send and flush again and again: the calls do not pile up', async () => {
    const { connection, channel } = setUpConnection(undefined, { sendHighWaterMark: 1, sendLowWaterMark: 0 })
    let left = 10_000
    connection.on('drain', () => {
      if (left-- <= 0) return
      connection.send(message(0, 6))
      void connection.flush()
    })
    connection.send(message(0, 6))
    await endOfTick()
    expect([connection.state, left, channel.bytes.length]).toEqual(['open', -1, 10_001 * 10])
  })

  test('hears nothing once the connection is closed, not even for a turn that it was to wait for', async () => {
    const { connection } = setUpConnection()
    let drains = 0
    connection.on('drain', () => drains++)
    connection.send(message(0, MiB))
    await endOfTick()
    connection.destroy()
    await closedIn(connection)
    await turn()
    expect(drains).toBe(0)
  })
})

describe("'end'", () => {
  test('comes once, however often a half-open connection is resumed or gets a listener', async () => {
    const { channel, connection } = setUpConnection(undefined, { allowHalfOpen: true })
    let ends = 0
    connection.on('end', () => ends++)
    channel.onEnd()
    await turn()
    connection.resume()
    connection.on('message', () => {})
    await turn()
    await turn()
    expect([ends, connection.state]).toEqual([1, 'open'])
  })

  test('does not come once the connection is destroyed', async () => {
    const { channel, connection } = setUpConnection()
    let ends = 0
    connection.on('end', () => ends++)
    channel.onEnd()
    connection.destroy()
    await turn()
    await turn()
    expect(ends).toBe(0)
  })
})

describe('close of a server', () => {
  test("may be called by its 'closing' listener: it closes once", async () => {
    const server = await within('listen', listen('tcp://127.0.0.1:0'))
    const told: string[] = []
    server.on('closing', () => {
      const [one, other] = [server.close(), server.close()]
      told.push('closing', String(one === other))
    })
    server.on('close', () => told.push('close'))
    await within('close', server.close())
    expect(told).toEqual(['closing', 'true', 'close'])
  })

  test('may be called by beforeClose: every connection is asked once', async () => {
    let calls = 0
    const beforeClose = () => {
      calls++
      void server.close()
    }
    const server = await within('listen', listen('tcp://127.0.0.1:0', { beforeClose }))
    const client = await within('connect', connect(server.addresses[0] as Address))
    await until('accepted', () => server.connections.size === 1)
    expect(await within('close', server.close())).toEqual({ drained: 1, destroyed: 0 })
    expect(calls).toBe(1)
    await closedIn(client)
  })
})
