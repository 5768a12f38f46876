import { describe, expect, test } from 'vitest'
import { framingErrorOf } from '../test/stream.ts'
import { Trailer } from './trailer.ts'

const trailer = new Trailer(Uint8Array.of(1, 2))

describe('encodeInto', () => {
  test('writes the trailer, and no byte more', () => {
    const target = new Uint8Array(4)
    expect(trailer.encodeInto(target, 1)).toBe(3)
    expect(target).toEqual(Uint8Array.of(0, 1, 2, 0))
  })

  test('writes nothing without room', () => {
    const target = new Uint8Array(2)
    expect(() => trailer.encodeInto(target, 1)).toThrow(
      new RangeError('2 bytes do not fit at 1 of a target of 2 bytes'),
    )
    expect(target).toEqual(new Uint8Array(2))
  })

  test('needs no room for no trailer', () => {
    expect(new Trailer(new Uint8Array(0)).encodeInto(new Uint8Array(2), 5)).toBe(5)
  })
})

test('expectIn looks at the end of the frame and nowhere else', () => {
  const bytes = Uint8Array.of(1, 2, 9, 1, 2)
  expect(() => trailer.expectIn(bytes, 0, 2)).not.toThrow()
  expect(() => trailer.expectIn(bytes, 2, 5)).not.toThrow()
  for (const [start, end] of [
    [0, 3],
    [0, 4],
    [1, 2],
  ] as const) {
    expect(framingErrorOf(() => trailer.expectIn(bytes, start, end)).code).toBe('INVALID_HEADER')
  }
  expect(framingErrorOf(() => trailer.expectIn(bytes, 1, 2)).reason).toBe('frame of 1 bytes without its trailer of 2')
})
