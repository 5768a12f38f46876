import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Random } from './random.ts'
import { ToxicFlow } from './toxic-flow.ts'

/** A socket as far as a flow needs it. */
class FakeSocket extends EventEmitter {
  taken = 0
  isFull = false
  write(bytes: Uint8Array): boolean {
    this.taken += bytes.length
    return !this.isFull
  }
  resume(): void {}
  pause(): void {}
}

const BYTES_PER_SECOND = 10_000
let nowMs = 1_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

function flow(): { source: FakeSocket; target: FakeSocket } {
  const [source, target] = [new FakeSocket(), new FakeSocket()]
  const owner = { finish: () => {}, reset: () => {} }
  const made = new ToxicFlow(source as unknown as Socket, target as unknown as Socket, new Random(1), owner)
  made.toxics = [{ type: 'bandwidth', bytesPerSecond: BYTES_PER_SECOND }]
  return { source, target }
}

/** Timers fire when they are due, but `lateMs` later. */
function pass(ms: number, lateMs: number): void {
  for (const end = nowMs + ms; nowMs < end; ) {
    nowMs += 20 + lateMs
    vi.runOnlyPendingTimers()
  }
}

test('a limited bandwidth is what it says where timers are late', () => {
  const { source, target } = flow()
  source.emit('data', Buffer.alloc(50_000))
  pass(2_000, 30)
  expect(target.taken).toBeGreaterThan(1.95 * BYTES_PER_SECOND)
  expect(target.taken).toBeLessThan(2.1 * BYTES_PER_SECOND)
})

test('a link that had nothing to carry, or whose end took nothing, does not make up for it', () => {
  const { source, target } = flow()
  pass(3_000, 0)
  target.isFull = true
  source.emit('data', Buffer.alloc(50_000))
  const first = target.taken
  pass(3_000, 0)
  expect(target.taken).toBe(first)
  target.isFull = false
  target.emit('drain')
  pass(1_000, 0)
  expect(target.taken - first).toBeGreaterThan(0.9 * BYTES_PER_SECOND)
  expect(target.taken - first).toBeLessThan(1.1 * BYTES_PER_SECOND)
})
