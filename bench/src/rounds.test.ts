import { expect, test } from 'vitest'
import { NotRun } from './not-run.ts'
import { alternate, isWithinNoise, median, pairedRatio, spread } from './rounds.ts'

test('the median is the middle value, or the mean of the two middle ones', () => {
  expect(median([30, 1, 2])).toBe(2)
  expect(median([4, 1, 30, 2])).toBe(3)
  expect(median([7])).toBe(7)
  expect(() => median([])).toThrow(RangeError)
})

test('the median leaves its input in order', () => {
  const values = [3, 1, 2]
  median(values)
  expect(values).toEqual([3, 1, 2])
})

test('a spread has the median, the smallest and the largest', () => {
  expect(spread([5, 100, 1])).toEqual({ median: 5, min: 1, max: 100 })
})

test('a ratio is taken within a round before the median is taken over rounds', () => {
  // The medians alone, 20 and 20, would say 1.
  expect(pairedRatio([10, 20, 40], [20, 40, 10])).toEqual({ median: 0.5, min: 0.5, max: 4 })
  expect(() => pairedRatio([1], [1, 2, 3])).toThrow('1 rounds against 3')
})

test('the order of contenders turns round by round', async () => {
  const order: string[] = []
  const samples = await alternate(['a', 'b', 'c'], 3, async (contender) => order.push(contender))
  expect(order.join('')).toBe('abccbaabc')
  expect(samples).toContainEqual({ contender: 'b', rounds: [2, 5, 8] })
})

test('a contender that fails once is left out with its earlier rounds, and the others go on', async () => {
  let calls = 0
  const samples = await alternate(['a', 'b'], 3, async (contender) => {
    if (contender === 'b' && ++calls === 2) throw new Error('wrong echo')
    return 1
  })
  expect(samples).toEqual([
    { contender: 'a', rounds: [1, 1, 1] },
    { contender: 'b', rounds: [], failure: 'wrong echo' },
  ])
  expect(calls).toBe(2)
})

test('a contender that can not begin is not asked again, and did not fail', async () => {
  let asked = 0
  const samples = await alternate(['a', 'b'], 3, async (contender) => {
    if (contender === 'a') return 1
    asked++
    throw new NotRun('not installed')
  })
  expect(samples[1]).toEqual({ contender: 'b', rounds: [], notRun: 'not installed' })
  expect(asked).toBe(1)
})

test('an interruption keeps the rounds that were measured, and waits for no other', async () => {
  const controller = new AbortController()
  let calls = 0
  const measure = (): Promise<number> => {
    if (++calls < 4) return Promise.resolve(calls)
    controller.abort(new Error('interrupted'))
    return new Promise(() => {})
  }
  const samples = await alternate(['a', 'b'], 9, measure, controller.signal)
  expect(samples).toEqual([
    { contender: 'a', rounds: [1] },
    { contender: 'b', rounds: [2, 3] },
  ])
  expect(pairedRatio(samples[1]?.rounds ?? [], samples[0]?.rounds ?? [])).toEqual({ median: 2, min: 2, max: 2 })
})

test('noise is when rounds lie on both sides, or are too few to tell', () => {
  const ratio = { median: 1.1, min: 0.9, max: 1.3 }
  expect(isWithinNoise(ratio, 1, 5)).toBe(true)
  expect(isWithinNoise({ ...ratio, min: 1.01 }, 1, 5)).toBe(false)
  expect(isWithinNoise({ ...ratio, min: 1.01 }, 1, 2)).toBe(true)
})
