import { describe, expect, test } from 'vitest'
import { checkByteCount, checkLimit, checkRoom, copyInto, DEFAULT_MAX_FRAME_LENGTH } from './framing.ts'

test('the default limit is 4 MiB', () => {
  expect(DEFAULT_MAX_FRAME_LENGTH).toBe(4_194_304)
})

test.each([-1, 11, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
  'an option that counts bytes refuses %o by name',
  (value) => {
    const error = new RangeError(`trailerLength must be an integer from 0 to 10, got ${value}`)
    expect(() => checkByteCount('trailerLength', value, 0, 10)).toThrow(error)
  },
)

test.each<[unknown, string]>([
  ['5', '"5"'],
  [null, 'null'],
  [true, 'true'],
])('an option that counts bytes takes %o for no number', (value, name) => {
  const error = new TypeError(`trailerLength must be an integer from 0 to 10, got ${name}`)
  expect(() => checkByteCount('trailerLength', value as number, 0, 10)).toThrow(error)
})

test('an option that counts bytes may be its least and its most', () => {
  expect([checkByteCount('x', 0, 0, 10), checkByteCount('x', 10, 0, 10)]).toEqual([0, 10])
})

test('a limit may be Infinity, but never 0', () => {
  expect(checkLimit('maxFrameLength', Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY)
  expect(checkLimit('maxFrameLength', 1)).toBe(1)
  for (const value of [0, -1, Number.NEGATIVE_INFINITY, Number.NaN]) {
    expect(() => checkLimit('maxFrameLength', value)).toThrow(RangeError)
  }
})

describe('copyInto', () => {
  test.each([0, 1, 47, 48, 49, 1000])('copies %i bytes and no more', (length) => {
    const source = Uint8Array.from({ length }, (_, index) => (index % 250) + 1)
    const target = new Uint8Array(length + 4)
    copyInto(target, 2, source)
    expect(target).toEqual(Uint8Array.of(0, 0, ...source, 0, 0))
  })
})

describe('checkRoom', () => {
  const target = new Uint8Array(10)

  test('accepts what ends at the end', () => {
    expect(() => checkRoom(target, 4, 6)).not.toThrow()
    expect(() => checkRoom(target, 10, 0)).not.toThrow()
  })

  test.each([
    [5, 6],
    [-1, 2],
    [11, 0],
    [Number.NaN, 1],
  ])('refuses place %d for %d bytes', (at, length) => {
    expect(() => checkRoom(target, at, length)).toThrow(RangeError)
  })
})
