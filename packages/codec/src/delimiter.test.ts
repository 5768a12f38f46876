import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { errorOfStream, framingErrorOf } from '../test/stream.ts'
import { cut } from './chunks.ts'
import { ByteCounter } from './counted-bytes.ts'
import { type DelimiterOptions, type Delimiters, delimiter, lines } from './delimiter.ts'
import { encode } from './encode.ts'
import { FrameDecoder } from './frame-decoder.ts'
import type { Framing } from './framing.ts'
import { hex } from './law-check.ts'
import { text } from './message-codec.ts'
import { outcomeOfPush, sameOutcome } from './outcome.ts'

/** The frames of a text, which must be the same whole, byte by byte and for every split in two. */
function framesOf(framing: Framing, source: string): string[] {
  const bytes = text.encode(source)
  const whole = outcomeOfPush(framing, [bytes])
  for (let at = 0; at <= bytes.length; at++) {
    sameOutcome(outcomeOfPush(framing, [bytes.subarray(0, at), bytes.subarray(at)]), whole, `split at ${at}`)
  }
  sameOutcome(outcomeOfPush(framing, cut(bytes, [1])), whole, 'byte by byte')
  expect(whole.error).toBe(undefined)
  return new FrameDecoder(framing).decode(bytes).map((frame) => text.decode(frame))
}

test.each<[string, Delimiters, string, string[]]>([
  ['begins again inside itself', 'aab', 'xaaab', ['xa']],
  ['begins again inside itself, twice', 'abab', 'abaabab!abab', ['aba', '!']],
  ['is the beginning of another: the one that ends first', ['ab', 'abc'], 'xabcab', ['x', 'c']],
  ['is the end of another: the longer', ['b', 'ab'], 'xabyb', ['x', 'y']],
  ['is the end of another and stands first in the list', ['\r\n', '\n'], 'a\nb\r\n\r\n', ['a', 'b', '']],
  ['is the middle of another: the one that ends first', ['b', 'abc'], 'xabcb', ['xa', 'c']],
  ['is of several bytes in UTF-8', '€', '1€2€€', ['1', '2', '']],
  ['would need the end of the frame before', 'aa', 'aaaab!aa', ['', '', 'b!']],
  ['is far behind the first window', ['\0', ';;'], `${'x'.repeat(300)};;y\0`, ['x'.repeat(300), 'y']],
  [
    'stands across two windows',
    ['\0', ';;;;'],
    `${'x'.repeat(30)};;;;${'y'.repeat(94)};;;;`,
    [30, 94].map((count, index) => 'xy'.charAt(index).repeat(count)),
  ],
])('a delimiter that %s', (_, delimiters, source, frames) => {
  expect(framesOf(delimiter(delimiters), source)).toEqual(frames)
})

describe('lines', () => {
  test('end with \\n or \\r\\n, mixed, empty ones too', () => {
    expect(framesOf(lines(), '\none\ntwo\r\n\r\n\nthree\r\n')).toEqual(['', 'one', 'two', '', '', 'three'])
  })

  test('keep a lone \\r, and of two the first', () => {
    expect(framesOf(lines(), 'a\rb\nc\r\r\n\r\r\n')).toEqual(['a\rb', 'c\r', '\r'])
  })

  test('are written with the end that was asked for', () => {
    expect(hex(encode(lines(), text.encode('a')))).toBe('610a')
    expect(hex(encode(lines({ eol: '\r\n' }), text.encode('a')))).toBe('610d0a')
  })

  test('are written with \\r\\n even behind a \\r, which then stays', () => {
    const framing = lines({ eol: '\r\n' })
    expect(framesOf(framing, text.decode(encode(framing, text.encode('a\r'))))).toEqual(['a\r'])
  })

  test('are looked for once, although two delimiters end them: where the longer ends, the shorter does too', () => {
    const counter = new ByteCounter()
    expect(lines().measure(counter.over(new Uint8Array(5000)), 0, 5000, 0)).toBe(0)
    expect(counter.looks).toBe(5000)
  })

  test('refuse another end of line', () => {
    const message = 'eol must be "\\n" or "\\r\\n", got "\\r"'
    expect(() => lines({ eol: '\r' as '\n' })).toThrow(new TypeError(message))
  })
})

test.each<[string, Framing, string]>([
  ['a delimiter', delimiter('\n'), 'a\nb'],
  ['a delimiter at its beginning', delimiter('\n'), '\nb'],
  ['a delimiter at its end', delimiter('\n'), 'a\n'],
  ['a delimiter alone', delimiter('\n'), '\n'],
  ['a delimiter that is not the one written', delimiter(['\n', ';']), 'a;b'],
  ['an end that makes a delimiter with the one written', delimiter('aa'), 'xa'],
  ['an end that makes an earlier one', delimiter('aba'), 'xab'],
  ['an end that makes another delimiter, earlier', delimiter(['ba', 'ab']), 'xa'],
  ['an end that makes the delimiter a longer one', lines(), 'a\r'],
  ['an end that makes a much longer one', delimiter(['c', 'abbbbbc']), 'xabbbbb'],
])('a payload is UNENCODABLE that holds %s', (_, framing, payload) => {
  const target = new Uint8Array(20).fill(0xee)
  expect(framingErrorOf(() => framing.encodeInto(target, 2, text.encode(payload)))).toMatchObject({
    code: 'UNENCODABLE',
    reason: `payload of ${payload.length} bytes holds a delimiter, or makes one with it`,
  })
  expect(target).toEqual(new Uint8Array(20).fill(0xee))
})

test.each<[string, Framing, string]>([
  ['part of a delimiter at its end', delimiter('ab'), 'xa'],
  ['part of a delimiter in its middle', delimiter('\r\n'), 'a\rb'],
  ['the end of a longer delimiter', delimiter(['ab', 'cab']), 'xb'],
])('a payload is encodable that holds %s', (_, framing, payload) => {
  expect(framesOf(framing, text.decode(encode(framing, text.encode(payload))))).toEqual([payload])
})

/** The frames of a stream, read slowly from the documentation. */
function slowFrames(delimiters: Uint8Array[], stream: Uint8Array): { frames: string[]; rest: number } {
  const frames: string[] = []
  let start = 0
  for (let end = 1; end <= stream.length; end++) {
    const ending = delimiters.filter((each) => {
      return end - start >= each.length && hex(stream.subarray(end - each.length, end)) === hex(each)
    })
    if (ending.length === 0) continue
    const longest = Math.max(...ending.map(({ length }) => length))
    frames.push(hex(stream.subarray(start, end - longest)))
    start = end
  }
  return { frames, rest: stream.length - start }
}

test('any delimiters in any stream, any chunks: the frames of a slow reading, and what is encoded comes back', () => {
  const few = (minLength: number, maxLength: number) => fc.uint8Array({ min: 97, max: 99, minLength, maxLength })
  const delimiters = fc.array(few(1, 4), { minLength: 1, maxLength: 3 })
  const lengths = fc.array(fc.nat(9), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(delimiters, few(0, 150), lengths, few(0, 6), (list, stream, sizes, payload) => {
      const framing = delimiter(list)
      const { frames, rest } = slowFrames(list, stream)
      const whole = outcomeOfPush(framing, [stream])
      expect(whole.frames).toEqual(frames)
      expect(whole.error?.length ?? 0).toBe(rest)
      sameOutcome(outcomeOfPush(framing, cut(stream, sizes)), whole, `chunks of ${sizes}`)
      const wire = Uint8Array.from([...payload, ...(list[0] as Uint8Array)])
      const slow = slowFrames(list, wire)
      const isSound = slow.rest === 0 && slow.frames.length === 1 && slow.frames[0] === hex(payload)
      if (isSound) expect(hex(encode(framing, payload))).toBe(hex(wire))
      else expect(framingErrorOf(() => encode(framing, payload)).code).toBe('UNENCODABLE')
    }),
    { numRuns: 1000 },
  )
})

describe('maxFrameLength', () => {
  test('never counts the delimiter, whichever it is', () => {
    const framing = delimiter(['\n', '-----', '\r\n'], { maxFrameLength: 3 })
    expect(framesOf(framing, 'abc\nabc-----abc\r\n')).toEqual(['abc', 'abc', 'abc'])
    for (const end of ['\n', '-----', '\r\n', '', 'efghijkl']) {
      expect(errorOfStream(framing, 'ok\n', `abcd${end}efghijkl`)).toMatchObject({
        code: 'FRAME_TOO_LONG',
        reason: 'no delimiter within maxFrameLength 3',
        limit: 3,
        offset: 3,
      })
    }
  })

  test('bounds what is kept while no delimiter comes', () => {
    const decoder = new FrameDecoder(delimiter(['\n', '-----'], { maxFrameLength: 100 }))
    for (let count = 1; count < 105; count++) {
      decoder.decode(Uint8Array.of(120))
      expect(decoder.pendingLength).toBe(count)
    }
    expect(framingErrorOf(() => decoder.decode(Uint8Array.of(120))).code).toBe('FRAME_TOO_LONG')
  })

  test('is 4 MiB where none is given, and holds for payloads too', () => {
    expect(lines().maxFrameLength).toBe(4 * 1024 * 1024)
    expect(framingErrorOf(() => encode(delimiter('\n', { maxFrameLength: 2 }), new Uint8Array(3)))).toMatchObject({
      code: 'FRAME_TOO_LONG',
      length: 3,
      limit: 2,
    })
  })

  test('may be Infinity', () => {
    const framing = delimiter('\n', { maxFrameLength: Number.POSITIVE_INFINITY })
    expect(framesOf(framing, 'abc\n')).toEqual(['abc'])
  })
})

test("oversize 'skip' skips no frame whose end is not known", () => {
  const outcome = outcomeOfPush(lines({ maxFrameLength: 2 }), [text.encode('a\nlong\nb\n')], { oversize: 'skip' })
  expect(outcome).toMatchObject({ frames: ['61'], skipped: [], error: { code: 'FRAME_TOO_LONG', offset: 2 } })
})

test('bytes of another realm are a delimiter, alone and among others', () => {
  const foreign = runInNewContext('Uint8Array.of(10)') as Uint8Array
  for (const delimiters of [foreign, [foreign, ';']]) expect(framesOf(delimiter(delimiters), 'ab\n')).toEqual(['ab'])
})

test.each<[string, () => Framing, string]>([
  ['no delimiter', () => delimiter([]), 'needs a delimiter'],
  ['an empty one', () => delimiter(''), 'must not be empty'],
  ['an empty one among others', () => delimiter(['\n', new Uint8Array(0)]), 'must not be empty'],
  ['half a character', () => delimiter('\uD83D'), 'a delimiter has a lone surrogate'],
  ['a limit of 0', () => delimiter('\n', { maxFrameLength: 0 }), 'maxFrameLength'],
])('is a RangeError at the call: %s', (_, make, message) => {
  expect(make).toThrow(RangeError)
  expect(make).toThrow(message)
})

test.each<[unknown, unknown, string]>([
  [10, {}, 'a delimiter must be text or a Uint8Array, got 10'],
  [['\n', 10], {}, 'a delimiter must be text or a Uint8Array, got 10'],
  [undefined, {}, 'a delimiter must be text or a Uint8Array, got undefined'],
  ['\n', { stripDelimiter: 'no' }, 'stripDelimiter must be true or false, got "no"'],
  ['\n', { stripDelimiter: 0 }, 'stripDelimiter must be true or false, got 0'],
  ['\n', { unterminated: 'emti' }, 'unterminated must be "error" or "emit", got "emti"'],
  ['\n', { unterminated: true }, 'unterminated must be "error" or "emit", got true'],
  ['\n', { maxFrameLength: '5' }, 'maxFrameLength must be an integer from 1 to 9007199254740991, got "5"'],
])('is a TypeError at the call: %o with %o', (delimiters, options, message) => {
  expect(() => delimiter(delimiters as Delimiters, options as DelimiterOptions)).toThrow(new TypeError(message))
})
