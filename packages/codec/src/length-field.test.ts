import { describe, expect, test } from 'vitest'
import { LENGTH_FIELDS } from '../test/length-fields.ts'
import { referenceFrame } from '../test/reference-frame.ts'
import { framingErrorOf } from '../test/stream.ts'
import { cut, join } from './chunks.ts'
import { encode } from './encode.ts'
import { FrameDecoder } from './frame-decoder.ts'
import { hex } from './law-check.ts'
import { type LengthFieldOptions, lengthField } from './length-field.ts'

const PAYLOADS = [0, 1, 3, 0, 17, 124, 125, 126, 127, 128, 130].map((length, index) => {
  return new Uint8Array(length).map((_, at) => at * 7 + index + 1)
})

test.each(Object.entries(LENGTH_FIELDS))(
  'stands on the wire as documented, and is read from there: %s',
  (_, options) => {
    const framing = lengthField(options)
    const wires = PAYLOADS.map((payload) => referenceFrame(options, payload) as Uint8Array)
    expect(PAYLOADS.map((payload) => hex(encode(framing, payload)))).toEqual(wires.map(hex))
    for (const size of [1, 2, 5, 10_000]) {
      const decoder = new FrameDecoder(framing)
      expect(cut(join(wires), [size]).flatMap((chunk) => decoder.decode(chunk))).toEqual(PAYLOADS)
      decoder.end()
    }
  },
)

describe('stripHeader', () => {
  const options = { lengthFieldLength: 2, headerLength: 3, trailerLength: 1 } as const
  const wire = (payload: Uint8Array) => referenceFrame(options, payload) as Uint8Array

  test.each<[string, boolean | number, number]>([
    ['false hands out header and trailer', false, 0],
    ['a number drops that many bytes', 2, 2],
    ['a number above the header drops never more than the frame', 9, 9],
  ])('%s', (_, stripHeader, dropped) => {
    const decoder = new FrameDecoder(lengthField({ ...options, stripHeader }))
    const wires = PAYLOADS.map(wire)
    expect(decoder.decode(join(wires))).toEqual(wires.map((frame) => frame.subarray(dropped)))
  })

  test('compares maxFrameLength with the payload alone, whatever is handed out', () => {
    for (const stripHeader of [true, false, 2]) {
      const framing = lengthField({ ...options, stripHeader, maxFrameLength: 5 })
      expect(new FrameDecoder(framing).decode(wire(new Uint8Array(5)))).toHaveLength(1)
      const error = framingErrorOf(() => new FrameDecoder(framing).decode(wire(new Uint8Array(6)).subarray(0, 2)))
      expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', length: 6, limit: 5, frameLength: 10 })
    }
  })
})

describe('a length field of its own', () => {
  const digits = lengthField({
    maxFrameLength: 9999,
    readLength: (bytes, at) => Number(String.fromCharCode(...bytes.subarray(at, at + 4))),
    writeLength: (target, at, value) => {
      for (let index = 0; index < 4; index++) target[at + index] = String(value).padStart(4, '0').charCodeAt(index)
    },
  })

  test('stands on the wire as it was written, and is read from there', () => {
    const wire = encode(digits, new Uint8Array(12))
    expect(hex(wire.subarray(0, 4))).toBe(hex(new TextEncoder().encode('0012')))
    expect(new FrameDecoder(digits).decode(wire)).toEqual([new Uint8Array(12)])
  })

  test.each([
    ['NaN', Number.NaN],
    ['a negative number', -1],
    ['a fraction', 1.5],
    ['a number above 2^53 - 1', 2 ** 53],
    ['Infinity', Number.POSITIVE_INFINITY],
  ])('is refused when it reads as %s', (_, value) => {
    const framing = lengthField({ readLength: () => value, writeLength: () => {} })
    expect(framingErrorOf(() => framing.measure(new Uint8Array(4), 0, 4, 0)).code).toBe('INVALID_LENGTH')
  })
})

describe('strict lengths', () => {
  test.each([
    ['the whole frame', { lengthFieldLength: 2, headerLength: 5, lengthCounts: 'frame' }, 5],
    ['itself', { lengthFieldLength: 2, lengthFieldOffset: 3, lengthCounts: 'fromLengthField' }, 2],
    ['the rest of the header', { lengthFieldLength: 2, headerLength: 5, lengthCounts: 'afterLengthField' }, 3],
    ['whole frame of a varint', { lengthFieldLength: 'varint', lengthFieldOffset: 3, lengthCounts: 'frame' }, 4],
    ["what Netty's number says", { lengthFieldLength: 2, lengthCounts: -6 }, 6],
  ] as const)('refuses a length smaller than what it counts: %s', (_, options, least) => {
    const framing = lengthField(options)
    const header = encode(framing, new Uint8Array(0))
    const field = options.lengthFieldLength === 2 ? (('lengthFieldOffset' in options ? 3 : 0) as number) + 1 : 3
    expect(header[field]).toBe(least)
    header[field] = least - 1
    expect(framingErrorOf(() => framing.measure(header, 0, header.length, 0))).toMatchObject({
      code: 'INVALID_LENGTH',
      reason: `length ${least - 1} is smaller than what it counts (at least ${least})`,
      length: least - 1,
      limit: least,
    })
  })

  test('refuses at once what can be no frame, although its header goes on', () => {
    const framing = lengthField({ lengthFieldLength: 2, headerLength: 9, maxFrameLength: 10 })
    expect(framingErrorOf(() => framing.measure(Uint8Array.of(0, 11), 0, 2, 0)).code).toBe('FRAME_TOO_LONG')
  })
})

describe('maxFrameLength', () => {
  test('is 4 MiB where none is given', () => {
    expect(lengthField().maxFrameLength).toBe(4 * 1024 * 1024)
  })

  test.each([
    [{ lengthFieldLength: 1 }, 255],
    [{ lengthFieldLength: 2 }, 65_535],
    [{ lengthFieldLength: 3 }, 0xff_ffff],
    [{ lengthFieldLength: 4 }, 0xffff_ffff],
    [{ lengthFieldLength: 1, headerLength: 5, lengthCounts: 'frame' }, 250],
    [{ lengthFieldLength: 1, lengthCounts: 10, trailerLength: 3 }, 262],
    [{ lengthFieldLength: 'varint', maxVarintLength: 2 }, 16_383],
    [{ lengthFieldLength: 'varint', maxVarintLength: 2, lengthCounts: 'frame' }, 16_381],
    [{ lengthFieldLength: 8 }, Number.MAX_SAFE_INTEGER - 16],
  ] as const)('is clamped to what the length field can say: %o holds %d', (options, most) => {
    expect(lengthField({ ...options, maxFrameLength: Number.POSITIVE_INFINITY }).maxFrameLength).toBe(most)
    expect(lengthField({ ...options, maxFrameLength: 77 }).maxFrameLength).toBe(77)
  })

  test('is met exactly by the largest frame in both directions', () => {
    for (const options of [{ lengthFieldLength: 1 }, { lengthFieldLength: 'varint', maxVarintLength: 1 }] as const) {
      const framing = lengthField(options)
      const largest = new Uint8Array(framing.maxFrameLength).fill(7)
      const frames = new FrameDecoder(framing).decode(encode(framing, largest))
      expect(frames.map(({ length }) => length)).toEqual([framing.maxFrameLength])
      expect(frames[0]?.every((byte) => byte === 7)).toBe(true)
      expect(framingErrorOf(() => encode(framing, new Uint8Array(framing.maxFrameLength + 1)))).toMatchObject({
        code: 'FRAME_TOO_LONG',
        length: framing.maxFrameLength + 1,
        limit: framing.maxFrameLength,
        offset: undefined,
      })
    }
  })
})

describe('the header and trailer apart from the payload', () => {
  const framing = lengthField({ lengthFieldOffset: 1, lengthFieldLength: 2, trailerLength: 2 })
  const whole = encode(framing, new Uint8Array(3).fill(9), Uint8Array.of(0x51, 0, 0))

  test('are the bytes of the whole frame and fit a target of exactly their length', () => {
    const header = new Uint8Array(3)
    expect(framing.encodeHeaderInto?.(header, 0, 3, Uint8Array.of(0x51, 0, 0))).toBe(3)
    const trailer = new Uint8Array(2).fill(0xee)
    expect(framing.encodeTrailerInto?.(trailer, 0, 3)).toBe(2)
    expect(`${hex(header)}090909${hex(trailer)}`).toBe(hex(whole))
  })

  test('are refused without room and above the limit, and nothing is written', () => {
    const target = new Uint8Array(2)
    expect(() => framing.encodeHeaderInto?.(target, 0, 3)).toThrow(RangeError)
    expect(() => framing.encodeTrailerInto?.(target, 1, 3)).toThrow(RangeError)
    expect(() => framing.encodeHeaderInto?.(new Uint8Array(9), -1, 3)).toThrow(RangeError)
    const plain = lengthField()
    expect(() => plain.encodeHeaderInto?.(target, 0, 3)).toThrow(RangeError)
    expect(() => plain.encodeHeaderInto?.(new Uint8Array(9), -1, 3)).toThrow(RangeError)
    const { maxFrameLength } = framing
    expect(() => framing.encodeHeaderInto?.(new Uint8Array(9), 0, maxFrameLength + 1)).toThrow('exceeds maxFrameLength')
    expect(hex(target)).toBe('0000')
  })
})

test.each<[LengthFieldOptions, string]>([
  [{ lengthFieldLength: 5 as 4 }, 'lengthFieldLength'],
  [{ lengthFieldLength: '4' as unknown as 4 }, 'lengthFieldLength'],
  [{ byteOrder: 'native' as 'big' }, 'byteOrder'],
  [{ lengthFieldOffset: -1 }, 'lengthFieldOffset'],
  [{ headerLength: 3 }, 'headerLength'],
  [{ lengthFieldLength: 'varint', headerLength: 9 }, 'varint'],
  [{ trailerLength: 1.5 }, 'trailerLength'],
  [{ stripHeader: -1 }, 'stripHeader'],
  [{ lengthCounts: 'body' as 'payload' }, 'lengthCounts'],
  [{ lengthCounts: 0.5 }, 'lengthCounts'],
  [{ maxFrameLength: 0 }, 'maxFrameLength'],
  [{ maxFrameLength: Number.NaN }, 'maxFrameLength'],
  [{ lengthFieldLength: 'varint', maxVarintLength: 9 }, 'maxVarintLength'],
  [{ readLength: () => 0 }, 'writeLength'],
  [{ writeLength: () => {} }, 'readLength'],
  [{ lengthFieldLength: 'varint', readLength: () => 0, writeLength: () => {} }, 'readLength'],
  [{ lengthFieldLength: 1, headerLength: 300, lengthCounts: 'frame' }, 'empty frame'],
])('options that no frame could meet are a RangeError at the call: %o', (options, name) => {
  expect(() => lengthField(options)).toThrow(RangeError)
  expect(() => lengthField(options)).toThrow(name)
})
