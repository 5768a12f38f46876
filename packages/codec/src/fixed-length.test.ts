import { expect, test } from 'vitest'
import { errorOfStream, framingErrorOf } from '../test/stream.ts'
import { encode, encodeHeader } from './encode.ts'
import { fixedLength } from './fixed-length.ts'
import { FrameDecoder } from './frame-decoder.ts'

test('hands out every n bytes', () => {
  expect(new FrameDecoder(fixedLength(2)).decode(Uint8Array.of(1, 2, 3, 4, 5))).toEqual([
    Uint8Array.of(1, 2),
    Uint8Array.of(3, 4),
  ])
})

test('knows the length before the first byte', () => {
  expect(fixedLength(9).measure(new Uint8Array(0), 0, 0, 0)).toBe(9)
  const decoder = new FrameDecoder(fixedLength(9))
  decoder.decode(Uint8Array.of(1))
  expect(decoder.expectedLength).toBe(9)
})

test('says FRAME_TRUNCATED for a last frame that is short', () => {
  expect(errorOfStream(fixedLength(3), [1, 2, 3, 4])).toMatchObject({ code: 'FRAME_TRUNCATED', offset: 3, length: 1 })
})

test('encodes payloads of exactly that length', () => {
  const framing = fixedLength(3)
  expect(encode(framing, Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(1, 2, 3))
  expect(framingErrorOf(() => encode(framing, new Uint8Array(2)))).toMatchObject({
    code: 'UNENCODABLE',
    reason: 'payload of 2 bytes in a framing of exactly 3',
  })
  expect(framingErrorOf(() => encode(framing, new Uint8Array(4)))).toMatchObject({
    code: 'FRAME_TOO_LONG',
    length: 4,
    limit: 3,
  })
})

test('has a header of no bytes, refused for another length all the same', () => {
  expect(encodeHeader(fixedLength(3), 3)).toEqual(new Uint8Array(0))
  expect(framingErrorOf(() => fixedLength(3).encodeHeaderInto?.(new Uint8Array(9), 0, 2)).code).toBe('UNENCODABLE')
})

test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses frames of %d bytes', (length) => {
  expect(() => fixedLength(length)).toThrow(RangeError)
  expect(() => fixedLength(length)).toThrow('length must be an integer from 1')
})
