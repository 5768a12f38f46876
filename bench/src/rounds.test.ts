import { expect, test } from 'vitest'
import { alternate, median, pairedRatio, spread } from './rounds.ts'

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
  expect(() => pairedRatio([1], [1, 2])).toThrow('1 rounds against 2')
})

test('the order of contenders turns round by round', async () => {
  const order: string[] = []
  const samples = await alternate(['a', 'b', 'c'], 3, async (contender) => order.push(contender))
  expect(order.join('')).toBe('abccbaabc')
  expect(samples).toContainEqual({ contender: 'b', rounds: [2, 5, 8], failure: undefined })
})

test('a contender that fails once is left out with its earlier rounds, and the others go on', async () => {
  let calls = 0
  const samples = await alternate(['a', 'b'], 3, async (contender) => {
    if (contender === 'b' && ++calls === 2) throw new Error('wrong echo')
    return 1
  })
  expect(samples).toEqual([
    { contender: 'a', rounds: [1, 1, 1], failure: undefined },
    { contender: 'b', rounds: [], failure: 'wrong echo' },
  ])
  expect(calls).toBe(2)
})
