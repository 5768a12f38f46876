import { endOfTick } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { KiB, message, messages } from '../test/messages.ts'
import { setUp, wire } from '../test/send-queues.ts'
import type { SendQueue } from './send-queue.ts'

describe('what is written in place', () => {
  const put = (queue: SendQueue, payload: Uint8Array): boolean => {
    const at = queue.begin(payload.length)
    queue.slab.set(payload, at)
    return queue.commit(at + payload.length)
  }

  test('leaves early once 2 KiB have gathered, then twice that, and nobody is told before the end of the tick', async () => {
    const { channel, queue, progress } = setUp()
    const payloads = messages(new Array(8).fill(1_020)) // 1 KiB with its header
    const written = payloads.map((payload) => {
      put(queue, payload)
      return channel.bytes.length / KiB
    })
    expect(written).toEqual([0, 2, 2, 2, 2, 6, 6, 6])
    expect(progress).toEqual([])
    await endOfTick()
    expect(Buffer.compare(channel.bytes, wire(payloads))).toBe(0)
    expect(progress).toEqual([0])
  })

  test('leaves when a third has gathered of what ticks do, at most 64 KiB; a small tick halves that at most', async () => {
    const { channel, queue } = setUp(undefined, { highWaterMark: 1_000_000, maxSendBuffer: 1_000_000 })
    const leavesAfter = async (count: number): Promise<number> => {
      const before = channel.writes.length
      let first = 0
      for (let made = 1; made <= count; made++) {
        put(queue, message(made, 1_020))
        if (first === 0 && channel.writes.length > before) first = made
      }
      await endOfTick()
      return first
    }
    expect(await leavesAfter(30)).toBe(2)
    expect(await leavesAfter(300)).toBe(10)
    expect(await leavesAfter(100)).toBe(64)
    expect(await leavesAfter(3)).toBe(0)
    expect(await leavesAfter(60)).toBe(25)
    expect(await leavesAfter(60)).toBe(20)
  })

  test.each([
    ['is emptied into the channel when the slab is full, which is used again', undefined, [2, 1], 2],
    ['goes to a second slab while the channel has not taken the first', 10_000, [2], 4],
  ])('%s', async (_, capacity, writes, count) => {
    const { channel, queue } = setUp(capacity, { highWaterMark: 1_000_000, maxSendBuffer: 1_000_000 })
    const payloads = messages(new Array(200).fill(1_020))
    const slabs = payloads.map((payload) => queue.send(payload) && queue.slab)
    expect(channel.writes).toEqual(writes)
    expect(new Set(slabs).size).toBe(count)
    channel.take(Number.POSITIVE_INFINITY)
    await endOfTick()
    expect(Buffer.compare(channel.bytes, wire(payloads))).toBe(0)
  })

  test('waits like all else while the queue is corked, or the channel has not taken all', async () => {
    const { channel, queue } = setUp(3_000)
    queue.cork()
    const payloads = messages(new Array(6).fill(1_020))
    for (const payload of payloads) put(queue, payload)
    expect(channel.writes).toEqual([])
    queue.uncork()
    expect(channel.writes).toEqual([2])
    for (const payload of payloads) put(queue, payload)
    expect(channel.writes).toEqual([2])
    channel.take(Number.POSITIVE_INFINITY)
    await endOfTick()
    expect(Buffer.compare(channel.bytes, wire([...payloads, ...payloads]))).toBe(0)
  })
})
