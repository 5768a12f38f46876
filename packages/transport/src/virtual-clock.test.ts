import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VirtualClock } from './virtual-clock.ts'

test('runs timers in the order of their times, those of one time in the order they were set, and none that was cleared', () => {
  const property = fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.boolean())), (timers) => {
    const clock = new VirtualClock()
    const seen: [number, number][] = []
    const made = timers.map(([delay], index) => clock.setTimeout(() => seen.push([delay, index]), delay))
    made.forEach((timer, index) => {
      if (timers[index]?.[1]) clock.clearTimeout(timer)
    })
    const kept = timers.flatMap(([delay, isCleared], index): [number, number][] => (isCleared ? [] : [[delay, index]]))
    expect(clock.pendingTimers).toBe(kept.length)
    while (clock.runNext()) expect(clock.now()).toBe(seen.at(-1)?.[0])
    expect(seen).toEqual(kept.toSorted(([one, first], [other, second]) => one - other || first - second))
    expect([clock.pendingTimers, clock.isBusy]).toEqual([0, false])
  })
  fc.assert(property)
})

test('stops at a limit, and moves there without events', () => {
  const clock = new VirtualClock()
  clock.setTimeout(() => {}, 10)
  expect([clock.runNext(9), clock.now()]).toEqual([false, 0])
  clock.moveTo(9)
  expect([clock.runNext(10), clock.now()]).toEqual([true, 10])
})

test('an immediate comes before every later time, after what is due now', () => {
  const clock = new VirtualClock()
  const seen: string[] = []
  clock.setTimeout(() => {
    clock.setImmediate(() => seen.push('immediate'))
    clock.setTimeout(() => seen.push('later'), 1)
    seen.push('timer')
  }, 5)
  clock.setTimeout(() => seen.push('other timer'), 5)
  while (clock.runNext());
  expect(seen).toEqual(['timer', 'other timer', 'immediate', 'later'])
})

test('a delay that no timer of Node can wait is 1 ms, as in Node', () => {
  const clock = new VirtualClock()
  for (const delay of [0, -5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) clock.setTimeout(() => {}, delay)
  while (clock.runNext());
  expect(clock.now()).toBe(1)
})

test('a timer that is unref keeps nothing alive, and its time is still counted as pending', () => {
  const clock = new VirtualClock()
  const timer = clock.setTimeout(() => {}, 5)
  timer.unref()
  timer.unref()
  expect([clock.isBusy, clock.pendingTimers]).toEqual([false, 1])
  timer.ref()
  expect(clock.isBusy).toBe(true)
  clock.clearTimeout(timer)
  clock.clearTimeout(timer)
  timer.unref()
  expect([clock.isBusy, clock.pendingTimers]).toEqual([false, 0])
})
