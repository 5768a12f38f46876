import { describe, expect, test } from 'vitest'
import { errorOfStream, framingErrorOf } from '../test/stream.ts'
import { cut } from './chunks.ts'
import { defineFraming, type FramingDefinition } from './define-framing.ts'
import { encode, encodeHeader } from './encode.ts'
import { FrameDecoder } from './frame-decoder.ts'
import type { Framing } from './framing.ts'
import { FramingError } from './framing-error.ts'
import { framingLaws } from './framing-laws.ts'
import { text } from './message-codec.ts'
import { outcomeOfPush } from './outcome.ts'

const RUNS = { numRuns: 5 }
const COLON = 0x3a

/** `5:hello,` */
const netstring: FramingDefinition = {
  maxFrameLength: 400,
  maxOverhead: 5,
  measure(bytes, start, end) {
    const colon = bytes.subarray(start, Math.min(end, start + 4)).indexOf(COLON)
    if (colon < 0 && end - start < 4) return 0
    const digits = String.fromCharCode(...bytes.subarray(start, start + Math.max(0, colon)))
    if (!/^(0|[1-9]\d*)$/.test(digits)) throw new FramingError('INVALID_LENGTH', `netstring length ${digits}`)
    return colon + 1 + Number(digits) + 1
  },
  headerLength: (bytes, start) => bytes.subarray(start, start + 4).indexOf(COLON) + 1,
  trailerLength: () => 1,
  encodedLength: (payloadLength) => String(payloadLength).length + payloadLength + 2,
  encodeInto(target, at, payload) {
    const header = text.encode(`${payload.length}:`)
    target.set(header, at)
    target.set(payload, at + header.length)
    target[at + header.length + payload.length] = 0x2c
    return at + header.length + payload.length + 1
  },
}

const parts: FramingDefinition = {
  ...netstring,
  encodeHeaderInto(target, at, payloadLength) {
    const header = text.encode(`${payloadLength}:`)
    target.set(header, at)
    return at + header.length
  },
  encodeTrailerInto(target, at) {
    target[at] = 0x2c
    return at + 1
  },
}

describe.each([
  ['without', netstring],
  ['with', parts],
])('netstring %s a header and trailer of its own', (_, definition) => {
  for (const law of framingLaws(defineFraming(definition), RUNS)) test(law.name, () => law.check())
})

/** Ends at `;`, without a limit of its own. */
const searching: FramingDefinition = {
  maxFrameLength: 10,
  maxOverhead: 5,
  measure: (bytes, start, end, seen) => bytes.subarray(start, end).indexOf(0x3b, seen) + 1,
  trailerLength: () => 1,
}

/** What stands on the wire is a number of words, so that each byte may be an answer. */
const answering = (length: unknown, rest: Partial<FramingDefinition> = {}) =>
  defineFraming({ measure: () => length as number, ...rest })

describe('a measure that only searches is bounded all the same', () => {
  const framing = defineFraming(searching)
  const unknown = { code: 'FRAME_TOO_LONG', reason: 'frame of unknown length exceeds maxFrameLength 10', limit: 10 }

  test('up to maxFrameLength and maxOverhead bytes are kept, and not one more', () => {
    const decoder = new FrameDecoder(framing)
    decoder.decode(text.encode('x'.repeat(15)))
    expect(decoder.pendingLength).toBe(15)
    expect(framingErrorOf(() => decoder.decode(text.encode('x')))).toMatchObject(unknown)
  })

  test.each([
    ['no end comes', 'x'.repeat(40), unknown],
    ['the end comes too late', `${'x'.repeat(16)};`, unknown],
    ['the end comes too late, and the next in time', `${'x'.repeat(16)};x;`, unknown],
    ['the end comes in time for a payload too long', `${'x'.repeat(15)};`, { code: 'FRAME_TOO_LONG', length: 15 }],
    [
      'the end comes one byte too late',
      `${'x'.repeat(11)};y;`,
      { code: 'FRAME_TOO_LONG', length: 11, frameLength: 12 },
    ],
  ])('with the same error for any chunks when %s', (_, source, facts) => {
    expect(errorOfStream(framing, 'ok;', source)).toMatchObject({ ...facts, offset: 3 })
  })

  test('with the same error when measure itself refuses what stands behind the bound', () => {
    const refusing = defineFraming({
      ...searching,
      measure(bytes, start, end) {
        const at = bytes.subarray(start, end).indexOf(0x21)
        if (at >= 0) throw new FramingError('INVALID_HEADER', 'an exclamation')
        return bytes.subarray(start, end).indexOf(0x3b) + 1
      },
    })
    expect(errorOfStream(refusing, `${'x'.repeat(15)}!`)).toMatchObject({ code: 'INVALID_HEADER' })
    expect(errorOfStream(refusing, `${'x'.repeat(16)}!`)).toMatchObject(unknown)
  })

  test('with the same error when what is found late is a header', () => {
    const framing = defineFraming({
      ...searching,
      measure: (bytes, start, end) => {
        const at = bytes.subarray(start, end).indexOf(COLON)
        return at < 0 ? 0 : at + 3
      },
      headerLength: (_, __, length) => length - 2,
      trailerLength: () => 0,
    })
    const tooMuch = {
      code: 'INVALID_HEADER',
      reason: '7 bytes around the payload exceed maxOverhead 5',
      length: 7,
      limit: 5,
    }
    expect(errorOfStream(framing, `${'x'.repeat(6)}:ab`)).toMatchObject(tooMuch)
    expect(errorOfStream(framing, `${'x'.repeat(16)}:ab`)).toMatchObject(unknown)
    expect(new FrameDecoder(framing).decode(text.encode('xxxx:ab'))).toEqual([text.encode('ab')])
  })

  test('by 4 MiB and 64 bytes where nothing is given', () => {
    const framing = defineFraming({ measure: () => 0 })
    expect(framing.maxFrameLength).toBe(4 * 1024 * 1024)
    const decoder = new FrameDecoder(framing)
    decoder.decode(new Uint8Array(framing.maxFrameLength + 64))
    expect(framingErrorOf(() => decoder.decode(new Uint8Array(1))).code).toBe('FRAME_TOO_LONG')
  })

  test('but not with maxFrameLength Infinity, which says so', () => {
    const decoder = new FrameDecoder(defineFraming({ ...searching, maxFrameLength: Number.POSITIVE_INFINITY }))
    expect(decoder.decode(text.encode('x'.repeat(1000)))).toEqual([])
    expect(decoder.decode(text.encode(';'))).toEqual([text.encode('x'.repeat(1000))])
  })
})

describe('what measure answers', () => {
  test.each([-1, Number.NaN, 1.5, Number.POSITIVE_INFINITY, 2 ** 53, undefined, '3', null])(
    'is INVALID_LENGTH when it is no length: %o',
    (length) => {
      expect(errorOfStream(answering(length), 'ab')).toMatchObject({
        code: 'INVALID_LENGTH',
        reason: `framing measured a frame of ${length} bytes`,
        offset: 0,
      })
    },
  )

  test.each<[string, Partial<FramingDefinition>, number, number]>([
    ['a header longer than the frame', { headerLength: () => 4 }, 4, 0],
    ['a trailer longer than the frame', { trailerLength: () => 4 }, 0, 4],
    ['both together longer', { headerLength: () => 2, trailerLength: () => 2 }, 2, 2],
    ['a negative header', { headerLength: () => -1, trailerLength: () => 1 }, -1, 1],
    ['a negative trailer', { headerLength: () => 1, trailerLength: () => -1 }, 1, -1],
    ['a header that is no number', { headerLength: () => Number.NaN }, Number.NaN, 0],
    ['parts of a byte', { headerLength: () => 0.5, trailerLength: () => 0.5 }, 0.5, 0.5],
  ])('is INVALID_LENGTH with %s', (_, rest, header, trailer) => {
    expect(errorOfStream(answering(3, rest), 'abc')).toMatchObject({
      code: 'INVALID_LENGTH',
      reason: `frame of 3 bytes cannot have a header of ${header} and a trailer of ${trailer} bytes`,
      length: 3,
    })
  })

  test('may leave nothing for the payload', () => {
    expect(new FrameDecoder(answering(3, { headerLength: () => 3 })).decode(text.encode('abc'))).toEqual([
      new Uint8Array(0),
    ])
  })

  test('is FRAME_TOO_LONG above the limit as soon as it is known, header and trailer not counted', () => {
    const around = { headerLength: () => 2, trailerLength: () => 1, maxFrameLength: 3 }
    expect(new FrameDecoder(answering(6, around)).decode(text.encode('##abc#'))).toEqual([text.encode('abc')])
    expect(framingErrorOf(() => new FrameDecoder(answering(7, around)).decode(text.encode('#')))).toMatchObject({
      code: 'FRAME_TOO_LONG',
      length: 4,
      limit: 3,
      frameLength: 7,
    })
  })

  test("lets oversize 'skip' go on behind a frame above the limit", () => {
    const framing = defineFraming({ ...netstring, maxFrameLength: 2 })
    for (const size of [1, 3, 100]) {
      const chunks = cut(text.encode('1:a,4:long,1:b,'), [size])
      const outcome = outcomeOfPush(framing, chunks, { oversize: 'skip' })
      expect(outcome).toMatchObject({ frames: ['61', '62'], skipped: [{ length: 4, offset: 4 }], error: undefined })
    }
  })

  test('is asked with the place and what was seen, and `this` is the definition', () => {
    const calls: unknown[] = []
    const definition: FramingDefinition = {
      measure(_, start, end, seen) {
        calls.push([this === definition, start, end, seen])
        return end - start >= 2 ? 2 : 0
      },
    }
    const decoder = new FrameDecoder(defineFraming(definition))
    decoder.decode(text.encode('abc'))
    decoder.decode(text.encode('d'))
    expect(calls).toEqual([
      [true, 0, 3, 0],
      [true, 2, 3, 0],
      [true, 0, 2, 1],
    ])
  })
})

test('hands out all of a frame where no header or trailer is named', () => {
  expect(new FrameDecoder(answering(2)).decode(text.encode('ab'))).toEqual([text.encode('ab')])
})

test('takes an unterminated rest for a frame where it says so', () => {
  const framing = defineFraming({ ...searching, unterminated: 'emit' })
  const frames: string[] = []
  const decoder = new FrameDecoder(framing)
  decoder.push(text.encode('a;b'), () => {})
  decoder.end((bytes, start, end) => void frames.push(text.decode(bytes.subarray(start, end))))
  expect(frames).toEqual(['b'])
  expect(defineFraming(searching).unterminated).toBe('error')
})

describe('encoding', () => {
  const framing = defineFraming(parts)

  test('is UNENCODABLE where the definition only decodes', () => {
    const decoding = defineFraming(searching)
    expect(framingErrorOf(() => encode(decoding, new Uint8Array(1)))).toMatchObject({
      code: 'UNENCODABLE',
      reason: 'this framing was defined without encoding',
    })
    expect(() => encodeHeader(decoding, 1)).toThrow(TypeError)
  })

  test('holds the limit in front of the definition', () => {
    const target = new Uint8Array(500)
    const calls = [
      () => framing.encodedLength(401),
      () => framing.encodeInto(target, 0, new Uint8Array(401)),
      () => framing.encodeHeaderInto?.(target, 0, 401),
    ]
    for (const call of calls)
      expect(framingErrorOf(call)).toMatchObject({ code: 'FRAME_TOO_LONG', length: 401, limit: 400 })
    expect(target).toEqual(new Uint8Array(500))
  })

  test('holds the room in front of the definition', () => {
    const target = new Uint8Array(3)
    expect(() => framing.encodeInto(target, 0, new Uint8Array(1))).toThrow(RangeError)
    expect(() => framing.encodeInto(target, 0, new Uint8Array(1))).toThrow('4 bytes do not fit')
    expect(target).toEqual(new Uint8Array(3))
  })

  test("gives the caller's header to the definition, whose `this` it keeps", () => {
    const header = Uint8Array.of(1, 2)
    const seen: unknown[] = []
    const definition = {
      measure: () => 0,
      encodedLength(payloadLength: number, own?: Uint8Array) {
        seen.push(['length', this === definition, own])
        return payloadLength + (own?.length ?? 0)
      },
      encodeInto(_: Uint8Array, at: number, payload: Uint8Array, own?: Uint8Array) {
        seen.push(['whole', this === definition, own])
        return at + payload.length + (own?.length ?? 0)
      },
      encodeHeaderInto(_: Uint8Array, at: number, __: number, own?: Uint8Array) {
        seen.push(['header', this === definition, own])
        return at
      },
      encodeTrailerInto(_: Uint8Array, at: number) {
        seen.push(['trailer', this === definition, undefined])
        return at
      },
    }
    const framing: Framing = defineFraming(definition)
    encode(framing, new Uint8Array(1), header)
    encodeHeader(framing, 1, header)
    framing.encodeTrailerInto?.(new Uint8Array(1), 0, 1)
    expect(new Set(seen.map((call) => (call as string[])[0]))).toEqual(
      new Set(['length', 'whole', 'header', 'trailer']),
    )
    for (const [name, isDefinition, own] of seen as [string, boolean, unknown][]) {
      expect([name, isDefinition, own]).toEqual([name, true, name === 'trailer' ? undefined : header])
    }
  })
})

test.each<[string, Partial<FramingDefinition>, new () => Error]>([
  ['encodedLength alone', { encodedLength: () => 1 }, TypeError],
  ['encodeInto alone', { encodeInto: () => 1 }, TypeError],
  ['encodeHeaderInto alone', { encodeHeaderInto: () => 1 }, TypeError],
  ['encodeTrailerInto alone', { encodeTrailerInto: () => 1 }, TypeError],
  ['a limit of 0', { maxFrameLength: 0 }, RangeError],
  ['a negative overhead', { maxOverhead: -1 }, RangeError],
])('is refused at the call: %s', (_, definition, kind) => {
  const define = () => defineFraming({ measure: () => 0, ...definition })
  expect(define).toThrow(kind)
  expect(define).toThrow(/come together|maxFrameLength must|maxOverhead must/)
})

test.each<[object, string]>([
  [{ measure: undefined }, 'a framing needs measure'],
  [{ measure: 3 }, 'measure must be a function, got 3'],
  [{ headerLength: 2 }, 'headerLength must be a function, got 2'],
  [{ trailerLength: 1 }, 'trailerLength must be a function, got 1'],
  [{ encodedLength: 1, encodeInto: () => 0 }, 'encodedLength must be a function, got 1'],
  [{ encodedLength: () => 0, encodeInto: 1 }, 'encodeInto must be a function, got 1'],
  [{ encodeHeaderInto: 1, encodeTrailerInto: () => 0 }, 'encodeHeaderInto must be a function, got 1'],
  [{ encodeHeaderInto: () => 0, encodeTrailerInto: 1 }, 'encodeTrailerInto must be a function, got 1'],
  [{ unterminated: 'emti' }, 'unterminated must be "error" or "emit", got "emti"'],
  [{ maxFrameLength: '1' }, 'maxFrameLength must be an integer from 1 to 9007199254740991, got "1"'],
  [{ maxOverhead: null }, 'maxOverhead must be an integer from 0 to 9007199254740991, got null'],
  [{ trailer: ',' }, 'trailer must be a Uint8Array, got string'],
])('members of another kind are a TypeError at the call: %o', (wrong, message) => {
  expect(() => defineFraming({ measure: () => 0, ...wrong } as FramingDefinition)).toThrow(new TypeError(message))
})

describe('a trailer', () => {
  /** A digit, the payload, `,;`. */
  const definition: FramingDefinition = {
    maxFrameLength: 8,
    maxOverhead: 3,
    trailer: text.encode(',;'),
    measure: (bytes, start, end) => (start < end ? 1 + (bytes[start] as number) - 0x30 + 2 : 0),
    headerLength: () => 1,
    encodedLength: (payloadLength) => 1 + payloadLength + 2,
    encodeInto(target, at, payload) {
      target[at] = 0x30 + payload.length
      target.set(payload, at + 1)
      return at + 1 + payload.length + 2
    },
  }
  const framing = defineFraming(definition)

  for (const law of framingLaws(framing, RUNS)) test(law.name, () => law.check())

  test('is written, required and not handed out', () => {
    expect(text.decode(encode(framing, text.encode('ab')))).toBe('2ab,;')
    expect(new FrameDecoder(framing).decode(text.encode('2ab,;0,;'))).toEqual([text.encode('ab'), new Uint8Array(0)])
  })

  test.each([
    ['2abc;', 'byte 0 of the trailer is 99, not 44'],
    ['2ab,,', 'byte 1 of the trailer is 44, not 59'],
  ])('is INVALID_HEADER where other bytes stand: %s', (source, reason) => {
    expect(errorOfStream(framing, '0,;', source)).toMatchObject({ code: 'INVALID_HEADER', reason, offset: 3 })
  })

  test('keeps no limit from being compared as soon as the length is known', () => {
    const error = framingErrorOf(() => new FrameDecoder(framing).decode(text.encode('9')))
    expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', length: 9, limit: 8, frameLength: 12 })
  })

  test('is handed out where trailerLength says so', () => {
    const kept = defineFraming({ ...definition, trailerLength: () => 0 })
    expect(new FrameDecoder(kept).decode(text.encode('2ab,;'))).toEqual([text.encode('ab,;')])
  })

  test('is written behind a payload that goes out by itself, too', () => {
    const inParts = defineFraming({
      ...definition,
      encodeHeaderInto: (_, at) => at + 1,
      encodeTrailerInto: (_, at) => at + 2,
    })
    const target = text.encode('2ab   ')
    expect(inParts.encodeTrailerInto?.(target, 3, 2)).toBe(5)
    expect(text.decode(target)).toBe('2ab,; ')
  })

  test('is looked for in the frame alone, not in front of a shorter one', () => {
    const short = defineFraming({ trailer: text.encode(',;'), trailerLength: () => 0, measure: () => 1 })
    expect(errorOfStream(short, ',;')).toMatchObject({
      code: 'INVALID_HEADER',
      reason: 'frame of 1 bytes without its trailer of 2',
      offset: 0,
    })
    expect(framingErrorOf(() => short.measure(text.encode(',;'), 1, 2, 0)).code).toBe('INVALID_HEADER')
  })
})

test('measure is never shown more than maxFrameLength + maxOverhead + 1 bytes of a frame', () => {
  let most = 0
  const measure: FramingDefinition['measure'] = (_, start, end) => {
    most = Math.max(most, end - start)
    return 0
  }
  const decoder = new FrameDecoder(defineFraming({ measure, maxFrameLength: 10, maxOverhead: 5 }))
  expect(framingErrorOf(() => decoder.decode(new Uint8Array(1000))).code).toBe('FRAME_TOO_LONG')
  expect(most).toBe(16)
})
