import { lengthField } from '@framewire/codec'
import { endOfTick } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../test/fake-clock.ts'
import { setUpConnection } from '../test/fake-connection.ts'
import { bytesOf, frames, KiB, message, text } from '../test/messages.ts'
import type { ConnectionOptions } from './options.ts'

const BEAT = bytesOf('are you there?')

function setUp(options: ConnectionOptions = {}, room?: number) {
  const clock = new FakeClock()
  return { clock, ...setUpConnection(room, { clock, closeTimeoutMs: 100, ...options }) }
}

/** The error that the connection has ended with, or is ending with. */
async function causeOf({ connection, channel, clock }: ReturnType<typeof setUp>) {
  clock.pass(1_000)
  channel.onClose()
  return (await connection.closed).error
}

test('a quiet connection without heartbeat and idle timeout has no timer', () => {
  const { clock, channel } = setUp()
  channel.bring(frames('a', 'b'))
  expect(clock.timers).toBe(0)
})

describe('a frame', () => {
  test('that began and does not end is FRAME_TIMEOUT, however busily it trickles', async () => {
    const rig = setUp({ frameTimeoutMs: 2_000 })
    const frame = frames('a message')
    for (const byte of frame.subarray(0, 4)) {
      rig.channel.bring(Uint8Array.of(byte))
      rig.clock.pass(400)
    }
    expect(rig.connection.state).toBe('open')
    rig.clock.pass(399)
    expect(rig.connection.state).toBe('open')
    rig.clock.pass(2)
    expect(rig.connection.state).toBe('closing')
    expect(await causeOf(rig)).toMatchObject({
      code: 'FRAME_TIMEOUT',
      message: '4 of 13 bytes of a frame arrived within 2000 ms',
    })
  })

  test('of which not even the header arrived is late too', async () => {
    const rig = setUp({ frameTimeoutMs: 2_000 })
    rig.channel.bring(Uint8Array.of(0))
    rig.clock.pass(2_001)
    expect((await causeOf(rig))?.message).toMatch(/^1 of (4|an unknown number of) bytes of a frame arrived within/)
  })

  test('has 1 s more for each 64 KiB of it', () => {
    const { clock, channel, connection } = setUp({ frameTimeoutMs: 2_000 })
    channel.bring(Uint8Array.of(0, 8, 0, 0, 1)) // 512 KiB and a byte follow
    clock.pass(9_999)
    expect(connection.state).toBe('open')
    clock.pass(2)
    expect(connection.state).toBe('closing')
  })

  test('may take longer than a timer waits: it is not looked at without pause', () => {
    const { clock, channel } = setUp({ frameTimeoutMs: 0x7fff_ffff })
    channel.bring(Uint8Array.of(0, 8, 0, 0, 1))
    expect(clock.longestDelayMs).toBe(0x7fff_ffff)
  })

  test('that ends in time is followed by the next one with a time of its own', () => {
    const { clock, channel, connection } = setUp({ frameTimeoutMs: 2_000 })
    const frame = frames('a message')
    channel.bring(frame.subarray(0, 5))
    for (let count = 0; count < 10; count++) {
      clock.pass(1_500)
      channel.bring(Buffer.concat([frame.subarray(5), frame.subarray(0, 5)]))
    }
    expect(connection.state).toBe('open')
    clock.pass(2_001)
    expect(connection.state).toBe('closing')
  })

  test('is not late while the application takes nothing', () => {
    const { clock, channel, connection } = setUp({ frameTimeoutMs: 2_000 })
    channel.bring(frames('a message').subarray(0, 5))
    connection.pause()
    clock.pass(60_000)
    expect(connection.state).toBe('open')
    connection.resume()
    clock.pass(1_999)
    expect(connection.state).toBe('open')
    clock.pass(2)
    expect(connection.state).toBe('closing')
  })

  test('is late also while the application takes what came before it', async () => {
    const rig = setUp({ frameTimeoutMs: 2_000 })
    rig.channel.bring(Buffer.concat([frames('a', 'b', 'c', 'd', 'e', 'f'), Uint8Array.of(0)]))
    for (let count = 0; count < 6; count++) {
      await rig.connection.next()
      rig.clock.pass(400)
    }
    expect(await causeOf(rig)).toMatchObject({ code: 'FRAME_TIMEOUT' })
  })

  test('whose rest arrived while the process was frozen is not late', () => {
    const { clock, channel, connection } = setUp({ frameTimeoutMs: 2_000 })
    const frame = frames('a message')
    channel.bring(frame.subarray(0, 5))
    clock.pass(9_000, true)
    channel.bring(frame.subarray(5))
    clock.turn()
    expect(connection.state).toBe('open')
  })
})

describe('a write', () => {
  test('of which the peer takes nothing is WRITE_TIMEOUT, with what waits', async () => {
    const rig = setUp({ sendStallTimeoutMs: 2_000 }, 10)
    rig.connection.send(message(1, 96))
    await endOfTick()
    rig.clock.pass(1_999)
    expect(rig.connection.state).toBe('open')
    rig.clock.pass(251)
    expect(rig.connection.state).toBe('closed')
    expect(await causeOf(rig)).toMatchObject({
      code: 'WRITE_TIMEOUT',
      message: 'the peer took none of 90 waiting bytes within 2000 ms',
    })
  })

  test('that goes on, however slowly, is not stalled', async () => {
    const { clock, channel, connection } = setUp({ sendStallTimeoutMs: 2_000 }, 10)
    connection.send(message(1, 96))
    await endOfTick()
    for (let count = 0; count < 20; count++) {
      clock.pass(1_700)
      channel.take(1)
    }
    expect(connection.state).toBe('open')
    clock.pass(2_600)
    expect(connection.state).toBe('closed')
  })

  test('that is done leaves no timer behind for long', async () => {
    const { clock, channel, connection } = setUp({ sendStallTimeoutMs: 2_000 }, 10)
    connection.send(message(1, 96))
    await endOfTick()
    channel.take(1_000)
    clock.pass(2_001)
    expect([clock.timers, connection.state]).toEqual([0, 'open'])
  })
})

describe('a heartbeat', () => {
  const heartbeat = { intervalMs: 1_000, timeoutMs: 500, message: BEAT }

  test('is sent when nothing arrived for the interval, and an answer is enough', async () => {
    const { clock, channel, connection } = setUp({ heartbeat })
    for (let count = 0; count < 3; count++) {
      clock.pass(1_000)
      await endOfTick()
      clock.pass(400)
      channel.bring(frames('yes'))
    }
    expect(connection.state).toBe('open')
    expect(Buffer.from(channel.bytes)).toEqual(Buffer.concat([1, 2, 3].map(() => frames(text(BEAT)))))
  })

  test('is not sent while messages arrive', () => {
    const { clock, channel, connection } = setUp({ heartbeat })
    for (let count = 0; count < 10; count++) {
      clock.pass(900)
      channel.bring(frames('busy'))
    }
    expect(connection.stats().messagesSent).toBe(0)
  })

  test('that nothing answers is HEARTBEAT_TIMEOUT', async () => {
    const rig = setUp({ heartbeat })
    rig.clock.pass(1_499)
    expect(rig.connection.state).toBe('open')
    rig.clock.pass(2)
    expect(rig.connection.state).toBe('closed')
    expect(await causeOf(rig)).toMatchObject({
      code: 'HEARTBEAT_TIMEOUT',
      message: 'nothing arrived after a heartbeat within 500 ms',
      retryable: true,
    })
  })

  test('is asked for again, not held against the peer, when this process was frozen', () => {
    const { clock, connection } = setUp({ heartbeat })
    clock.pass(9_000, true)
    clock.turn()
    expect(connection.stats().messagesSent).toBe(1)
    expect(connection.state).toBe('open')
  })

  test('whose answer arrived while this process was frozen is answered', () => {
    const { clock, channel, connection } = setUp({ heartbeat })
    clock.pass(1_100)
    expect(connection.stats().messagesSent).toBe(1)
    clock.pass(9_000, true)
    channel.bring(frames('yes'))
    clock.turn()
    expect(connection.state).toBe('open')
  })

  test('waits for nobody while the application takes nothing', () => {
    const { clock, connection } = setUp({ heartbeat })
    connection.pause()
    clock.pass(60_000)
    expect(connection.state).toBe('open')
    connection.resume()
    clock.pass(1_501)
    expect(connection.state).toBe('closed')
  })

  test('is missed also while the application takes what waits: only a pause is time in which nothing could arrive', async () => {
    const rig = setUp({ heartbeat: { ...heartbeat, intervalMs: 1_000, timeoutMs: 1_000 } })
    rig.channel.bring(frames('a', 'b', 'c', 'd', 'e', 'f'))
    for (let count = 0; count < 6; count++) {
      await rig.connection.next()
      rig.clock.pass(400)
    }
    expect(await causeOf(rig)).toMatchObject({ code: 'HEARTBEAT_TIMEOUT' })
  })

  test('is not sent to a peer that has ended, and nothing is held against it', async () => {
    const { clock, channel, connection } = setUp({ heartbeat, allowHalfOpen: true })
    clock.pass(1_000)
    channel.onEnd()
    clock.pass(60_000)
    expect([connection.state, connection.stats().messagesSent]).toEqual(['open', 1])
  })

  test('is not missed by a reader that is slower than the peer, which has said all and ended', async () => {
    const { clock, channel, connection } = setUp({ heartbeat })
    channel.bring(frames('one', 'two'))
    channel.onEnd()
    const read: string[] = []
    for await (const message of connection) {
      read.push(text(message))
      clock.pass(10_000)
    }
    expect([read, connection.state]).toEqual([['one', 'two'], 'open'])
  })

  test('is not missed while the connection closes and none can be sent', async () => {
    const { clock, connection } = setUp({ heartbeat })
    void connection.close({ timeoutMs: 60_000 })
    clock.pass(59_000)
    expect(connection.state).toBe('closing')
  })

  test('for which there is no room is not waited for: then the write is watched', async () => {
    const limits = { sendHighWaterMark: 100, maxSendBuffer: 100, framing: lengthField({ maxFrameLength: 50 }) }
    const { clock, channel, connection } = setUp({ heartbeat, ...limits }, 10)
    connection.send([message(1, 45), message(2, 5)])
    connection.send(message(1, 40))
    await endOfTick()
    for (let count = 0; count < 5; count++) {
      clock.pass(500)
      channel.take(1)
    }
    expect(connection.state).toBe('open')
  })

  test('may be a function; what it throws ends the connection only', async () => {
    const sent: number[] = []
    const rig = setUp({ heartbeat: { ...heartbeat, message: () => void sent.push(1) } })
    rig.clock.pass(1_001)
    expect(sent).toEqual([1])
    const failing = setUp({
      heartbeat: {
        ...heartbeat,
        message: () => {
          throw new Error('mine')
        },
      },
    })
    failing.clock.pass(1_001)
    expect(await causeOf(failing)).toMatchObject({ code: 'ABORTED', message: 'mine' })
  })

  test('for which there is no room is not missed: the stalled write is what ends the connection', async () => {
    const framing = { sendHighWaterMark: 100, maxSendBuffer: 2 * 1024 * KiB + 8 }
    const rig = setUp({ heartbeat: { ...heartbeat, timeoutMs: 60_000 }, sendStallTimeoutMs: 5_000, ...framing }, 0)
    for (let count = 0; count < 2; count++) rig.connection.send(message(1, 1024 * KiB))
    await endOfTick()
    rig.clock.pass(1_001)
    expect(rig.connection.state).toBe('open')
    rig.clock.pass(6_000)
    expect(await causeOf(rig)).toMatchObject({ code: 'WRITE_TIMEOUT' })
  })
})

describe('an idle connection', () => {
  test('is IDLE_TIMEOUT after so long without a byte in or out, and the peer gets the end', async () => {
    const rig = setUp({ idleTimeoutMs: 1_000 })
    rig.clock.pass(900)
    rig.channel.bring(frames('a').subarray(0, 2))
    rig.clock.pass(900)
    rig.connection.send(bytesOf('b'))
    await endOfTick()
    rig.clock.pass(999)
    expect(rig.connection.state).toBe('open')
    rig.clock.pass(2)
    expect(rig.channel.hasEnded).toBe(true)
    expect(await causeOf(rig)).toMatchObject({
      code: 'IDLE_TIMEOUT',
      message: 'nothing was sent or received within 1000 ms',
    })
  })
})

test('an idle connection is one whatever is flushed without a byte to send, and is none when bytes leave late', async () => {
  const { clock, channel, connection } = setUp({ idleTimeoutMs: 1_000 }, 0)
  connection.send(message(0, 6))
  await endOfTick()
  clock.pass(900)
  channel.take(100)
  clock.pass(900)
  expect(connection.state).toBe('open')
  await connection.flush()
  clock.pass(200)
  expect(connection.state).toBe('closing')
})

test('a connection that is over has no timer left, whatever was watched', async () => {
  const heartbeat = { intervalMs: 1_000, timeoutMs: 500, message: BEAT }
  const { clock, channel, connection } = setUp({ heartbeat, idleTimeoutMs: 1_000 }, 0)
  connection.send(message(1, 96))
  await endOfTick()
  channel.bring(frames('a message').subarray(0, 5))
  expect(clock.timers).toBeGreaterThan(0)
  connection.destroy()
  await connection.closed
  expect(clock.timers).toBe(0)
})
