// Where encoding ends, to the byte, in every framing: a sender that writes side by side into one buffer trusts the returned
// ends, the exact room and the limits.

import { describe, expect, test } from 'vitest'
import { contentLength } from '../src/content-length.ts'
import { defineFraming } from '../src/define-framing.ts'
import { delimiter, lines } from '../src/delimiter.ts'
import { encode, encodeHeader } from '../src/encode.ts'
import { fixedLength } from '../src/fixed-length.ts'
import { FrameDecoder } from '../src/frame-decoder.ts'
import type { Framing } from '../src/framing.ts'
import { lengthField } from '../src/length-field.ts'
import { framingErrorOf } from './stream.ts'

const MOST = 300

const own = (): Framing => {
  const inner = lengthField({ lengthFieldLength: 2, maxFrameLength: MOST })
  return defineFraming({
    measure: (bytes, start, end, seen) => inner.measure(bytes, start, end, seen),
    headerLength: () => 2,
    maxFrameLength: MOST,
    encodedLength: (payloadLength) => payloadLength + 2,
    encodeInto: (target, at, payload) => inner.encodeInto(target, at, payload),
  })
}

const FRAMINGS: Record<string, Framing> = {
  'u32 length': lengthField({ maxFrameLength: MOST }),
  'u32 length, little-endian': lengthField({ byteOrder: 'little', maxFrameLength: MOST }),
  'u16 length': lengthField({ lengthFieldLength: 2, maxFrameLength: MOST }),
  'u64 length': lengthField({ lengthFieldLength: 8, maxFrameLength: MOST }),
  varint: lengthField({ lengthFieldLength: 'varint', maxFrameLength: MOST }),
  'u32 length behind two bytes, with a trailer': lengthField({
    lengthFieldOffset: 2,
    trailer: Uint8Array.of(0xce),
    maxFrameLength: MOST,
  }),
  lines: lines({ maxFrameLength: MOST }),
  'a long delimiter': delimiter('--end--', { maxFrameLength: MOST }),
  'fixed length': fixedLength(MOST),
  'Content-Length': contentLength({ maxFrameLength: MOST }),
  'own measure': own(),
}

const payloadOf = (framing: Framing, length: number) =>
  new Uint8Array(framing === FRAMINGS['fixed length'] ? MOST : length).fill(0x61)

describe.each(Object.entries(FRAMINGS))('%s', (name, framing) => {
  const LENGTHS = name === 'fixed length' ? [MOST] : [0, 1, 47, 49, 127, 128, 255, 256, MOST]

  test('encodeInto returns the end of the frame, wherever it is written, and touches nothing beside it', () => {
    for (const length of LENGTHS) {
      const payload = payloadOf(framing, length)
      const frame = encode(framing, payload)
      expect(frame).toHaveLength(framing.encodedLength(length))
      const target = new Uint8Array(frame.length + 20).fill(0xee)
      expect(framing.encodeInto(target, 9, payload)).toBe(9 + frame.length)
      expect(target.subarray(9, 9 + frame.length)).toEqual(frame)
      expect([...target.subarray(0, 9), ...target.subarray(9 + frame.length)]).toEqual(Array(20).fill(0xee))
    }
  })

  test('a target with exactly the room is enough; one byte less is refused before a byte is written', () => {
    for (const length of LENGTHS) {
      const payload = payloadOf(framing, length)
      const total = framing.encodedLength(length)
      const exact = new Uint8Array(total)
      expect(framing.encodeInto(exact, 0, payload)).toBe(total)
      const short = new Uint8Array(total - 1).fill(0xee)
      expect(() => framing.encodeInto(short, 0, payload)).toThrow(RangeError)
      expect(short.every((byte) => byte === 0xee)).toBe(true)
      expect(() => framing.encodeInto(exact, -1, payload)).toThrow(RangeError)
    }
  })

  test('the limit itself is welcome, one byte more is not', () => {
    expect(encode(framing, payloadOf(framing, MOST)).length).toBe(framing.encodedLength(MOST))
    if (name === 'fixed length') return
    const error = framingErrorOf(() => encode(framing, new Uint8Array(MOST + 1)))
    expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', length: MOST + 1, limit: MOST })
    expect(framingErrorOf(() => framing.encodedLength(MOST + 1)).code).toBe('FRAME_TOO_LONG')
  })

  test('header and trailer alone are the frame around the payload, with their exact ends', () => {
    const { encodeHeaderInto, encodeTrailerInto } = framing
    if (encodeHeaderInto === undefined || encodeTrailerInto === undefined) return
    for (const length of LENGTHS) {
      const frame = encode(framing, payloadOf(framing, length))
      const before = framing.headerLength(frame, 0, frame.length)
      const target = new Uint8Array(frame.length + 7).fill(0xee)
      const from = encodeHeaderInto.call(framing, target, 7, length)
      expect(from).toBe(7 + before)
      expect(target.subarray(7, from)).toEqual(frame.subarray(0, before))
      target.set(payloadOf(framing, length), from)
      expect(encodeTrailerInto.call(framing, target, from + length, length)).toBe(target.length)
      expect(target.subarray(7)).toEqual(frame)
      if (before > 0) {
        expect(encodeHeader(framing, length)).toEqual(frame.subarray(0, before))
        const tight = new Uint8Array(before)
        expect(encodeHeaderInto.call(framing, tight, 0, length)).toBe(before)
        const short = new Uint8Array(before - 1)
        expect(() => encodeHeaderInto.call(framing, short, 0, length)).toThrow(RangeError)
      }
    }
    expect(framingErrorOf(() => encodeHeaderInto.call(framing, new Uint8Array(99), 0, MOST + 1)).code).toMatch(
      /FRAME_TOO_LONG|UNENCODABLE/,
    )
  })
})

describe('while a frame arrives', () => {
  test('its length is known as soon as its header is, in every framing that says it', () => {
    for (const name of ['u16 length', 'varint', 'u64 length', 'u32 length, little-endian', 'Content-Length']) {
      const framing = FRAMINGS[name] as Framing
      const frame = encode(framing, payloadOf(framing, 200))
      const decoder = new FrameDecoder(framing)
      decoder.decode(frame.subarray(0, frame.length - 1))
      expect([name, decoder.expectedLength, decoder.pendingLength]).toEqual([name, frame.length, frame.length - 1])
    }
  })
})
