import { describe, expect, test } from 'vitest'
import { checkLimits, DEFAULT_LIMITS, type Limits, settingsOf } from './limits.ts'

test('every limit is finite and on by default', () => {
  expect(checkLimits()).toEqual({ maxFrame: 65_536, maxStreams: 128, maxQueued: 1_024 })
  expect(checkLimits({})).toEqual(DEFAULT_LIMITS)
  expect(Object.isFrozen(DEFAULT_LIMITS)).toBe(true)
})

test('those that are given take the place of the defaults', () => {
  expect(checkLimits({ maxStreams: 7 })).toEqual({ ...DEFAULT_LIMITS, maxStreams: 7 })
})

describe.each<[keyof Limits, number, number]>([
  ['maxFrame', 1_024, 0xff_ffff],
  ['maxStreams', 1, 0xffff_ffff],
  ['maxQueued', 1, Number.POSITIVE_INFINITY],
])('%s', (name, least, most) => {
  test('may be anything from its least to its most', () => {
    for (const value of [least, least + 1, most]) expect(checkLimits({ [name]: value })[name]).toBe(value)
  })

  test('is refused outside of that, and 0 never means no limit', () => {
    const above = most === Number.POSITIVE_INFINITY ? [] : [most + 1, Number.POSITIVE_INFINITY]
    for (const value of [0, -1, least - 1, least + 0.5, Number.NaN, '7', null, ...above]) {
      const error = new RangeError(`${name} must be an integer from ${least} to ${most}, got ${String(value)}`)
      expect(() => checkLimits({ [name]: value }), String(value)).toThrow(error)
    }
  })
})

test('HELLO says the longest frame, the calls at a time and the encodings', () => {
  const settings = settingsOf(checkLimits({ maxFrame: 2_048, maxStreams: 5 }))
  expect([...settings]).toEqual([
    [1, 2_048],
    [3, 5],
    [8, 0b11],
  ])
})

test('a limit that is explicitly undefined has its default', () => {
  expect(checkLimits({ maxFrame: undefined } as unknown as Limits)).toEqual(DEFAULT_LIMITS)
})
