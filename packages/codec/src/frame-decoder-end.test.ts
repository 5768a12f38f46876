import { describe, expect, test } from 'vitest'
import { framingErrorOf, keepText, pausingAt, throwingAt } from '../test/stream.ts'
import { cut, join } from './chunks.ts'
import { defineFraming } from './define-framing.ts'
import { lines } from './delimiter.ts'
import { encode } from './encode.ts'
import { FrameDecoder } from './frame-decoder.ts'
import type { FramingError } from './framing-error.ts'
import { errorOf } from './law-check.ts'
import { lengthField } from './length-field.ts'
import { text } from './message-codec.ts'

const framing = lengthField({ maxFrameLength: 100 })

const stream = (...messages: string[]) => join(messages.map((message) => encode(framing, text.encode(message))))
const texts = (frames: Uint8Array[]) => frames.map((bytes) => text.decode(bytes))

describe('end', () => {
  test('says how much of the frame is there and how much is missing', () => {
    const decoder = new FrameDecoder(framing)
    decoder.decode(stream('done', 'half').subarray(0, 13))
    expect(framingErrorOf(() => decoder.end())).toMatchObject({
      code: 'FRAME_TRUNCATED',
      reason: 'stream ended inside a frame: 5 bytes are there, 3 are missing',
      length: 5,
      offset: 8,
      head: Uint8Array.of(0, 0, 0, 4, 0x68),
    })
  })

  test('counts part of a length field as a truncated frame', () => {
    const decoder = new FrameDecoder(framing)
    decoder.decode(Uint8Array.of(0))
    expect(framingErrorOf(() => decoder.end()).reason).toBe('stream ended inside a frame: 1 bytes are there')
  })

  test('is said on resume when it comes during a pause', () => {
    for (const [tail, isTruncated] of [
      [new Uint8Array(0), false],
      [Uint8Array.of(0, 0), true],
    ] as const) {
      const decoder = new FrameDecoder(framing)
      const frames: string[] = []
      decoder.push(join([stream('a', 'b'), tail]), pausingAt(frames, 'a'))
      decoder.end()
      const error = errorOf(() => decoder.resume(keepText(frames)))
      expect(frames).toEqual(['a', 'b'])
      expect((error as FramingError | undefined)?.code).toBe(isTruncated ? 'FRAME_TRUNCATED' : undefined)
    }
  })

  test('waits for every pause', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    const visit = pausingAt(frames, 'a', 'b')
    decoder.push(join([stream('a', 'b', 'c'), Uint8Array.of(1)]), visit)
    decoder.end()
    expect(decoder.resume(visit)).toBe(false)
    expect(framingErrorOf(() => decoder.resume(visit)).code).toBe('FRAME_TRUNCATED')
    expect(frames).toEqual(['a', 'b', 'c'])
  })

  test('delivers what waits behind a visitor that threw, and asks for a visitor to do so', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    expect(() => decoder.push(stream('a', 'b'), throwingAt(frames, 'a'))).toThrow('failed at a')
    const reason = 'FrameDecoder.end needs a visitor: 5 bytes wait behind one that threw'
    expect(() => decoder.end()).toThrow(new TypeError(reason))
    decoder.end(keepText(frames))
    expect(frames).toEqual(['a', 'b'])
  })

  test('goes on after a pause or a throw of its own visitor', () => {
    for (const visitor of [pausingAt, throwingAt]) {
      const decoder = new FrameDecoder(framing)
      const frames: string[] = []
      expect(() => decoder.push(stream('a', 'b', 'c'), throwingAt(frames, 'a'))).toThrow('failed at a')
      errorOf(() => decoder.end(visitor(frames, 'b')))
      expect(frames).toEqual(['a', 'b'])
      expect(decoder.resume(keepText(frames))).toBe(true)
      expect(frames).toEqual(['a', 'b', 'c'])
    }
  })

  test('is the last: bytes after it are the mistake of the caller, not of the peer', () => {
    const decoder = new FrameDecoder(framing)
    decoder.end()
    expect(() => decoder.push(stream('a'), () => {})).toThrow(TypeError)
    expect(() => decoder.decode(stream('a'))).toThrow('after end')
  })
})

describe("end where the framing takes an unterminated rest ('emit')", () => {
  const emitting = lines({ unterminated: 'emit', maxFrameLength: 5 })

  test.each([1, 2, 100])('hands out the rest as a last frame, chunks of %i', (size) => {
    const decoder = new FrameDecoder(emitting)
    const frames: string[] = []
    for (const chunk of cut(text.encode('a\n\nrest'), [size])) decoder.push(chunk, keepText(frames))
    expect(frames).toEqual(['a', ''])
    decoder.end(keepText(frames))
    expect(frames).toEqual(['a', '', 'rest'])
    expect([decoder.pendingLength, decoder.expectedLength]).toEqual([0, 0])
    decoder.end(keepText(frames))
    expect(frames).toHaveLength(3)
  })

  test('makes no frame of nothing', () => {
    const decoder = new FrameDecoder(emitting)
    expect(texts(decoder.decode(text.encode('a\n')))).toEqual(['a'])
    decoder.end(() => expect.unreachable('a frame that nobody sent'))
  })

  test('is FRAME_TRUNCATED where nobody is there to get the rest', () => {
    const decoder = new FrameDecoder(emitting)
    decoder.decode(text.encode('a\nrest'))
    expect(framingErrorOf(() => decoder.end())).toMatchObject({ code: 'FRAME_TRUNCATED', length: 4, offset: 2 })
  })

  test('is FRAME_TOO_LONG, and final, for a rest above the limit', () => {
    const decoder = new FrameDecoder(emitting)
    decoder.decode(text.encode('a\nabcde\r'))
    const never = () => expect.unreachable('a frame above the limit')
    const error = framingErrorOf(() => decoder.end(never))
    expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', length: 6, limit: 5, offset: 2 })
    expect(text.decode(error.head as Uint8Array)).toBe('abcde\r')
    expect(errorOf(() => decoder.end(never))).toBe(error)
    expect(decoder.pendingLength).toBe(0)
  })

  test('takes a rest of exactly the limit', () => {
    const decoder = new FrameDecoder(emitting)
    const frames: string[] = []
    decoder.push(text.encode('abcde'), keepText(frames))
    decoder.end(keepText(frames))
    expect(frames).toEqual(['abcde'])
  })

  test('waits for a pause, and hands out the rest on resume', () => {
    const decoder = new FrameDecoder(emitting)
    const frames: string[] = []
    decoder.push(text.encode('a\nb\nrest'), pausingAt(frames, 'a'))
    decoder.end(keepText(frames))
    expect(frames).toEqual(['a'])
    expect(decoder.resume(keepText(frames))).toBe(true)
    expect(frames).toEqual(['a', 'b', 'rest'])
  })

  test('hands out what waits behind a visitor that threw, then the rest', () => {
    const decoder = new FrameDecoder(emitting)
    const frames: string[] = []
    expect(() => decoder.push(text.encode('a\nb\nrest'), throwingAt(frames, 'a'))).toThrow('failed at a')
    decoder.end(keepText(frames))
    expect(frames).toEqual(['a', 'b', 'rest'])
  })

  test('has handed out the rest when its visitor throws or pauses there', () => {
    for (const visitor of [throwingAt, pausingAt]) {
      const decoder = new FrameDecoder(emitting)
      const frames: string[] = []
      decoder.push(text.encode('rest'), keepText(frames))
      const fault = errorOf(() => decoder.end(visitor(frames, 'rest')))
      expect((fault as Error | undefined)?.message).toBe(visitor === throwingAt ? 'visitor failed at rest' : undefined)
      expect(decoder.pendingLength).toBe(0)
      expect(decoder.resume(keepText(frames))).toBe(true)
      decoder.end(keepText(frames))
      expect(frames).toEqual(['rest'])
    }
  })

  test('is FRAME_TRUNCATED all the same in a frame whose length is known', () => {
    const measured = defineFraming({ measure: (_, start, end) => (end - start < 2 ? 0 : 4), unterminated: 'emit' })
    for (const [source, isTruncated] of [
      ['a', false],
      ['abc', true],
    ] as const) {
      const decoder = new FrameDecoder(measured)
      const frames: string[] = []
      decoder.push(text.encode(source), keepText(frames))
      const error = errorOf(() => decoder.end(keepText(frames)))
      expect((error as FramingError | undefined)?.code).toBe(isTruncated ? 'FRAME_TRUNCATED' : undefined)
      expect(frames).toEqual(isTruncated ? [] : ['a'])
    }
  })

  test('is FRAME_TRUNCATED inside a frame that is skipped, which is no rest to hand out', () => {
    const measured = defineFraming({ measure: () => 9, unterminated: 'emit', maxFrameLength: 5 })
    const decoder = new FrameDecoder(measured, { oversize: 'skip' })
    decoder.decode(Uint8Array.of(1, 2))
    const error = framingErrorOf(() => decoder.end(() => expect.unreachable('a frame that nobody sent')))
    expect(error).toMatchObject({
      code: 'FRAME_TRUNCATED',
      reason: 'stream ended inside an oversize frame: 2 bytes are there, 7 are missing',
    })
  })

  test('hands out the rest whole, whatever the framing would strip', () => {
    const stripping = defineFraming({
      measure: () => 0,
      headerLength: () => 1,
      trailerLength: () => 1,
      unterminated: 'emit',
    })
    const decoder = new FrameDecoder(stripping)
    const frames: string[] = []
    decoder.push(text.encode('rest'), keepText(frames))
    decoder.end(keepText(frames))
    expect(frames).toEqual(['rest'])
  })

  test('shows it to a visitor that cannot call its own decoder either, so that its bytes stay what they are', () => {
    const decoder = new FrameDecoder(lines({ unterminated: 'emit' }))
    const rest = text.encode('x'.repeat(70))
    decoder.push(rest, () => {})
    decoder.end((bytes, start, end) => {
      for (const call of [() => decoder.push(rest, () => {}), () => decoder.end(), () => decoder.detach()]) {
        expect(call).toThrow(/called by its own visitor$/)
      }
      new FrameDecoder(framing).push(stream('y'.repeat(69)).subarray(0, 70), () => {})
      expect(bytes.subarray(start, end)).toEqual(rest)
    })
  })
})
