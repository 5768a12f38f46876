// The rules that the package keeps, each by its name, on a few framings and without chance. What a rule means in every corner
// is tested beside the sources; here it can be seen that none of them is forgotten.

import { describe, expect, test } from 'vitest'
import { cut, join } from '../src/chunks.ts'
import { contentLength } from '../src/content-length.ts'
import { ByteCounter } from '../src/counted-bytes.ts'
import { delimiter, lines } from '../src/delimiter.ts'
import { encode } from '../src/encode.ts'
import { FrameDecoder } from '../src/frame-decoder.ts'
import type { Framing } from '../src/framing.ts'
import { errorOf, hex } from '../src/law-check.ts'
import { lengthField } from '../src/length-field.ts'
import { text } from '../src/message-codec.ts'
import { outcomeOfPush } from '../src/outcome.ts'
import { decodeAll, frames } from '../src/streams.ts'
import { errorOfStream, framingErrorOf, keepText, throwingAt } from './stream.ts'

const LIMIT = 20
const FRAMINGS: Record<string, Framing> = {
  'a length': lengthField({ maxFrameLength: LIMIT }),
  'a varint and a trailer': lengthField({
    lengthFieldLength: 'varint',
    trailer: Uint8Array.of(0xce),
    maxFrameLength: LIMIT,
  }),
  'a length in a header, and a trailer': lengthField({
    lengthFieldLength: 2,
    headerLength: 5,
    trailerLength: 2,
    lengthCounts: 'frame',
    maxFrameLength: LIMIT,
  }),
  'a delimiter': delimiter(['\r\n', '\n'], { maxFrameLength: LIMIT }),
  'a text header': contentLength({ maxFrameLength: LIMIT }),
}
const MESSAGES = ['', 'one', '', 'x'.repeat(LIMIT), '', '']
const each = Object.entries(FRAMINGS)
const streamOf = (framing: Framing) => join(MESSAGES.map((message) => encode(framing, text.encode(message))))
/** What is a frame of none of them. */
const GARBAGE = new Uint8Array(4200).fill(0xff)

describe('rule 1, the same result under any re-chunking', () => {
  test.each(each)('%s', (_, framing) => {
    const bytes = join([streamOf(framing), GARBAGE])
    const facts = (chunks: Uint8Array[]) => {
      const { frames, error } = outcomeOfPush(framing, chunks)
      return { frames, code: error?.code, offset: error?.offset, length: error?.length }
    }
    const whole = facts([bytes])
    expect(whole.frames).toEqual(MESSAGES.map((message) => hex(text.encode(message))))
    expect(whole.offset).toBe(streamOf(framing).length)
    for (const size of [1, 2, 3, 5, 16, 17, 100]) expect(facts(cut(bytes, [size]))).toEqual(whole)
    for (let at = 0; at < 150; at++) expect(facts([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
  })
})

describe('rule 2, maxFrameLength counts payload bytes, in both directions, before anything is buffered', () => {
  test.each(each)('%s', (_, framing) => {
    const most = encode(framing, new Uint8Array(LIMIT).fill(0x78))
    expect(new FrameDecoder(framing).decode(most)).toHaveLength(1)
    expect(framingErrorOf(() => encode(framing, new Uint8Array(LIMIT + 1)))).toMatchObject({
      code: 'FRAME_TOO_LONG',
      length: LIMIT + 1,
      limit: LIMIT,
    })
  })

  test('from the header alone, and while the length is unknown', () => {
    const header = framingErrorOf(() =>
      new FrameDecoder(lengthField({ maxFrameLength: 5 })).decode(Uint8Array.of(0, 0, 0, 6)),
    )
    expect(header).toMatchObject({ code: 'FRAME_TOO_LONG', length: 6, limit: 5 })
    const decoder = new FrameDecoder(lines({ maxFrameLength: 5 }))
    expect(framingErrorOf(() => decoder.decode(text.encode('x'.repeat(7)))).code).toBe('FRAME_TOO_LONG')
  })

  test('on by default, and clamped to what the length field can say', () => {
    expect(lengthField().maxFrameLength).toBe(4 * 1024 * 1024)
    expect(lengthField({ lengthFieldLength: 1 }).maxFrameLength).toBe(255)
  })
})

test('rule 3, memory follows the bytes received, never the length declared', () => {
  const before = process.memoryUsage().arrayBuffers
  const decoders = Array.from({ length: 1000 }, () => {
    const decoder = new FrameDecoder(lengthField())
    decoder.push(Uint8Array.of(0, 0x40, 0, 0, 1), () => {})
    return decoder
  })
  expect(decoders.every((decoder) => decoder.expectedLength === 4 + 4 * 1024 * 1024)).toBe(true)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1000 * 16 * 1024)
})

describe('rule 4, time is linear in bytes', () => {
  /** How often `measure` looks at a byte of a stream. */
  const looks = (framing: Framing, stream: Uint8Array, size: number) => {
    const counter = new ByteCounter()
    const counting: Framing = {
      maxFrameLength: framing.maxFrameLength,
      measure: (bytes, start, end, seen) => framing.measure(counter.over(bytes), start, end, seen),
      headerLength: (bytes, start, length) => framing.headerLength(bytes, start, length),
      trailerLength: (bytes, start, length) => framing.trailerLength(bytes, start, length),
      encodedLength: (payloadLength) => framing.encodedLength(payloadLength),
      encodeInto: (target, at, payload) => framing.encodeInto(target, at, payload),
    }
    const decoder = new FrameDecoder(counting)
    for (const chunk of cut(stream, [size])) decoder.push(chunk, () => {})
    return counter.looks
  }

  test.each(each)('%s, many frames', (_, framing) => {
    const times = (count: number) => join(Array.from({ length: count }, () => streamOf(framing)))
    for (const size of [1, 7, 100_000]) {
      expect(looks(framing, times(40), size)).toBeLessThan(5 * looks(framing, times(10), size) + 1000)
    }
  })

  test.each([1, 7, 100_000])('a long frame whose end is searched for, in chunks of %i', (size) => {
    for (const framing of [lines(), delimiter(['\0', ';;', '\n']), contentLength({ maxHeaderLength: 5000 })]) {
      const [few, many] = [1000, 4000].map((length) => looks(framing, new Uint8Array(length).fill(0x78), size))
      expect(many).toBeLessThan(5 * (few as number) + 1000)
    }
  })
})

describe('rule 5, a visitor may pause, push again or throw: every frame once and in order', () => {
  test.each(each)('%s', (_, framing) => {
    const shown = MESSAGES.map((message) => message.slice(0, 3))
    for (const size of [1, 6, 1000]) {
      const decoder = new FrameDecoder(framing)
      const seen: string[] = []
      const visit = (bytes: Uint8Array, start: number, end: number): false => {
        seen.push(text.decode(bytes.subarray(start, Math.min(end, start + 3))))
        expect(() => decoder.push(bytes, visit)).toThrow(TypeError)
        if (seen.length % 2 === 0) throw new Error('whim')
        return false
      }
      for (const chunk of cut(streamOf(framing), [size])) errorOf(() => decoder.push(chunk, visit))
      for (const _ of MESSAGES) errorOf(() => decoder.resume(visit))
      expect(seen).toEqual(shown)
      decoder.end()
    }
  })

  test('the loop is flat', () => {
    const one = lengthField({ lengthFieldLength: 1 })
    expect(new FrameDecoder(one).decode(new Uint8Array(50_000))).toHaveLength(50_000)
    const failing = new FrameDecoder(one)
    const seen: string[] = []
    expect(() => failing.push(Uint8Array.of(1, 65, 1, 66), throwingAt(seen, 'A'))).toThrow('failed at A')
    failing.push(new Uint8Array(0), keepText(seen))
    expect(seen).toEqual(['A', 'B'])
  })
})

describe('rule 6, strict lengths', () => {
  const eight = lengthField({ lengthFieldLength: 8, maxFrameLength: Number.POSITIVE_INFINITY })
  const varint = lengthField({ lengthFieldLength: 'varint' })

  test.each<[string, Framing, (string | number[])[], string]>([
    ['smaller than what it counts', lengthField({ lengthCounts: 'frame' }), [[0, 0, 0, 3]], 'INVALID_LENGTH'],
    ['above 2^53 - 1', eight, [[0, 0x20, 0, 0, 0, 0, 0, 0]], 'INVALID_LENGTH'],
    ['negative', eight, [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]], 'INVALID_LENGTH'],
    ['a varint that is not minimal', varint, [[0x81, 0]], 'INVALID_LENGTH'],
    ['a varint that is too long', varint, [[0x81, 0x81, 0x81, 0x81, 0x81, 1]], 'INVALID_LENGTH'],
    ['with a sign', contentLength(), ['Content-Length: +7\r\n\r\n'], 'INVALID_LENGTH'],
    ['in hexadecimal', contentLength(), ['Content-Length: 0x7\r\n\r\n'], 'INVALID_LENGTH'],
    ['with a tail', contentLength(), ['Content-Length: 7abc\r\n\r\n'], 'INVALID_LENGTH'],
    ['twice', contentLength(), ['Content-Length: 1\r\nContent-Length: 1\r\n\r\n'], 'INVALID_HEADER'],
  ])('%s', (_, framing, parts, code) => {
    expect(errorOfStream(framing, ...parts).code).toBe(code)
  })
})

describe('rule 7, the first error is final and thrown again, behind the frames in front of it', () => {
  test.each(each)('%s', (_, framing) => {
    const decoder = new FrameDecoder(framing)
    const seen: string[] = []
    const bytes = join([streamOf(framing), GARBAGE])
    const error = framingErrorOf(() => decoder.push(bytes, keepText(seen)))
    expect(seen).toEqual(MESSAGES)
    for (const call of [() => decoder.push(bytes, keepText(seen)), () => decoder.decode(bytes), () => decoder.end()]) {
      expect(errorOf(call)).toBe(error)
    }
    expect(seen).toEqual(MESSAGES)
  })

  test("but for oversize 'skip', which drops one frame, says so once and goes on", () => {
    const told: number[] = []
    const onSkip = ({ length }: { length: number | undefined }) => void told.push(length as number)
    const decoder = new FrameDecoder(lengthField({ maxFrameLength: 2 }), { oversize: 'skip', onSkip })
    const bytes = join(['a', 'large', 'b'].map((message) => encode(lengthField(), text.encode(message))))
    expect(decoder.decode(bytes).map((frame) => text.decode(frame))).toEqual(['a', 'b'])
    expect(told).toEqual([5])
  })
})

describe('rule 8, an end between frames is clean, inside one it is FRAME_TRUNCATED', () => {
  test.each(each)('%s', (_, framing) => {
    const frame = encode(framing, text.encode('one'))
    for (let at = 0; at < frame.length; at++) {
      const decoder = new FrameDecoder(framing)
      decoder.decode(join([frame, frame.subarray(0, at)]))
      if (at === 0) decoder.end()
      else expect(framingErrorOf(() => decoder.end())).toMatchObject({ code: 'FRAME_TRUNCATED', offset: frame.length })
    }
  })
})

describe('rule 9, empty frames survive everywhere', () => {
  test.each(each)('%s', async (_, framing) => {
    const bytes = streamOf(framing)
    for (const size of [1, 4, 1000]) {
      const chunks = cut(bytes, [size])
      const iterated: string[] = []
      for await (const frame of frames(toAsync(chunks), framing)) iterated.push(text.decode(frame))
      expect(iterated).toEqual(MESSAGES)
      expect(decodeAll(framing, chunks).map((frame) => text.decode(frame))).toEqual(MESSAGES)
    }
  })

  async function* toAsync(chunks: Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
    yield* chunks
  }
})

describe('rule 10, chunks may be Buffers, views with an offset, or empty, and are never sliced', () => {
  class Unsliceable extends Uint8Array {
    override slice(): never {
      throw new Error('sliced')
    }
  }

  test.each(each)('%s', (_, framing) => {
    const bytes = streamOf(framing)
    const inside = Buffer.concat([Buffer.from('..'), bytes, Buffer.from('..')])
    for (const form of [
      new Unsliceable(bytes),
      inside.subarray(2, -2),
      new Uint8Array(inside.buffer, inside.byteOffset + 2, bytes.length),
    ]) {
      const decoder = new FrameDecoder(framing)
      const chunks = [form.subarray(0, 5), form.subarray(5, 5), form.subarray(5)]
      const decoded = chunks.flatMap((chunk) => decoder.decode(chunk))
      expect(decoded.map((frame) => text.decode(frame))).toEqual(MESSAGES)
    }
  })
})

test('rule 11, an error names the number, the limit, the place and the first bytes, and who may be speaking', () => {
  const framing = lengthField({ maxFrameLength: 9 })
  expect(errorOfStream(framing, [0, 0, 0, 1, 7], 'GET / HTTP/1.1\r\n').message).toMatch(
    /^frame of 1195725856 bytes exceeds maxFrameLength 9 at stream offset 5 \(first bytes 47 45 54 20.*; the peer may be speaking HTTP\)$/,
  )
})
