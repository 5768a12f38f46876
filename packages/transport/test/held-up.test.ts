// Time in which a connection reads nothing is nobody's: no peer is late in it, and none gets the time again that it has used.

import { lines } from '@framewire/codec'
import { endOfTick } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import type { ConnectionOptions } from '../src/options.ts'
import { FakeClock } from './fake-clock.ts'
import { setUpConnection } from './fake-connection.ts'
import { bytesOf, frames, KiB, message } from './messages.ts'

function setUp(options: ConnectionOptions, room?: number) {
  const clock = new FakeClock()
  return { clock, ...setUpConnection(room, { clock, ...options }) }
}

const LIMITS: ConnectionOptions = {
  frameTimeoutMs: 2_000,
  heartbeat: { intervalMs: 1_000, timeoutMs: 500, message: bytesOf('are you there?') },
}

/** Four messages, the most that may wait, and the first bytes of another. */
const FULL = Buffer.concat([frames('a', 'b', 'c', 'd'), frames('a message').subarray(0, 5)])

test('a peer is not late while a reader takes what waits and there is no room yet to read on', async () => {
  const { clock, channel, connection } = setUp({ ...LIMITS, maxQueuedMessages: 4 })
  channel.bring(FULL)
  const reader = connection[Symbol.asyncIterator]()
  await reader.next()
  expect(channel.isPaused).toBe(true)
  clock.pass(60_000)
  expect([connection.state, connection.stats().messagesSent]).toEqual(['open', 0])
  await reader.next()
  expect(channel.isPaused).toBe(false)
  clock.pass(1_501)
  expect(connection.state).toBe('closed')
})

describe('a pause', () => {
  test('does not give a frame its time anew', () => {
    const { clock, channel, connection } = setUp({ frameTimeoutMs: 2_000 })
    channel.bring(frames('a message').subarray(0, 5))
    for (let count = 0; count < 4; count++) {
      clock.pass(400)
      connection.pause()
      clock.pass(700)
      connection.resume()
    }
    clock.pass(399)
    expect(connection.state).toBe('open')
    clock.pass(2)
    expect(connection.state).toBe('closing')
  })

  test('does not give the answer to a heartbeat its time anew', () => {
    const { clock, connection } = setUp(LIMITS)
    for (let count = 0; count < 7; count++) {
      clock.pass(200)
      connection.pause()
      connection.pause()
      clock.pass(3_000)
      connection.resume()
    }
    clock.pass(99)
    expect([connection.state, connection.stats().messagesSent]).toEqual(['open', 1])
    clock.pass(2)
    expect(connection.state).toBe('closed')
  })
})

test('a write that the kernel takes bit by bit is no idle connection', async () => {
  const { clock, channel, connection } = setUp({ idleTimeoutMs: 1_000 }, 0)
  connection.send(message(0, 100 * KiB))
  await endOfTick()
  for (let count = 0; count < 50; count++) {
    clock.pass(100)
    channel.take(1 * KiB)
  }
  expect(connection.state).toBe('open')
})

test('a write of which the kernel took some while the process was frozen is not stalled', async () => {
  const { clock, channel, connection } = setUp({ sendStallTimeoutMs: 1_000 }, 0)
  connection.send(message(0, 100 * KiB))
  await endOfTick()
  clock.pass(9_000, true)
  channel.take(1 * KiB)
  clock.turn()
  expect(connection.state).toBe('open')
  clock.pass(1_200)
  expect(connection.state).toBe('closed')
})

describe('a connection that is ending reads on', () => {
  test('when it has refused its peer and is paused: else the end of the peer would not be seen', () => {
    const { channel, connection } = setUp({})
    channel.bring(Uint8Array.of(255, 255, 255, 255))
    expect(connection.state).toBe('closing')
    connection.pause()
    expect(channel.isPaused).toBe(false)
  })

  test('when it is closed and paused behind a reader that takes no more', async () => {
    const { channel, connection } = setUp({ maxQueuedMessages: 4 })
    const reader = connection[Symbol.asyncIterator]()
    channel.bring(FULL)
    await reader.next()
    void connection.close()
    expect(channel.isPaused).toBe(true)
    connection.pause()
    expect(channel.isPaused).toBe(false)
    connection.destroy()
  })
})

test('a listener that pauses and resumes at the last message of a peer that ended holds up no time', () => {
  const options = { idleTimeoutMs: 1_000, allowHalfOpen: true, framing: lines({ unterminated: 'emit' }) }
  const { clock, channel, connection } = setUp(options)
  connection.on('message', () => {
    connection.pause()
    connection.resume()
  })
  channel.bring(bytesOf('last'))
  channel.onEnd()
  clock.pass(1_001)
  expect(connection.state).toBe('closing')
})
