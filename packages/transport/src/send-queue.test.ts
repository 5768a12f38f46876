import { encode, type Framing, lengthField } from '@framewire/codec'
import { endOfTick, thrownBy } from '@framewire/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KiB, message, messages, text } from '../test/messages.ts'
import { FRAMING, LIMITS, setUp, wire } from '../test/send-queues.ts'
import { Model, runSender, senderCommands } from '../test/sender-model.ts'
import type { SendQueue } from './send-queue.ts'

/** As a framing that a user wrote: without the two optional halves of encoding. */
const withoutHalves = (framing: Framing): Framing => ({
  maxFrameLength: framing.maxFrameLength,
  measure: framing.measure.bind(framing),
  headerLength: framing.headerLength.bind(framing),
  trailerLength: framing.trailerLength.bind(framing),
  encodedLength: framing.encodedLength.bind(framing),
  encodeInto: framing.encodeInto.bind(framing),
})

const FRAMINGS = [
  FRAMING,
  lengthField({ maxFrameLength: 70_000, lengthFieldLength: 'varint' }),
  lengthField({ maxFrameLength: 70_000, lengthFieldLength: 'varint', trailerLength: 3 }),
  withoutHalves(lengthField({ maxFrameLength: 70_000, trailerLength: 2 })),
]

test('whatever is sent, corked, begun and drained: the accepted frames leave, whole, once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...FRAMINGS), fc.nat(50_000), senderCommands, async (framing, room, commands) => {
      const { channel, queue } = setUp(room, { framing })
      await runSender(commands, new Model(framing, LIMITS), { sender: queue, channel })
    }),
    { numRuns: 300 },
  )
})

describe('one write a tick', () => {
  test('carries 100 small messages in one buffer, in two when the ticks before gathered less than 2 KiB', async () => {
    const { channel, queue } = setUp()
    const payloads = messages(new Array(100).fill(20))
    for (const count of [2, 1]) {
      channel.writes.length = 0
      for (const payload of payloads) queue.send(payload)
      expect(channel.writes).toEqual([])
      await endOfTick()
      expect(channel.writes).toEqual([count])
    }
    expect(Buffer.compare(channel.bytes, wire([...payloads, ...payloads]))).toBe(0)
  })

  test('takes a short slab while ticks gather little', async () => {
    const { queue } = setUp()
    const lengths: number[] = []
    for (const length of [20, 3_000, 20, 20, 20]) {
      queue.send(message(0, length))
      lengths.push(queue.slab.length / KiB)
      await endOfTick()
    }
    expect(lengths).toEqual([2, 72, 72, 2, 2])
  })

  test('carries large messages by reference between the small ones, in order', async () => {
    const { channel, queue } = setUp()
    const payloads = messages([10, 4096, 4095, 20_000, 0])
    for (const payload of payloads) queue.send(payload)
    await endOfTick()
    expect(channel.writes).toEqual([5])
    expect(Buffer.compare(channel.bytes, wire(payloads))).toBe(0)
  })

  test('copies below 4 KiB, so that the caller may change the message at once', async () => {
    const { channel, queue } = setUp()
    const payload = message(7, 4095)
    queue.send(payload)
    payload.fill(0)
    await endOfTick()
    expect(Buffer.compare(channel.bytes, wire([message(7, 4095)]))).toBe(0)
  })

  test('comes again in the next tick', async () => {
    const { channel, queue } = setUp()
    queue.send(message(0, 5))
    await endOfTick()
    queue.send(message(1, 5))
    await endOfTick()
    expect(channel.writes).toEqual([1, 1])
  })

  test('is cut at 256 KiB, so that the rest waits here and not in the socket', async () => {
    const { channel, queue } = setUp(0, { maxSendBuffer: 2 ** 24 })
    for (let count = 0; count < 40; count++) queue.send(message(count, 10_000))
    await endOfTick()
    expect(channel.bufferedLength).toBeGreaterThanOrEqual(256 * KiB)
    expect(channel.bufferedLength).toBeLessThan(256 * KiB + 10_004)
    expect(queue.bufferedAmount).toBe(40 * 10_004)
  })
})

describe('a channel that is full', () => {
  test('gets nothing more until it drains, then the rest', async () => {
    const { channel, queue } = setUp(10)
    queue.send(message(0, 100))
    await endOfTick()
    queue.send(message(1, 100))
    await endOfTick()
    expect([channel.writes.length, queue.bufferedAmount]).toEqual([1, 208 - 10])
    channel.take(94)
    await endOfTick()
    expect([channel.writes.length, queue.bufferedAmount]).toEqual([2, 104])
    channel.take(104)
    expect(queue.bufferedAmount).toBe(0)
    expect(Buffer.compare(channel.bytes, wire([message(0, 100), message(1, 100)]))).toBe(0)
  })

  test('says how much it never confirmed, also where part of it has left', async () => {
    const { channel, queue } = setUp(10)
    queue.send(message(0, 100))
    await endOfTick()
    expect([queue.bufferedAmount, queue.unconfirmedAmount]).toEqual([94, 104])
    channel.take(94)
    expect([queue.bufferedAmount, queue.unconfirmedAmount]).toEqual([0, 0])
  })

  test('tells of progress after every attempt that could make some', async () => {
    const { channel, queue, progress } = setUp(10)
    queue.send(message(0, 100))
    await endOfTick()
    channel.take(94)
    expect(progress).toEqual([94, 0])
  })

  test('keeps what waits as it is while more is sent, over many slabs', async () => {
    const { channel, queue } = setUp(0, { maxSendBuffer: 2 ** 24 })
    const payloads = messages(new Array(200).fill(4000))
    for (const [index, payload] of payloads.entries()) {
      queue.send(payload)
      if (index % 20 === 0) await endOfTick()
      if (index % 50 === 0) channel.take(30_000)
    }
    channel.take(Number.POSITIVE_INFINITY)
    expect(Buffer.compare(channel.bytes, wire(payloads))).toBe(0)
  })

  test('writes the same bytes of its slab again once the kernel has them, also within a tick', async () => {
    const { channel, queue } = setUp()
    const places: number[] = []
    const write = channel.write.bind(channel)
    channel.write = (chunks) => {
      for (const { byteOffset } of chunks) places.push(byteOffset)
      return write(chunks)
    }
    const payloads = messages([3000, 4096, 100])
    for (const payload of payloads) {
      const at = queue.begin(payload.length)
      queue.slab.set(payload, at)
      queue.commit(at + payload.length)
    }
    await endOfTick()
    expect(places).toEqual([0, 0, 0])
    expect(Buffer.compare(channel.bytes, wire(payloads))).toBe(0)
  })

  test('does not pin slabs whose bytes have left, however long the pressure lasts', async () => {
    const { channel, queue } = setUp(0, { maxSendBuffer: 2 ** 24 })
    const slabs = new Set<ArrayBufferLike>()
    const write = channel.write.bind(channel)
    channel.write = (chunks) => {
      for (const { buffer } of chunks) slabs.add(buffer)
      return write(chunks)
    }
    const payload = message(0, 4000)
    queue.send(payload)
    await endOfTick()
    for (let round = 0; round < 200; round++) {
      for (let count = 0; count < 40; count++) queue.send(payload)
      await endOfTick()
      channel.take(channel.bufferedLength)
      expect(channel.bufferedLength).toBeGreaterThan(0)
    }
    // 32 MB went through 500 slabs' worth of room; those that are used again are as many as wait at one time.
    expect(slabs.size).toBeLessThan(25)
  })
})

describe('the answer of send', () => {
  test('is false from highWaterMark on; the message is accepted all the same', () => {
    const { queue } = setUp(0, { highWaterMark: 100 })
    expect(queue.send(message(0, 45))).toBe(true)
    expect(queue.send(message(1, 46))).toBe(true)
    expect(queue.bufferedAmount).toBe(99)
    expect(queue.send(message(2, 0))).toBe(false)
    expect(queue.bufferedAmount).toBe(103)
  })

  test('is SEND_BUFFER_FULL above maxSendBuffer, with the numbers, and nothing is accepted', async () => {
    const { channel, queue } = setUp(0, { maxSendBuffer: 140_000 })
    queue.send(message(0, 69_996))
    expect(queue.send(message(1, 69_990))).toBe(false)
    expect(thrownBy(() => queue.send(message(2, 3)))).toMatchObject({
      name: 'TransportError',
      code: 'SEND_BUFFER_FULL',
      message: 'message of 7 bytes on top of 139994 unsent bytes exceeds maxSendBuffer 140000',
    })
    expect(queue.bufferedAmount).toBe(139_994)
    expect(queue.send(message(2, 2))).toBe(false)
    channel.take(Number.POSITIVE_INFINITY)
    await endOfTick()
    expect(Buffer.compare(channel.bytes, wire([message(0, 69_996), message(1, 69_990), message(2, 2)]))).toBe(0)
  })

  test('is MESSAGE_TOO_LARGE above the limit of the framing, with the numbers, and nothing is accepted', async () => {
    const { channel, queue } = setUp()
    const error = { name: 'TransportError', code: 'MESSAGE_TOO_LARGE' }
    const text = 'frame of 70001 bytes exceeds maxFrameLength 70000'
    expect(thrownBy(() => queue.send(new Uint8Array(70_001)))).toMatchObject({ ...error, message: text })
    expect(thrownBy(() => queue.begin(70_001))).toMatchObject({ ...error, message: text })
    expect(queue.bufferedAmount).toBe(0)
    queue.send(new Uint8Array(70_000))
    await endOfTick()
    expect(channel.bytes.length).toBe(70_004)
  })
})

describe('begin and commit', () => {
  const build = (queue: SendQueue, payload: Uint8Array, spare = 0): boolean => {
    const at = queue.begin(payload.length + spare)
    queue.slab.set(payload, at)
    return queue.commit(at + payload.length)
  }

  test('refuse a commit without begin, a second one, and one behind a message that was sent in between', () => {
    const { queue } = setUp()
    const refused = 'commit without begin, or with a message sent between the two'
    expect(() => queue.commit(10)).toThrow(new TypeError(refused))
    const at = queue.begin(10)
    queue.commit(at + 10)
    expect(() => queue.commit(at + 10)).toThrow(new TypeError(refused))
    const again = queue.begin(10)
    queue.send(message(0, 3))
    expect(() => queue.commit(again + 10)).toThrow(new TypeError(refused))
    expect(queue.bufferedAmount).toBe(14 + 7)
  })

  test('refuse an end in front of the message or behind the length it was begun with', () => {
    const { queue } = setUp()
    const at = queue.begin(10)
    for (const end of [at - 1, at + 11, Number.NaN]) expect(() => queue.commit(end)).toThrow(RangeError)
    expect(queue.bufferedAmount).toBe(0)
    expect(queue.commit(at)).toBe(true)
  })

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuse %d as a length', (length) => {
    expect(() => setUp().queue.begin(length)).toThrow(RangeError)
  })

  test('keep the slab to themselves even when all else has left in between', async () => {
    const one = setUp()
    const other = setUp()
    one.queue.send(message(0, 10))
    const at = one.queue.begin(10)
    one.queue.slab.write('of the one', at, 'latin1')
    await endOfTick()
    other.queue.send(Buffer.from('of the other'))
    one.queue.commit(at + 10)
    await endOfTick()
    expect(text(one.channel.bytes.subarray(-10))).toBe('of the one')
    expect(text(other.channel.bytes.subarray(-12))).toBe('of the other')
  })

  test('move the payload up where its header became shorter than that of the longest', async () => {
    const framing = lengthField({ lengthFieldLength: 'varint', maxFrameLength: 70_000 })
    const { channel, queue } = setUp(undefined, { framing })
    build(queue, message(0, 5), 60_000)
    await endOfTick()
    expect(Buffer.from(channel.bytes)).toEqual(Buffer.from(encode(framing, message(0, 5))))
  })

  test('refuse what does not fit any more, as send does', () => {
    const { queue } = setUp(0, { maxSendBuffer: 140_000 })
    queue.send(message(0, 69_996))
    queue.send(message(1, 69_996))
    expect(thrownBy(() => build(queue, message(2, 1)))).toMatchObject({ code: 'SEND_BUFFER_FULL' })
    expect(queue.bufferedAmount).toBe(140_000)
  })
})

describe('cork', () => {
  test('holds everything back until the last uncork, over ticks and flushes', async () => {
    const { channel, queue } = setUp()
    queue.cork()
    queue.cork()
    queue.send(message(0, 5))
    await endOfTick()
    queue.uncork()
    queue.flush()
    await endOfTick()
    expect(channel.writes).toEqual([])
    queue.uncork()
    expect(channel.writes).toEqual([1])
  })

  test('is not undone in advance by one uncork too many', async () => {
    const { channel, queue } = setUp()
    queue.uncork()
    queue.cork()
    queue.send(message(0, 5))
    await endOfTick()
    expect(channel.writes).toEqual([])
  })

  test.each([false, true])(
    'after a drain loses nothing of what no longer fits the slab (one was begun: %s)',
    async (isBegun) => {
      const { channel, queue } = setUp(0)
      const payloads = messages([...new Array(20).fill(3_500), 3_800, 3_800])
      for (const payload of payloads.slice(0, 20)) queue.send(payload)
      await endOfTick()
      queue.cork()
      if (isBegun) queue.begin(1)
      channel.take(100_000)
      for (const payload of payloads.slice(20)) queue.send(payload)
      queue.uncork()
      expect(Buffer.compare(channel.bytes, wire(payloads))).toBe(0)
    },
  )

  test('ends with the connection: uncorkAll sends at once', () => {
    const { channel, queue } = setUp()
    queue.cork()
    queue.cork()
    queue.send(message(0, 5))
    queue.uncorkAll()
    expect(channel.writes).toEqual([1])
  })
})

test('clear drops what waits and hands nothing over any more', async () => {
  const { channel, queue } = setUp(0)
  queue.send(message(0, 5))
  queue.clear()
  expect(queue.bufferedAmount).toBe(0)
  await endOfTick()
  channel.take(100)
  queue.flush()
  expect(channel.writes).toEqual([])
})
