import { describe, expect, test } from 'vitest'
import { LENGTH_FIELDS } from '../test/length-fields.ts'
import { referenceFrame } from '../test/reference-frame.ts'
import { errorOfStream, framingErrorOf } from '../test/stream.ts'
import { cut, join } from './chunks.ts'
import { encode, encodeHeader } from './encode.ts'
import { FrameDecoder } from './frame-decoder.ts'
import { FramingError } from './framing-error.ts'
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
  [{ lengthFieldOffset: -1 }, 'lengthFieldOffset'],
  [{ headerLength: 3 }, 'headerLength'],
  [{ lengthFieldLength: 'varint', headerLength: 9 }, 'varint'],
  [{ trailerLength: 1.5 }, 'trailerLength'],
  [{ trailerLength: 1, trailer: Uint8Array.of(1) }, 'trailer and trailerLength exclude each other'],
  [{ stripHeader: -1 }, 'stripHeader'],
  [{ lengthCounts: 0.5 }, 'lengthCounts'],
  [{ maxFrameLength: 0 }, 'maxFrameLength'],
  [{ maxFrameLength: Number.NaN }, 'maxFrameLength'],
  [{ lengthFieldLength: 'varint', maxVarintLength: 9 }, 'maxVarintLength'],
  [{ readLength: () => 0 }, 'writeLength'],
  [{ writeLength: () => {} }, 'readLength'],
  [{ lengthFieldLength: 'varint', readLength: () => 0, writeLength: () => {} }, 'readLength'],
  [{ lengthFieldLength: 1, headerLength: 300, lengthCounts: 'frame' }, 'empty frame'],
  [{ lengthCounts: 11, maxFrameLength: 10 }, 'every payload at least 11 bytes, maxFrameLength is 10'],
  [{ lengthFieldLength: 'varint', lengthCounts: 11, maxFrameLength: 10 }, 'every payload at least 11 bytes'],
])('options that no frame could meet are a RangeError at the call: %o', (options, name) => {
  expect(() => lengthField(options)).toThrow(RangeError)
  expect(() => lengthField(options)).toThrow(name)
})

test.each<[object, string]>([
  [{ lengthFieldLength: '4' }, `lengthFieldLength must be 1, 2, 3, 4, 8 or 'varint', got "4"`],
  [{ lengthFieldLength: 'variant' }, `lengthFieldLength must be 1, 2, 3, 4, 8 or 'varint', got "variant"`],
  [{ byteOrder: 'native' }, 'byteOrder must be "big" or "little", got "native"'],
  [{ byteOrder: null }, 'byteOrder must be "big" or "little", got null'],
  [{ lengthCounts: 'body' }, 'lengthCounts must be a name of the documented four or an integer, got "body"'],
  [{ stripHeader: 'yes' }, 'stripHeader must be true or false, got "yes"'],
  [{ lengthFieldOffset: '1' }, 'lengthFieldOffset must be an integer from 0 to 65535, got "1"'],
  [{ headerLength: null }, 'headerLength must be an integer from 4 to 65535, got null'],
  [{ maxFrameLength: '9' }, 'maxFrameLength must be an integer from 1 to 9007199254740991, got "9"'],
  [{ maxVarintLength: true }, 'maxVarintLength must be an integer from 1 to 8, got true'],
  [{ trailer: ',' }, 'trailer must be a Uint8Array, got string'],
  [{ readLength: 4, writeLength: () => {} }, 'readLength must be a function, got 4'],
  [{ readLength: () => 0, writeLength: 4 }, 'writeLength must be a function, got 4'],
])('options of another kind are a TypeError at the call: %o', (options, message) => {
  expect(() => lengthField(options as LengthFieldOptions)).toThrow(new TypeError(message))
})

describe('a trailer', () => {
  const framing = lengthField({ lengthFieldLength: 1, trailer: Uint8Array.of(0x0d, 0xce), maxFrameLength: 9 })
  const wire = encode(framing, Uint8Array.of(7, 8))

  test('is written behind each payload, alone too', () => {
    expect(hex(wire)).toBe('0207080dce')
    expect(framing.encodedLength(2)).toBe(5)
    const target = new Uint8Array(4).fill(0xee)
    expect(framing.encodeTrailerInto?.(target, 1, 2)).toBe(3)
    expect(hex(target)).toBe('ee0dceee')
  })

  test.each([1, 2, 3, 4, 5, 100])('is not handed out, chunks of %i', (size) => {
    const decoder = new FrameDecoder(framing)
    const frames = cut(join([wire, encode(framing, new Uint8Array(0)), wire]), [size]).flatMap((chunk) =>
      decoder.decode(chunk),
    )
    expect(frames.map(hex)).toEqual(['0708', '', '0708'])
    decoder.end()
  })

  test('is handed out with a header that is', () => {
    const whole = lengthField({ trailer: Uint8Array.of(0xce), stripHeader: false })
    expect(new FrameDecoder(whole).decode(encode(whole, Uint8Array.of(7))).map(hex)).toEqual(['0000000107ce'])
  })

  test.each([
    ['first', [2, 7, 8, 9, 0xce], 'byte 0 of the trailer is 9, not 13'],
    ['last', [2, 7, 8, 0x0d, 9], 'byte 1 of the trailer is 9, not 206'],
  ])('with another %s byte is INVALID_HEADER, for any chunks', (_, bytes, reason) => {
    expect(errorOfStream(framing, [...wire], bytes)).toMatchObject({ code: 'INVALID_HEADER', reason, offset: 5 })
  })

  test('never counts, and keeps no limit from being compared with the header', () => {
    expect(new FrameDecoder(framing).decode(encode(framing, new Uint8Array(9)))).toEqual([new Uint8Array(9)])
    const error = framingErrorOf(() => new FrameDecoder(framing).decode(Uint8Array.of(10)))
    expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', length: 10, limit: 9, frameLength: 13 })
  })

  test('of which a part is missing is FRAME_TRUNCATED', () => {
    expect(errorOfStream(framing, [...wire.subarray(0, 4)])).toMatchObject({ code: 'FRAME_TRUNCATED', length: 4 })
  })

  test('keeps its bytes when the array it was given as changes', () => {
    const trailer = Uint8Array.of(0xce)
    const kept = lengthField({ lengthFieldLength: 1, trailer })
    trailer.fill(0)
    expect(hex(encode(kept, new Uint8Array(0)))).toBe('00ce')
  })

  test('of no bytes is none', () => {
    expect(hex(encode(lengthField({ trailer: new Uint8Array(0) }), Uint8Array.of(7)))).toBe('0000000107')
  })
})

test('a length that the own field cannot say is UNENCODABLE, and nothing is written', () => {
  const digit = lengthField({
    lengthFieldLength: 1,
    readLength: (bytes, at) => (bytes[at] as number) - 0x30,
    writeLength: (target, at, value) => {
      target[at] = 0x30 + (value % 10)
    },
  })
  expect(hex(encode(digit, new Uint8Array(9)).subarray(0, 1))).toBe('39')
  const target = new Uint8Array(20).fill(0xee)
  expect(framingErrorOf(() => digit.encodeInto(target, 0, new Uint8Array(10)))).toMatchObject({
    code: 'UNENCODABLE',
    reason: 'length 10 does not fit the length field: it reads as another',
  })
  expect(target).toEqual(new Uint8Array(20).fill(0xee))
})

test('a length that the own field refuses when it is read back is UNENCODABLE, too: nobody sent it', () => {
  const cause = new FramingError('INVALID_LENGTH', 'no four digits')
  const readLength = (): number => {
    throw cause
  }
  const digits = lengthField({ readLength, writeLength: () => {} })
  expect(framingErrorOf(() => encode(digits, new Uint8Array(9)))).toMatchObject({
    code: 'UNENCODABLE',
    reason: 'length 9 does not fit the length field: no four digits',
    cause,
  })
})

test.each([8, 'varint'] as const)(
  'no length above 2^53 - 1 is written, which nobody would read: %s',
  (lengthFieldLength) => {
    const framing = lengthField({
      lengthFieldLength,
      maxVarintLength: 8,
      lengthCounts: 10 - Number.MAX_SAFE_INTEGER,
      maxFrameLength: Number.POSITIVE_INFINITY,
    })
    expect(framing.maxFrameLength).toBe(10)
    const header = encodeHeader(framing, 10)
    expect(framing.measure(header, 0, header.length, 0)).toBe(header.length + 10)
    expect(framingErrorOf(() => encodeHeader(framing, 11))).toMatchObject({ code: 'FRAME_TOO_LONG', limit: 10 })
  },
)

test('the length of a frame is known with its header, unless a trailer of given bytes stands behind it', () => {
  const expectedOf = (options: LengthFieldOptions) => {
    const decoder = new FrameDecoder(lengthField({ lengthFieldLength: 2, ...options }))
    decoder.decode(Uint8Array.of(0, 9))
    return decoder.expectedLength
  }
  expect(expectedOf({})).toBe(11)
  expect(expectedOf({ trailerLength: 2 })).toBe(13)
  expect(expectedOf({ trailer: new Uint8Array(0) })).toBe(11)
  expect(expectedOf({ trailer: Uint8Array.of(0xce) })).toBe(0)
})

test('a trailer is looked at in every frame', () => {
  const framing = lengthField({ lengthFieldLength: 1, trailer: Uint8Array.of(0xce) })
  expect(framingErrorOf(() => framing.measure(Uint8Array.of(1, 7, 0xcf), 0, 3, 0)).code).toBe('INVALID_HEADER')
})

test('a field that can say the length of an empty frame and no other makes a framing of empty frames', () => {
  const options: LengthFieldOptions = { lengthFieldLength: 1, headerLength: 255, lengthCounts: 'frame' }
  const framing = lengthField(options)
  expect(framing.maxFrameLength).toBe(0)
  expect(new FrameDecoder(framing).decode(encode(framing, new Uint8Array(0)))).toEqual([new Uint8Array(0)])
  expect(framingErrorOf(() => framing.encodedLength(1))).toMatchObject({ code: 'FRAME_TOO_LONG', limit: 0 })
})

test("a field of one's own is taken to say any length that a whole frame may have", () => {
  const framing = lengthField({
    lengthFieldOffset: 3,
    trailer: new Uint8Array(7),
    readLength: () => 0,
    writeLength: () => {},
    maxFrameLength: Number.POSITIVE_INFINITY,
  })
  const most = framing.maxFrameLength
  expect(most).toBe(Number.MAX_SAFE_INTEGER - 7 - 7 - 4)
  expect(Number.isSafeInteger(framing.encodedLength(most))).toBe(true)
})

test('a negative number in such a field is no length, even where lengthCounts would make one of it', () => {
  const framing = lengthField({ lengthCounts: 10, readLength: () => -1, writeLength: () => {} })
  expect(framingErrorOf(() => framing.measure(new Uint8Array(4), 0, 4, 0))).toMatchObject({
    code: 'INVALID_LENGTH',
    reason: 'length field holds -1, not a length',
  })
})

test('a varint above the limit says the whole length of its frame, so that the frame can be skipped', () => {
  const framing = lengthField({ lengthFieldLength: 'varint', lengthFieldOffset: 1, maxFrameLength: 200 })
  const error = framingErrorOf(() => framing.measure(Uint8Array.of(0x30, 0xac, 2), 0, 3, 0))
  expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', length: 300, limit: 200, frameLength: 303 })
})

test.each([{}, { lengthFieldOffset: 2 }])('a header of the caller that is too short is refused: %o', (options) => {
  const framing = lengthField(options)
  const own = 4 + ('lengthFieldOffset' in options ? 2 : 0)
  const target = new Uint8Array(20).fill(0xee)
  const error = new RangeError(`header has ${own - 1} bytes, this framing needs ${own}`)
  expect(() => framing.encodeHeaderInto?.(target, 0, 3, new Uint8Array(own - 1))).toThrow(error)
  expect(() => framing.encodeInto(target, 0, new Uint8Array(3), new Uint8Array(own - 1))).toThrow(error)
  expect(target).toEqual(new Uint8Array(20).fill(0xee))
})

test('a payload too short for what the length counts is UNENCODABLE, and the error names the number', () => {
  const framing = lengthField({ lengthFieldLength: 2, lengthCounts: 3 })
  expect(framingErrorOf(() => encode(framing, new Uint8Array(2))).reason).toBe(
    'payload of 2 bytes would need the negative length -1',
  )
})
