import { describe, expect, test } from 'vitest'
import { errorOfStream, framingErrorOf } from '../test/stream.ts'
import { cut } from './chunks.ts'
import { type ContentLengthOptions, contentLength } from './content-length.ts'
import { ByteCounter } from './counted-bytes.ts'
import { encode, encodeHeader } from './encode.ts'
import { FrameDecoder } from './frame-decoder.ts'
import { text } from './message-codec.ts'
import { outcomeOfPush } from './outcome.ts'

const END = '\r\n\r\n'

const framing = contentLength()

/** The frames of a text as text. */
function framesOf(source: string, options: ContentLengthOptions = {}): string[] {
  return new FrameDecoder(contentLength(options)).decode(latin1(source)).map((frame) => String.fromCharCode(...frame))
}

/** One byte for each character. */
function latin1(source: string): Uint8Array {
  return Uint8Array.from(source, (character) => character.charCodeAt(0))
}

describe('reads', () => {
  test.each([
    ['the name in any case', `CONTENT-length: 2${END}ab`],
    ['no space behind the colon', `Content-Length:2${END}ab`],
    ['other lines in front', `Content-Type: a; b="c: d"\r\nContent-Length: 2${END}ab`],
    ['other lines behind', `Content-Length: 2\r\nX-Empty:\r\n!#$%&'*+.^_\`|~-: x${END}ab`],
    ['bytes above 0x7f in a value', `X: \xff\xe9\r\nContent-Length: 2${END}ab`],
    ['zeros in front of the number', `Content-Length: 002${END}ab`],
  ])('%s', (_, source) => {
    expect(framesOf(source)).toEqual(['ab'])
  })

  test('an empty payload, and frames behind it', () => {
    const empty = `Content-Length: 0${END}`
    expect(framesOf(`${empty}${empty}Content-Length: 1${END}x${empty}`)).toEqual(['', '', 'x', ''])
  })

  test('a payload that holds the end of a header', () => {
    expect(framesOf(`Content-Length: 4${END}${END}Content-Length: 1${END}x`)).toEqual([END, 'x'])
  })

  test('header and payload with stripHeader false', () => {
    expect(framesOf(`X: 1\r\nContent-Length: 1${END}x`, { stripHeader: false })).toEqual([
      `X: 1\r\nContent-Length: 1${END}x`,
    ])
  })
})

describe('a length that is no length', () => {
  test.each(['+7', '-7', '0x7', '7abc', ' 7', '7 ', '\t7', '\xa07', '', '7.0', '1e1', '1 0', '7,7', 'seven', '\u0667'])(
    'is INVALID_LENGTH, never a guess: %j',
    (value) => {
      expect(errorOfStream(framing, [...latin1(`Content-Length: ${value}${END}`)])).toMatchObject({
        code: 'INVALID_LENGTH',
        offset: 0,
      })
    },
  )

  test.each(['9007199254740992', '9007199254740993', '1'.repeat(400)])(
    'is INVALID_LENGTH above 2^53 - 1: %s',
    (value) => {
      const error = errorOfStream(
        contentLength({ maxFrameLength: Number.POSITIVE_INFINITY }),
        `Content-Length: ${value}${END}`,
      )
      expect(error.code).toBe('INVALID_LENGTH')
      expect(error.reason).toBe(`Content-Length "${value.slice(0, 40)}" is not a length`)
    },
  )
})

describe('a header that is no header is INVALID_HEADER', () => {
  test.each([
    ['without Content-Length', 'Content-Type: a', 'header without Content-Length'],
    ['with two Content-Lengths', 'Content-Length: 2\r\ncontent-length: 2', 'header with 2 Content-Length lines'],
    ['with three', 'Content-Length: 2\r\nContent-Length: 3\r\nContent-Length: 4', 'header with 3 Content-Length lines'],
    ['with a line without a colon', 'Content-Length: 2\r\noops', 'header line "oops" has no name'],
    ['with a line without a name', ': 2\r\nContent-Length: 2', 'header line ": 2" has no name'],
    ['with a space in the name', 'Content-Length : 2', 'header line "Content-Length : 2" has no name'],
    ['with a space in front of the name', ' Content-Length: 2', 'header line " Content-Length: 2" has no name'],
    ['with a folded line', 'Content-Length: 2\r\n X: a', 'header line " X: a" has no name'],
    ['with a lone line feed', 'Content-Length: 2\nX: a', 'header line "Content-Length: 2\\nX: a" has no name'],
    ['with a lone carriage return', 'X: \ra\r\nContent-Length: 2', 'header line "X: \\ra" has no name'],
    ['that is empty', '', 'header line "" has no name'],
    ['with a long line, which is quoted in part', 'x'.repeat(100), `header line "${'x'.repeat(80)}" has no name`],
  ])('%s', (_, header, reason) => {
    expect(errorOfStream(framing, header, END, 'ab')).toMatchObject({ code: 'INVALID_HEADER', reason, offset: 0 })
  })

  test('above maxHeaderLength, at that byte, whether its end has come or not', () => {
    const short = contentLength({ maxHeaderLength: 40 })
    const header = (length: number) => `X: ${'x'.repeat(length - 26)}\r\nContent-Length: 2${END}`
    expect(header(40)).toHaveLength(40)
    expect(new FrameDecoder(short).decode(text.encode(`${header(40)}ab`))).toEqual([text.encode('ab')])
    const facts = { code: 'INVALID_HEADER', reason: 'no end of the header within maxHeaderLength 40', limit: 40 }
    expect(errorOfStream(short, `${header(41)}ab`)).toMatchObject(facts)
    const decoder = new FrameDecoder(short)
    expect(decoder.decode(text.encode(header(60).slice(0, 39)))).toEqual([])
    expect(framingErrorOf(() => decoder.decode(text.encode('x')))).toMatchObject(facts)
  })

  test('only from its own first byte on: what stands in front of it in the chunk does not count', () => {
    const short = contentLength({ maxHeaderLength: 40 })
    const chunk = text.encode(`Content-Length: 60${END}${'x'.repeat(60)}Content-Len`)
    const decoder = new FrameDecoder(short)
    expect(decoder.decode(chunk)).toHaveLength(1)
    expect(decoder.decode(text.encode(`gth: 1${END}y`))).toEqual([text.encode('y')])
  })

  test('above 4096 bytes where no limit is given', () => {
    expect(errorOfStream(framing, 'x'.repeat(5000))).toMatchObject({ code: 'INVALID_HEADER', limit: 4096 })
  })
})

describe('maxFrameLength', () => {
  test('is compared when the header is complete, with the payload alone', () => {
    const limited = contentLength({ maxFrameLength: 2 })
    const decoder = new FrameDecoder(limited)
    const header = `Content-Length: 3${END}`
    expect(decoder.decode(text.encode(header.slice(0, -1)))).toEqual([])
    expect(framingErrorOf(() => decoder.decode(text.encode('\n')))).toMatchObject({
      code: 'FRAME_TOO_LONG',
      length: 3,
      limit: 2,
      frameLength: header.length + 3,
    })
    expect(framingErrorOf(() => encode(limited, new Uint8Array(3)))).toMatchObject({ length: 3, limit: 2 })
  })

  test("lets oversize 'skip' drop one frame and go on, for any chunks", () => {
    const source = text.encode(['a', 'long', 'b'].map((each) => `Content-Length: ${each.length}${END}${each}`).join(''))
    for (const size of [1, 5, 21, 100]) {
      const outcome = outcomeOfPush(contentLength({ maxFrameLength: 3 }), cut(source, [size]), { oversize: 'skip' })
      expect(outcome).toMatchObject({ frames: ['61', '62'], skipped: [{ length: 4, limit: 3, offset: 22 }] })
      expect(outcome.error).toBe(undefined)
    }
  })

  test('is 4 MiB where none is given', () => {
    expect(framing.maxFrameLength).toBe(4 * 1024 * 1024)
  })
})

describe('encoding', () => {
  const headerOf = (header?: string) => {
    return String.fromCharCode(...encodeHeader(framing, 7, header === undefined ? undefined : latin1(header)))
  }

  test('writes the length alone', () => {
    expect(headerOf()).toBe(`Content-Length: 7${END}`)
  })

  test.each([
    ['nothing', '', 'Content-Length: 7'],
    ['only ends of lines', END, 'Content-Length: 7'],
    ['a line', 'Content-Type: text', 'Content-Type: text\r\nContent-Length: 7'],
    ['lines with their end', `A: 1\r\nB:2${END}`, 'A: 1\r\nB:2\r\nContent-Length: 7'],
    ['another length, which is filled in', `content-length: 99\r\nA: 1${END}`, 'content-length: 7\r\nA: 1'],
    [
      'several lengths, of which one stays',
      'Content-Length:1\r\nA: 1\r\nContent-Length: 2',
      'Content-Length:7\r\nA: 1',
    ],
    ['bytes above 0x7f', 'A: \xe9\xff', 'A: \xe9\xff\r\nContent-Length: 7'],
    ['spaces in a value', 'A:  1 ', 'A:  1 \r\nContent-Length: 7'],
  ])("keeps the caller's header: %s", (_, header, whole) => {
    expect(headerOf(header)).toBe(`${whole}${END}`)
  })

  test.each([
    'A: \xe9\r\nContent-Length: 2',
    'Content-Length: 2\r\nContent-Type: text',
    'A:1\r\nCONTENT-length:2\r\nB: a: b',
  ])('makes a frame kept with stripHeader false come out as it was: %j', (header) => {
    const kept = contentLength({ stripHeader: false })
    const wire = latin1(`${header}${END}ab`)
    const [frame] = new FrameDecoder(kept).decode(wire) as [Uint8Array]
    expect(encode(kept, frame.subarray(-2), frame.subarray(0, -2))).toEqual(wire)
  })

  test('refuses header lines that nobody could read', () => {
    expect(framingErrorOf(() => headerOf('oops'))).toMatchObject({ code: 'INVALID_HEADER' })
    expect(framingErrorOf(() => headerOf('A: 1\r\n\r\nB: 2'))).toMatchObject({ code: 'INVALID_HEADER' })
  })

  test('refuses a header above maxHeaderLength, which the other side would refuse', () => {
    const short = contentLength({ maxHeaderLength: 40 })
    const fits = latin1(`A: ${'x'.repeat(14)}`)
    expect(encodeHeader(short, 7, fits)).toHaveLength(40)
    expect(framingErrorOf(() => encodeHeader(short, 7, latin1(`A: ${'x'.repeat(15)}`)))).toMatchObject({
      code: 'INVALID_HEADER',
      reason: 'header of 41 bytes exceeds maxHeaderLength 40',
      length: 41,
      limit: 40,
    })
  })
})

test('a long header that comes byte by byte is not searched twice', () => {
  const counter = new ByteCounter()
  const counting = {
    ...wrapped(),
    measure: (bytes: Uint8Array, start: number, end: number, seen: number) => {
      return framing.measure(counter.over(bytes), start, end, seen)
    },
  }
  const decoder = new FrameDecoder(counting)
  const header = text.encode(`X: ${'x'.repeat(4000)}\r\nContent-Length: 0${END}`)
  for (const chunk of cut(header, [1])) decoder.push(chunk, () => {})
  decoder.end()
  expect(counter.looks).toBeLessThanOrEqual(8 * header.length)
})

test('a header of two blocks of characters is read whole', () => {
  const value = Array.from({ length: 3000 }, (_, at) => String.fromCharCode(97 + (at % 26))).join('')
  const header = `X: ${value}\r\nContent-Length: 1${END}`
  expect(framesOf(`${header}x`, { stripHeader: false })).toEqual([`${header}x`])
  expect(String.fromCharCode(...encodeHeader(framing, 1, latin1(`X: ${value}`)))).toBe(header)
})

test.each<[string, ContentLengthOptions, string]>([
  ['a limit of 0', { maxFrameLength: 0 }, 'maxFrameLength'],
  ['a header too short for any length', { maxHeaderLength: 35 }, 'maxHeaderLength must be an integer from 36'],
  ['a header without limit', { maxHeaderLength: Number.POSITIVE_INFINITY }, 'maxHeaderLength'],
])('is a RangeError at the call: %s', (_, options, message) => {
  expect(() => contentLength(options)).toThrow(RangeError)
  expect(() => contentLength(options)).toThrow(message)
})

/** The framing with methods that can be replaced. */
function wrapped() {
  return {
    maxFrameLength: framing.maxFrameLength,
    headerLength: (bytes: Uint8Array, start: number, length: number) => framing.headerLength(bytes, start, length),
    trailerLength: () => 0,
    encodedLength: (length: number) => framing.encodedLength(length),
    encodeInto: (target: Uint8Array, at: number, payload: Uint8Array) => framing.encodeInto(target, at, payload),
  }
}

test.each(['no', 1, null])('stripHeader is true or false, not %o', (stripHeader) => {
  const error = new TypeError(`stripHeader must be true or false, got ${JSON.stringify(stripHeader)}`)
  expect(() => contentLength({ stripHeader: stripHeader as unknown as boolean })).toThrow(error)
})
