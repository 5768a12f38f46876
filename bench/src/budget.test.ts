import { expect, test } from 'vitest'
import { Budget } from './budget.ts'
import { BASELINE, OURS } from './contender.ts'
import type { Step } from './plan.ts'
import { PEER_NAMES } from './roster.ts'

const echo = (contenders: readonly string[]): Step => {
  return { suite: 'rpc', work: 'bytes', payloadBytes: 32, inFlight: 128, contenders, rounds: 3, seconds: 0.2 }
}
const everybody = echo([BASELINE, OURS, ...PEER_NAMES])

test('with time enough peers get all of theirs', () => {
  expect(new Budget([everybody], 600).shareOf(0, 0)).toBe(1)
  expect(new Budget([everybody], Number.POSITIVE_INFINITY).shareOf(0, 1e6)).toBe(1)
})

test('with less they get less, but never so little that their numbers say nothing', () => {
  const shares = [40, 25, 15, 1].map((seconds) => new Budget([everybody], seconds).shareOf(0, 0))
  expect(shares.toSorted((left, right) => right - left)).toEqual(shares)
  expect(shares[1]).toBeLessThan(1)
  expect(shares.at(-1)).toBe(0.25)
})

test('what ours and the floor need later is kept for them', () => {
  const alone = new Budget([everybody], 30).shareOf(0, 0)
  const before = new Budget([everybody, echo([BASELINE, OURS]), echo([BASELINE, OURS])], 30).shareOf(0, 0)
  expect(before).toBeLessThan(alone)
})

test('a machine that turned out slow leaves less to the peers that follow', () => {
  const [quick, slow] = [5, 30].map((elapsed) => {
    const budget = new Budget([echo([BASELINE, OURS]), everybody], 70)
    budget.shareOf(0, 0)
    return budget.shareOf(1, elapsed)
  })
  expect(quick).toBe(1)
  expect(slow).toBeLessThan(1)
})

test('cells without peers are never shortened', () => {
  expect(new Budget([echo([BASELINE, OURS])], 0.1).shareOf(0, 60)).toBe(1)
})
