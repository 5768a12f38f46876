import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Backoff, type BackoffOptions } from './backoff.ts'

const take = (backoff: Backoff, count: number) => Array.from({ length: count }, () => backoff.next())

test('the bound is 100 ms, doubles with each delay and stops at 10 s', () => {
  const expected = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
  expect(take(new Backoff({ random: () => 1 }), 9)).toEqual(expected)
})

test('a delay is never below 20 ms', () => {
  expect(take(new Backoff({ random: () => 0 }), 3)).toEqual([20, 20, 20])
})

test('begins at the first bound again after reset', () => {
  const backoff = new Backoff({ random: () => 0.5 })
  expect(take(backoff, 3)).toEqual([50, 100, 200])
  backoff.reset()
  expect(take(backoff, 2)).toEqual([50, 100])
})

test('stays finite however often it is asked', () => {
  const backoff = new Backoff({ random: () => 1 })
  expect(take(backoff, 2_000).at(-1)).toBe(10_000)
})

test('every delay lies between the floor and its bound, whatever the options', () => {
  const ms = fc.double({ min: 0.001, max: 0x7fff_ffff, noNaN: true })
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  const property = fc.property(ms, ms, ms, fc.array(share, { maxLength: 80 }), (base, one, other, shares) => {
    const [minDelayMs, maxDelayMs] = [Math.min(one, other), Math.max(one, other)]
    const left = [...shares]
    const backoff = new Backoff({ baseDelayMs: base, minDelayMs, maxDelayMs, random: () => left.shift() ?? 0 })
    for (const [index, share] of shares.entries()) {
      const bound = Math.min(maxDelayMs, base * 2 ** index)
      expect(backoff.next()).toBe(Math.max(minDelayMs, share * bound))
    }
  })
  fc.assert(property)
})

describe('refuses', () => {
  test.each(['baseDelayMs', 'maxDelayMs', 'minDelayMs'] as const)('a %s that no timer can wait', (name) => {
    for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5' as never]) {
      const options: BackoffOptions = { [name]: value }
      const text = `${name} must be above 0 and at most 2147483647 ms; got ${value}`
      expect(() => new Backoff(options)).toThrow(new RangeError(text))
    }
  })

  test('a floor above the highest bound', () => {
    const error = new RangeError('minDelayMs 20 exceeds maxDelayMs 10')
    expect(() => new Backoff({ maxDelayMs: 10 })).toThrow(error)
  })

  test('chance that is none', () => {
    expect(() => new Backoff({ random: 5 as never })).toThrow(new TypeError('random must be a function, got 5'))
    for (const share of [-0.1, 1.1, Number.NaN]) {
      const error = new RangeError(`random must answer 0 to 1, got ${share}`)
      expect(() => new Backoff({ random: () => share }).next()).toThrow(error)
    }
  })
})
