// What leaves in the middle of a tick, and what a cork holds back: limits of time, flushes and ends see both as they see
// all else.

import { endOfTick, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { FakeClock } from './fake-clock.ts'
import { closedIn, setUpBlocked, setUpConnection } from './fake-connection.ts'
import { KiB, messages } from './messages.ts'

const MARKS = { sendHighWaterMark: 256 * KiB, sendLowWaterMark: 64 * KiB }

describe('a peer that takes nothing', () => {
  test('is WRITE_TIMEOUT also when it was the middle of a tick in which the kernel took no more', async () => {
    const clock = new FakeClock()
    const { connection } = setUpConnection(0, { ...MARKS, clock, sendStallTimeoutMs: 1_000 })
    // More than one slab: it is handed over when it is full.
    for (const payload of messages(new Array(40).fill(3_500))) connection.send(payload)
    await endOfTick()
    clock.pass(1_200)
    expect((await closedIn(connection)).error).toMatchObject({ code: 'WRITE_TIMEOUT' })
  })
})

describe('a cork while the kernel takes no more', () => {
  test('is no stall once the kernel has taken all it was given', async () => {
    const clock = new FakeClock()
    const { channel, connection } = await setUpBlocked(96, { clock, sendStallTimeoutMs: 1_000 })
    connection.cork()
    channel.take(100)
    clock.pass(5_000)
    expect(connection.state).toBe('open')
  })

  test('keeps neither drain nor flush from hearing that everything has left', async () => {
    const { channel, connection } = await setUpBlocked()
    let drains = 0
    connection.on('drain', () => drains++)
    const flushed = connection.flush()
    connection.cork()
    channel.take(100)
    await within('flushed', flushed)
    expect(drains).toBe(1)
  })

  test('that comes when the connection is closing keeps nothing from leaving, and the end from following', async () => {
    const { channel, connection } = setUpConnection(0, { ...MARKS })
    for (const payload of messages([200 * KiB, 200 * KiB, 200 * KiB])) connection.send(payload)
    await endOfTick()
    void connection.close()
    connection.cork()
    channel.take(1024 * KiB)
    expect([connection.bufferedAmount, channel.hasEnded]).toEqual([0, true])
    connection.destroy()
  })
})
