// What many clients do to a server that went away, and one client to a server that only seems to be there. In virtual time,
// with chance from a seed: the numbers are the same on every machine.

import { describe, expect, test } from 'vitest'
import { Backoff, type BackoffOptions } from '../src/backoff.ts'
import { setUpReconnector } from './fake-connects.ts'
import { randomNumbers } from './messages.ts'

/** When each of so many clients tries, in ms after all of them lost their server, for as long as it is away. */
function attemptTimes(clients: number, awayMs: number, options: BackoffOptions): number[] {
  const times: number[] = []
  const random = randomNumbers(19)
  for (let client = 0; client < clients; client++) {
    const backoff = new Backoff({ ...options, random })
    for (let at = backoff.next(); at < awayMs; at += backoff.next()) times.push(at)
  }
  return times
}

/** How many attempts fall into each slot. */
function perSlot(times: readonly number[], slotMs: number, slots: number): number[] {
  const counts = new Array<number>(slots).fill(0)
  for (const at of times) counts[Math.floor(at / slotMs)] = (counts[Math.floor(at / slotMs)] ?? 0) + 1
  return counts
}

const peakToMean = (counts: readonly number[]) => {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return Math.max(...counts) / mean
}

describe('1,000 clients whose server is away', () => {
  test('for 30 s, with delays of 50 ms to 1 s: no second has more than 3x the attempts of the mean', () => {
    const times = attemptTimes(1_000, 30_000, { baseDelayMs: 50, maxDelayMs: 1_000 })
    expect(times.length).toBeGreaterThan(50_000)
    expect(peakToMean(perSlot(times, 1_000, 30))).toBeLessThan(3)
  })

  test('with the defaults, from the time on when the delays have grown: no second has more than 1.5x the mean', () => {
    const times = attemptTimes(1_000, 300_000, {}).filter((at) => at >= 30_000)
    const counts = perSlot(
      times.map((at) => at - 30_000),
      1_000,
      270,
    )
    expect(peakToMean(counts)).toBeLessThan(1.5)
    const mean = times.length / 270
    expect(mean).toBeLessThan(210)
  })

  test('would come in bursts if the delays had no jitter', () => {
    const times: number[] = []
    for (let client = 0; client < 1_000; client++) {
      const backoff = new Backoff({ baseDelayMs: 50, maxDelayMs: 1_000, random: () => 1 })
      for (let at = backoff.next(); at < 30_000; at += backoff.next()) times.push(at)
    }
    expect(peakToMean(perSlot(times, 100, 300))).toBeGreaterThan(8)
  })
})

test('a server that accepts and then closes sees no more than 2 attempts a second', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { connects, clock } = setUpReconnector({ random: randomNumbers(seed) })
    while (clock.now() < 60_000) {
      await connects.accept()
      await connects.lose()
      const [next] = clock.timers
      await clock.advance((next as { at: number }).at - clock.now())
    }
    expect(connects.attempts.length / 60).toBeLessThan(2)
    expect(connects.attempts.length).toBeGreaterThan(10)
  }
})

test('a server that answers and then closes is asked again at once, each time', async () => {
  const { connects, clock, delays } = setUpReconnector()
  for (let count = 0; count < 10; count++) {
    await connects.accept()
    await connects.bring()
    await connects.lose()
    await clock.advance(100)
  }
  expect(delays).toEqual(new Array(10).fill(100))
})
