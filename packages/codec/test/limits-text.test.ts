// What a hostile peer sends where frames are text: no end, almost an end, an end in every byte.

import { describe, expect, test } from 'vitest'
import { cut } from '../src/chunks.ts'
import { contentLength } from '../src/content-length.ts'
import { ByteCounter } from '../src/counted-bytes.ts'
import { defineFraming } from '../src/define-framing.ts'
import { delimiter, lines } from '../src/delimiter.ts'
import { FrameDecoder } from '../src/frame-decoder.ts'
import type { Framing } from '../src/framing.ts'
import { errorOf } from '../src/law-check.ts'
import { text } from '../src/message-codec.ts'
import { errorOfStream, framingErrorOf } from './stream.ts'

const KIB = 1024

/** How often each byte of a stream is looked at, in the mean, when it comes in chunks of a size. */
function looksPerByte(framing: Framing, stream: Uint8Array, size: number): number {
  const counter = new ByteCounter()
  const counting = defineFraming({
    maxFrameLength: framing.maxFrameLength,
    maxOverhead: 10 * KIB,
    measure: (bytes, start, end, seen) => {
      if (counter.looks > 3000 * stream.length) throw new Error('quadratic: no need to wait for the end')
      return framing.measure(counter.over(bytes), start, end, seen)
    },
    trailerLength: (bytes, start, length) => framing.trailerLength(bytes, start, length),
  })
  const decoder = new FrameDecoder(counting)
  errorOf(() => {
    for (const chunk of cut(stream, [size])) decoder.push(chunk, () => {})
  })
  return counter.looks / stream.length
}

const repeated = (part: string, length: number) => text.encode(part.repeat(length / part.length))

describe('work is linear in bytes', () => {
  const worst = delimiter(`${'a'.repeat(15)}b`)

  test.each<[string, Framing, Uint8Array, number]>([
    ['a line that never ends', lines(), repeated('x', 8 * KIB), 2],
    ['a line that never ends, but might at every byte', lines({ eol: '\r\n' }), repeated('\r', 8 * KIB), 2],
    ['what is almost the delimiter, all the time', worst, repeated('a', 8 * KIB), 2 * 16],
    ['several delimiters that never come', delimiter(['\0', ';;', '--!--']), repeated('-', 8 * KIB), 2 * 8],
    ['lines of nothing', lines(), repeated('\n', 8 * KIB), 3],
    ['lines of nothing, with several delimiters', delimiter(['\n', '\0', ';']), repeated('\n', 8 * KIB), 5],
    ['a header that never ends', contentLength(), repeated('\r\n', 4 * KIB), 8],
    ['headers of nothing', contentLength(), repeated('Content-Length: 0\r\n\r\n', 8 * KIB), 8],
  ])('byte by byte: %s', (_, framing, stream, most) => {
    expect(looksPerByte(framing, stream, 1)).toBeLessThanOrEqual(most)
  })

  test.each<[string, Framing, Uint8Array, number]>([
    ['lines of nothing', lines(), repeated('\n', 16 * KIB), 3],
    ['short lines, with several delimiters', delimiter(['\n', '\0', ';;']), repeated('ab\n', 12 * KIB), 2 * 32],
    ['what is almost the delimiter, all the time', worst, repeated('a', 16 * KIB), 2],
    ['almost, then the delimiter', worst, repeated(`${'a'.repeat(30)}b!`, 16 * KIB), 3],
    ['headers of nothing', contentLength(), repeated('Content-Length: 0\r\n\r\n', 16 * KIB), 8],
  ])('in one chunk: %s', (_, framing, stream, most) => {
    expect(looksPerByte(framing, stream, stream.length)).toBeLessThanOrEqual(most)
  })

  const FEW = KIB

  describe.each<[string, Framing, string]>([
    ['one delimiter, empty frames', delimiter('\n'), '\n'],
    ['several, of which all but one never come', delimiter(['\0', '\n', ';;', '--!--']), 'ab\n-'],
    ['several, of which the last never comes', delimiter(['\n', '\0']), 'ab\n-'],
    ['several, of which the longest almost comes', delimiter([`${'a'.repeat(20)}b`, '\n']), 'aaa\n'],
    ['several that end each other', lines(), '\r\n\r\r\n\n\n\r'],
    ['none that ever comes', delimiter(['\0', ';;', '!']), 'abcd'],
    ['a header', contentLength(), 'Content-Length: 9\r\n\r\n123456789'],
  ])('four times the bytes take four times the looks, with %s', (_, framing, part) => {
    const stream = text.encode(part.repeat(Math.ceil((4 * FEW) / part.length)))
    test.each([1, 2, 7, 64, 1000, 4 * FEW])('in chunks of %i', (size) => {
      const few = FEW * looksPerByte(framing, stream.subarray(0, FEW), size)
      const many = 4 * FEW * looksPerByte(framing, stream.subarray(0, 4 * FEW), size)
      // Where a search starts over or runs to the end of the chunk it is sixteen times.
      expect(many).toBeLessThanOrEqual(5 * few + 2000)
    })
  })

  test('a small frame that a border split is found in a large chunk without looking at all of it', () => {
    for (const framing of [lines(), delimiter([';', '\n']), contentLength()]) {
      const counter = new ByteCounter()
      const chunk = new Uint8Array(64 * KIB).fill(0x20)
      chunk.set(text.encode('\r\n\r\nab\n'))
      errorOf(() => framing.measure(counter.over(chunk), 0, 40, 0))
      expect(counter.looks).toBeLessThanOrEqual(200)
    }
  })
})

describe('memory', () => {
  test.each<[string, Framing, string]>([
    ['a line', lines(), 'unfinished'],
    ['a header', contentLength(), 'Content-Length: 4194304'],
    ['a body', contentLength(), 'Content-Length: 4194304\r\n\r\n{'],
  ])('10,000 peers that fall silent inside %s cost less than 2 KiB each', (_, framing, opening) => {
    const memoryInUse = () => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed
    const chunk = text.encode(opening)
    const before = memoryInUse()
    const decoders = Array.from({ length: 10_000 }, () => {
      const decoder = new FrameDecoder(framing)
      decoder.push(chunk, () => {})
      return decoder
    })
    expect((memoryInUse() - before) / decoders.length).toBeLessThan(2 * KIB)
    expect(decoders.every((decoder) => decoder.pendingLength === chunk.length)).toBe(true)
  })

  test.each<[string, Framing, string, number]>([
    ['a line without end', lines({ maxFrameLength: 1000 }), 'x', 1002],
    ['a header without end', contentLength(), 'x', 4096],
    ['a header of lines without end', contentLength(), 'X: 1\r\n', 4096],
  ])('%s is refused at the limit, and what was kept is let go', (_, framing, part, limit) => {
    const stream = text.encode(part.repeat(Math.ceil(limit / part.length))).subarray(0, limit)
    const decoder = new FrameDecoder(framing)
    for (const chunk of cut(stream.subarray(0, -1), [7])) decoder.push(chunk, () => {})
    expect(decoder.pendingLength).toBe(limit - 1)
    framingErrorOf(() => decoder.push(stream.subarray(-1), () => {}))
    expect(decoder.pendingLength).toBe(0)
  })
})

describe('another protocol is named', () => {
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['text', '{"jsonrpc":"2.0"}\r\n\r\n'],
  ])('%s, where Content-Length frames are spoken', (name, opening) => {
    const error = errorOfStream(contentLength(), opening)
    expect(error.code).toBe('INVALID_HEADER')
    expect(error.message).toContain(`the peer may be speaking ${name}`)
  })

  test('TLS, where lines are spoken', () => {
    const error = errorOfStream(lines({ maxFrameLength: 100 }), [0x16, 3, 1, 2, 0, 1], 'x'.repeat(200))
    expect(error.message).toContain('the peer may be speaking TLS')
  })
})
