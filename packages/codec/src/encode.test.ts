import { describe, expect, test } from 'vitest'
import { framingErrorOf } from '../test/stream.ts'
import { defineFraming } from './define-framing.ts'
import { delimiter } from './delimiter.ts'
import { encode, encodeAll, encodeHeader } from './encode.ts'
import { fixedLength } from './fixed-length.ts'
import { FrameDecoder } from './frame-decoder.ts'
import type { Framing } from './framing.ts'
import { hex } from './law-check.ts'
import { lengthField } from './length-field.ts'

const payload = Uint8Array.of(0xaa, 0xbb)

test('makes one array of exactly the frame', () => {
  expect(encode(lengthField({ lengthFieldLength: 2, trailerLength: 1 }), payload)).toEqual(
    Uint8Array.of(0, 2, 0xaa, 0xbb, 0),
  )
})

test('copies the payload, a Buffer or a view too', () => {
  const inside = Buffer.from([1, 2, 3, 4])
  const frame = encode(lengthField({ lengthFieldLength: 1 }), inside.subarray(1, 3))
  inside.fill(0)
  expect(frame).toEqual(Uint8Array.of(2, 2, 3))
})

test('refuses text, which would go out as zeros', () => {
  expect(() => encode(lengthField(), '{"a":1}' as unknown as Uint8Array)).toThrow(TypeError)
  expect(() => encode(lengthField(), '{"a":1}' as unknown as Uint8Array)).toThrow('payload must be a Uint8Array')
})

describe('a header of the caller', () => {
  const framing = lengthField({ lengthFieldOffset: 1, lengthFieldLength: 2, headerLength: 5 })

  test('stands in front of the payload with the length filled in, and is left as it was', () => {
    const header = Uint8Array.of(1, 0xff, 0xff, 4, 5, 6)
    expect(hex(encode(framing, payload, header))).toBe('0100020405aabb')
    expect(hex(header)).toBe('01ffff040506')
  })

  test('makes a frame kept with stripHeader false come out as it was', () => {
    const kept = lengthField({ lengthFieldOffset: 1, lengthFieldLength: 2, headerLength: 5, stripHeader: false })
    const wire = Uint8Array.of(7, 0, 2, 8, 9, 0xaa, 0xbb)
    const [frame] = new FrameDecoder(kept).decode(wire) as [Uint8Array]
    expect(encode(kept, frame.subarray(5), frame.subarray(0, 5))).toEqual(wire)
  })

  test('stands in front of a varint', () => {
    const mqtt = lengthField({ lengthFieldLength: 'varint', lengthFieldOffset: 1 })
    expect(hex(encode(mqtt, payload, Uint8Array.of(0x30)))).toBe('3002aabb')
  })

  test('is zeros where none is given, even in a target that is not clean', () => {
    const target = new Uint8Array(7).fill(0xee)
    framing.encodeInto(target, 0, payload)
    expect(hex(target)).toBe('0000020000aabb')
  })

  test('that is too short is a RangeError, and nothing is written', () => {
    const target = new Uint8Array(9).fill(0xee)
    expect(() => framing.encodeInto(target, 0, payload, new Uint8Array(4))).toThrow(RangeError)
    expect(target.every((byte) => byte === 0xee)).toBe(true)
  })
})

test.each([-1, 1, Number.NaN])('a framing that writes another length than it said is a TypeError, off by %d', (off) => {
  const definition = {
    measure: () => 0,
    encodedLength: (payloadLength: number) => payloadLength + 1,
    encodeInto: (_: Uint8Array, at: number, payload: Uint8Array) => at + payload.length + 1 + off,
  }
  const defined = defineFraming(definition)
  const own: Framing = { ...definition, headerLength: () => 0, trailerLength: () => 0, maxFrameLength: 100 }
  const message = `framing.encodeInto wrote ${3 + off} bytes where encodedLength said 3`
  for (const framing of [defined, own]) {
    expect(() => encode(framing, new Uint8Array(2))).toThrow(new TypeError(message))
    expect(() => encodeAll(framing, [new Uint8Array(2)])).toThrow(new TypeError(message))
  }
  expect(() => defined.encodeInto(new Uint8Array(9), 2, new Uint8Array(2))).toThrow(new TypeError(message))
})

describe('encodeAll', () => {
  const framing = lengthField({ lengthFieldLength: 1, maxFrameLength: 3 })
  const payloads = [payload, new Uint8Array(0), Uint8Array.of(1, 2, 3)]

  test('makes one array of all frames, of any iterable', () => {
    const wire = '02aabb' + '00' + '03010203'
    expect(hex(encodeAll(framing, payloads))).toBe(wire)
    expect(hex(encodeAll(framing, new Set(payloads)))).toBe(wire)
    expect(hex(encodeAll(framing, payloads.values()))).toBe(wire)
    expect(encodeAll(framing, [])).toEqual(new Uint8Array(0))
  })

  test('checks every length before the first byte is written', () => {
    const written: number[] = []
    const watched: Framing = {
      maxFrameLength: 2,
      measure: () => 2,
      headerLength: () => 0,
      trailerLength: () => 0,
      encodedLength: (payloadLength) => fixedLength(2).encodedLength(payloadLength),
      encodeInto: (_, at) => written.push(at),
    }
    expect(framingErrorOf(() => encodeAll(watched, [payload, new Uint8Array(3)])).code).toBe('FRAME_TOO_LONG')
    expect(written).toEqual([])
  })

  test('refuses text, which would go out as zeros', () => {
    expect(() => encodeAll(framing, [payload, 'ab' as unknown as Uint8Array])).toThrow('payload must be a Uint8Array')
  })
})

describe('encodeHeader', () => {
  const framing = lengthField({ lengthFieldLength: 2, lengthFieldOffset: 1, trailerLength: 3 })

  test('makes what stands in front of a payload, without what stands behind it', () => {
    expect(hex(encodeHeader(framing, 5))).toBe('000005')
    expect(hex(encodeHeader(framing, 5, Uint8Array.of(7, 0, 0)))).toBe('070005')
  })

  test('costs the bytes around the payload and none of the payload', () => {
    expect(encodeHeader(framing, 60_000).buffer.byteLength).toBe(3 + 3)
  })

  test('refuses a length above the limit, and what is no length', () => {
    expect(framingErrorOf(() => encodeHeader(framing, 65_536)).code).toBe('FRAME_TOO_LONG')
    for (const length of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => encodeHeader(framing, length)).toThrow('payloadLength must be an integer from 0')
    }
  })

  test('is a TypeError for a framing that has no header of its own', () => {
    expect(() => encodeHeader(delimiter('\n'), 5)).toThrow(TypeError)
    expect(() => encodeHeader(delimiter('\n'), 5)).toThrow('cannot write its header alone')
  })
})

describe('what cannot be encoded', () => {
  const untouched = new Uint8Array(16).fill(0xee)

  test('is FRAME_TOO_LONG above maxFrameLength, before anything is written', () => {
    const target = untouched.slice()
    const framing = lengthField({ maxFrameLength: 3 })
    const error = framingErrorOf(() => framing.encodeInto(target, 0, new Uint8Array(4)))
    expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', message: 'frame of 4 bytes exceeds maxFrameLength 3' })
    expect(target).toEqual(untouched)
  })

  test.each([2, 'varint'] as const)('is UNENCODABLE where the length would be negative, length field %s', (size) => {
    const target = untouched.slice()
    const framing = lengthField({ lengthFieldLength: size, lengthCounts: 3 })
    expect(framingErrorOf(() => framing.encodeInto(target, 0, payload)).code).toBe('UNENCODABLE')
    expect(target).toEqual(untouched)
    expect(encode(framing, new Uint8Array(3))[size === 2 ? 1 : 0]).toBe(0)
  })

  test('leaves the target as it was when writeLength refuses', () => {
    const target = untouched.slice()
    const writeLength = () => {
      throw new RangeError('does not fit four digits')
    }
    const framing = lengthField({ lengthFieldOffset: 2, readLength: () => 0, writeLength })
    expect(() => framing.encodeInto(target, 0, payload)).toThrow('four digits')
    expect(() => framing.encodeInto(target, 0, payload, new Uint8Array(6))).toThrow('four digits')
    expect(target).toEqual(untouched)
  })
})
