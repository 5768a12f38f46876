import type { Connection } from '@framewire/transport'
import { expect, test } from 'vitest'
import type { FrameWriter } from './frame-writer.ts'
import { Scheduler } from './scheduler.ts'

/** Of a connection that takes nothing. */
function blockedScheduler() {
  const writer = { isBlocked: true, maxFrame: 1_000, roomFor: () => -1 } as unknown as FrameWriter
  const scheduler = new Scheduler({ on: () => {} } as unknown as Connection, writer, 1_000_000)
  const seen = { idle: 0 }
  scheduler.connect(
    () => false,
    () => void seen.idle++,
  )
  return { scheduler, seen }
}

test('tells that nothing waits any more also when the last message is dropped', () => {
  const { scheduler, seen } = blockedScheduler()
  scheduler.data(1, 0, new Uint8Array(100))
  scheduler.data(3, 0, new Uint8Array(100))
  scheduler.drop(1)
  expect([scheduler.isIdle, seen.idle]).toEqual([false, 0])
  scheduler.drop(3)
  expect([scheduler.isIdle, seen.idle]).toEqual([true, 1])
  scheduler.drop(3)
  expect(seen.idle).toBe(1)
})

test('however small messages are that wait, they are few', () => {
  const { scheduler } = blockedScheduler()
  let count = 0
  const add = () => {
    for (; count < 10_000; count++) scheduler.data(2 * count + 1, 0, new Uint8Array(1))
  }
  expect(add).toThrow('exceed maxBuffered 1000000')
  expect(count).toBeLessThan(1_000)
  for (let index = 0; index < count; index++) scheduler.drop(2 * index + 1)
  expect(scheduler.memory.used).toBe(0)
})
