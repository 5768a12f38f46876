import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DeadlineTimer } from './deadline-timer.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** A timer whose sweeps are noted as ms since now, and answer with the next of `deadlines`. */
function timerWith(deadlines: number[] = []): { timer: DeadlineTimer; sweeps: number[]; now: number } {
  const now = performance.now()
  const sweeps: number[] = []
  const timer = new DeadlineTimer((time) => {
    sweeps.push(time - now)
    return now + (deadlines.shift() ?? Number.POSITIVE_INFINITY)
  })
  return { timer, sweeps, now }
}

test('sweeps once at the earliest deadline', () => {
  const { timer, sweeps, now } = timerWith()
  timer.watch(now + 300)
  timer.watch(now + 100)
  timer.watch(now + 200)
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(99)
  expect(sweeps).toEqual([])
  vi.advanceTimersByTime(1_000)
  expect(sweeps).toEqual([100])
})

test('goes on with the earliest deadline that a sweep leaves', () => {
  const { timer, sweeps, now } = timerWith([250, 400])
  timer.watch(now + 100)
  vi.advanceTimersByTime(10_000)
  expect(sweeps).toEqual([100, 250, 400])
  expect(vi.getTimerCount()).toBe(0)
})

test('never sweeps before a deadline, and at most 1 ms late: a part of a ms is waited for', () => {
  const { timer, sweeps, now } = timerWith()
  timer.watch(now + 10.25)
  vi.advanceTimersByTime(10)
  expect(sweeps).toEqual([])
  vi.advanceTimersByTime(1)
  expect(sweeps).toEqual([11])
})

test('sweeps a turn later when the deadline has passed already', () => {
  const { timer, sweeps, now } = timerWith()
  timer.watch(now - 5)
  expect(sweeps).toEqual([])
  vi.advanceTimersByTime(1)
  expect(sweeps).toEqual([1])
})

test('waits longer than a timer of Node can, without a sweep a millisecond', () => {
  const { timer, sweeps, now } = timerWith([2 ** 31 + 5_000])
  timer.watch(now + 2 ** 31 + 5_000)
  expect(sweeps).toEqual([])
  vi.advanceTimersByTime(2 ** 31 - 1)
  expect(sweeps).toEqual([2 ** 31 - 1])
  vi.advanceTimersByTime(5_001)
  expect(sweeps).toEqual([2 ** 31 - 1, 2 ** 31 + 5_000])
})

test('sets no timer for a deadline that never comes', () => {
  const { timer } = timerWith()
  timer.watch(Number.POSITIVE_INFINITY)
  expect(vi.getTimerCount()).toBe(0)
})

describe('a sweep', () => {
  test('may watch a deadline itself: the earlier of that and its answer counts', () => {
    const now = performance.now()
    const sweeps: number[] = []
    const timer = new DeadlineTimer((time) => {
      sweeps.push(time - now)
      if (sweeps.length === 1) timer.watch(now + 150)
      return sweeps.length === 1 ? now + 200 : Number.POSITIVE_INFINITY
    })
    timer.watch(now + 100)
    vi.advanceTimersByTime(1_000)
    expect(sweeps).toEqual([100, 150])
  })

  test('may stop the timer, whatever it answers', () => {
    const now = performance.now()
    const timer = new DeadlineTimer(() => {
      timer.stop()
      return now + 200
    })
    timer.watch(now + 100)
    vi.advanceTimersByTime(100)
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('a timer that was stopped stays so: a call that ends late sets no new one', () => {
  const { timer, sweeps, now } = timerWith()
  timer.watch(now + 100)
  timer.stop()
  timer.watch(now + 50)
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(1_000)
  expect(sweeps).toEqual([])
})

test('does not keep the process alive', () => {
  vi.useRealTimers()
  const unref = vi.spyOn(Object.getPrototypeOf(setTimeout(() => {}, 0)), 'unref')
  const timer = new DeadlineTimer(() => Number.POSITIVE_INFINITY)
  timer.watch(performance.now() + 60_000)
  expect(unref).toHaveBeenCalledOnce()
  unref.mockRestore()
  timer.stop()
})
