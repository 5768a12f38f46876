import { describe, expect, test } from 'vitest'
import { checkLimits, type Limits, settingsOf } from './limits.ts'

const DEFAULTS = {
  maxFrame: 131_072,
  maxMessage: 4_194_304,
  maxMeta: 8_192,
  maxStreams: 128,
  maxQueued: 1_024,
  streamCredit: 262_144,
  maxBuffered: 67_108_864,
  maxTimeoutMs: 300_000,
  pingIntervalMs: 15_000,
  pingTimeoutMs: 10_000,
  minPingIntervalMs: 10_000,
}

test('every limit is finite and on by default', () => {
  expect(checkLimits()).toEqual(DEFAULTS)
  expect(checkLimits({})).toEqual(DEFAULTS)
})

test('those that are given take the place of the defaults', () => {
  expect(checkLimits({ maxStreams: 7 })).toEqual({ ...DEFAULTS, maxStreams: 7 })
})

describe.each<[keyof Limits, number, number]>([
  ['maxFrame', 1_024, 0xff_ffff],
  ['maxStreams', 1, 0xffff_ffff],
  ['maxQueued', 1, Number.POSITIVE_INFINITY],
  ['maxMessage', 1_024, 0xffff_ffff],
  ['streamCredit', 65_536, 0x7fff_ffff],
  ['maxBuffered', 65_536, Number.POSITIVE_INFINITY],
  ['maxTimeoutMs', 1, Number.POSITIVE_INFINITY],
  ['pingIntervalMs', 1, Number.POSITIVE_INFINITY],
  ['pingTimeoutMs', 1, 0x7fff_ffff],
  ['minPingIntervalMs', 1, 0x7fff_ffff],
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

test('HELLO says what this side takes', () => {
  const settings = settingsOf(checkLimits({ maxFrame: 2_048, maxStreams: 5 }), 0b11)
  expect([...settings]).toEqual([
    [1, 2_048],
    [2, 4_194_304],
    [3, 5],
    [4, 262_144],
    [5, 10_000],
    [8, 0b11],
  ])
})

test('a limit that is explicitly undefined has its default', () => {
  expect(checkLimits({ maxFrame: undefined } as unknown as Limits)).toEqual(DEFAULTS)
})
