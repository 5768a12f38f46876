import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { framingErrorOf, keepText, pausingAt, throwingAt } from '../test/stream.ts'
import { CarryBuffer } from './carry-buffer.ts'
import { cut, join } from './chunks.ts'
import { contentLength } from './content-length.ts'
import { defineFraming } from './define-framing.ts'
import { lines } from './delimiter.ts'
import { encode } from './encode.ts'
import { fixedLength } from './fixed-length.ts'
import { FrameDecoder, type FrameDecoderOptions } from './frame-decoder.ts'
import type { Framing } from './framing.ts'
import { errorOf } from './law-check.ts'
import { lengthField } from './length-field.ts'
import { text } from './message-codec.ts'

const framing = lengthField({ maxFrameLength: 100 })

const frame = (message: string) => encode(framing, text.encode(message))
const stream = (...messages: string[]) => join(messages.map(frame))
/** What decoders put into their buffers from now on, in bytes, and the largest buffer that was there for it. */
function watchBuffers(): { copied: number; largest: number } {
  const seen = { copied: 0, largest: 0 }
  const append = CarryBuffer.prototype.append
  const spy = vi.spyOn(CarryBuffer.prototype, 'append').mockImplementation(function (this: CarryBuffer, ...given) {
    append.apply(this, given)
    seen.copied += given[2] - given[1]
    seen.largest = Math.max(seen.largest, this.bytes.length)
  })
  onTestFinished(() => spy.mockRestore())
  return seen
}

const texts = (frames: Uint8Array[]) => frames.map((bytes) => text.decode(bytes))

describe('push', () => {
  test('shows whole frames where they lie in the chunk, and copies only the one that was split', () => {
    const decoder = new FrameDecoder(framing)
    const bytes = stream('first', 'split', 'third')
    const chunks = [bytes.subarray(0, 14), bytes.subarray(14)]
    const seen: [boolean, string][] = []
    for (const chunk of chunks) {
      decoder.push(chunk, (source, start, end) => {
        seen.push([source === chunk, text.decode(source.subarray(start, end))])
      })
    }
    expect(seen).toEqual([
      [true, 'first'],
      [false, 'split'],
      [true, 'third'],
    ])
  })

  test('copies no more of a chunk than the split frame lacks', () => {
    const decoder = new FrameDecoder(framing)
    const bytes = join([frame('x'.repeat(90)), frame('y'.repeat(90)), frame('z')])
    const seen = watchBuffers()
    for (const chunk of [bytes.subarray(0, 70), bytes.subarray(70)]) decoder.push(chunk, () => {})
    expect(seen.copied).toBe(94)
    decoder.end()
  })

  test('delivers the frames in front of an error in the same chunk, then throws it', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    const bytes = join([stream('a', 'b'), Uint8Array.of(0, 0, 0, 101), stream('never')])
    const error = framingErrorOf(() => decoder.push(bytes, keepText(frames)))
    expect(frames).toEqual(['a', 'b'])
    expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', length: 101, limit: 100, frameLength: 105, offset: 10 })
  })

  test('goes on with another visitor at any call', () => {
    const decoder = new FrameDecoder(framing)
    const [one, two] = [[], []] as [string[], string[]]
    decoder.push(stream('a', 'b').subarray(0, 7), keepText(one))
    decoder.push(stream('a', 'b').subarray(7), keepText(two))
    expect([one, two]).toEqual([['a'], ['b']])
  })

  test('finds what measure cannot tell yet without giving it the same bytes as new', () => {
    const calls: [number, number][] = []
    const line = {
      ...lengthField(),
      headerLength: () => 0,
      trailerLength: () => 1,
      measure(bytes: Uint8Array, start: number, end: number, seen: number) {
        calls.push([end - start, seen])
        return bytes.subarray(start, end).indexOf(10, seen) + 1
      },
    }
    const decoder = new FrameDecoder(line)
    const frames: string[] = []
    for (const chunk of cut(text.encode('one two\nthree\n'), [3])) decoder.push(chunk, keepText(frames))
    expect(frames).toEqual(['one two', 'three'])
    expect(calls).toEqual([
      [3, 0],
      [6, 3],
      [9, 6],
      [1, 0],
      [4, 1],
      [6, 4],
    ])
  })
})

describe('keep', () => {
  const long = 'x'.repeat(90)
  /** What is kept of each frame of the chunks: from how many bytes behind its start. */
  function keptOf(chunks: Uint8Array[], from = 0, allocate?: (length: number) => Uint8Array): Uint8Array[] {
    const decoder = new FrameDecoder(framing, allocate && { allocate })
    const kept: Uint8Array[] = []
    for (const chunk of chunks) {
      decoder.push(chunk, (bytes, start, end) => void kept.push(decoder.keep(bytes, start + from, end)))
      chunk.fill(0)
    }
    return kept
  }

  test('gives frames that stay as they are, whatever comes after them', () => {
    for (const length of [1, 3, 50, 94, 95, 100, 500]) {
      expect(texts(keptOf(cut(stream(long, 'a', long, 'b', long), [length])))).toEqual([long, 'a', long, 'b', long])
    }
  })

  test('leaves the buffer of a split frame to who keeps half of it or more: nothing is copied, nobody else gets it', () => {
    const made: ArrayBufferLike[] = []
    const allocate = (length: number): Uint8Array => {
      const bytes = new Uint8Array(length)
      made.push(bytes.buffer)
      return bytes
    }
    const chunks = (): Uint8Array[] => cut(stream(long, long), [60])
    const kept = keptOf(chunks(), 0, allocate)
    expect(kept.map(({ buffer }) => made.includes(buffer))).toEqual([true, true])
    expect(new Set(kept.map(({ buffer }) => buffer)).size).toBe(2)
    expect(kept.map(({ byteOffset, buffer }) => [byteOffset, buffer.byteLength])).toEqual([
      [4, 94],
      [4, 94],
    ])
    const parts = keptOf(chunks(), 50, allocate)
    expect(texts(parts)).toEqual([long.slice(50), long.slice(50)])
    expect(parts.map(({ buffer }) => buffer.byteLength)).toEqual([40, 40])
  })

  test('copies what does not fill its buffer: around it may stand bytes of another stream', () => {
    const bytes = frame('x'.repeat(40)) // in a buffer of 64
    const [kept] = keptOf([bytes.subarray(0, 5), bytes.subarray(5)])
    expect(kept?.buffer.byteLength).toBe(40)
  })

  test('twice of one frame gives it twice', () => {
    const decoder = new FrameDecoder(framing)
    const kept: Uint8Array[] = []
    for (const chunk of cut(stream(long, 'next'), [60])) {
      decoder.push(chunk, (...place) => void kept.push(decoder.keep(...place), decoder.keep(...place)))
    }
    expect(texts(kept)).toEqual([long, long, 'next', 'next'])
    expect(kept[0]?.buffer).not.toBe(kept[1]?.buffer)
  })
})

describe('a pause', () => {
  test('holds back the rest of the chunk and what is pushed after it, in order', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    const visit = pausingAt(frames, 'b', 'd')
    const bytes = stream('a', 'b', 'c', 'd', 'e', 'f')
    expect(decoder.push(bytes.subarray(0, 17), visit)).toBe(false)
    expect(decoder.push(bytes.subarray(17, 20), visit)).toBe(false)
    expect(decoder.push(new Uint8Array(0), visit)).toBe(false)
    expect(frames).toEqual(['a', 'b'])
    expect(decoder.pendingLength).toBe(10)
    expect(decoder.resume(visit)).toBe(false)
    expect(frames).toEqual(['a', 'b', 'c', 'd'])
    expect(decoder.push(bytes.subarray(20), visit)).toBe(false)
    expect(decoder.resume(visit)).toBe(true)
    expect(frames).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(decoder.pendingLength).toBe(0)
  })

  test('holds at a frame that was split, too', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    const visit = pausingAt(frames, 'split')
    const bytes = stream('split', 'next')
    decoder.push(bytes.subarray(0, 6), visit)
    expect(decoder.push(bytes.subarray(6), visit)).toBe(false)
    expect(frames).toEqual(['split'])
    expect(decoder.resume(visit)).toBe(true)
    expect(frames).toEqual(['split', 'next'])
  })

  test('at the last frame of a chunk is a pause all the same', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    expect(decoder.push(stream('a'), pausingAt(frames, 'a'))).toBe(false)
    expect(decoder.push(stream('b'), keepText(frames))).toBe(false)
    expect(frames).toEqual(['a'])
    expect(decoder.resume(keepText(frames))).toBe(true)
    expect(frames).toEqual(['a', 'b'])
  })

  test('gives the caller its chunk back', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    const chunk = stream('a', 'b', 'c')
    decoder.push(chunk, pausingAt(frames, 'a'))
    chunk.fill(0xee)
    decoder.resume(keepText(frames))
    expect(frames).toEqual(['a', 'b', 'c'])
  })

  test('that never was is resumed without effect', () => {
    const decoder = new FrameDecoder(framing)
    expect(decoder.resume(() => false)).toBe(true)
    expect(texts(decoder.decode(stream('a')))).toEqual(['a'])
  })

  test('that comes again and again costs about what waits, not what has passed', () => {
    const decoder = new FrameDecoder(framing)
    const seen = watchBuffers()
    let count = 0
    const pausing = () => {
      count++
      return false as const
    }
    decoder.push(stream('a', 'b', 'c', 'd'), pausing)
    for (let round = 0; round < 1000; round++) {
      decoder.push(frame('e'), pausing)
      expect(decoder.resume(pausing)).toBe(false)
      expect(decoder.pendingLength).toBe(3 * 5)
    }
    expect(count).toBe(1001)
    expect(seen.largest).toBeLessThan(256)
  })

  test('makes an error wait for its turn', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    expect(decoder.push(join([stream('a', 'b'), new Uint8Array(4).fill(0xff)]), pausingAt(frames, 'a'))).toBe(false)
    expect(framingErrorOf(() => decoder.resume(keepText(frames)))).toMatchObject({ code: 'FRAME_TOO_LONG', offset: 10 })
    expect(frames).toEqual(['a', 'b'])
  })
})

describe('a visitor that throws', () => {
  test.each([1, 3, 100])('has consumed its frame and loses no other, chunks of %i', (size) => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    const visit = throwingAt(frames, 'a', 'c')
    const faults: string[] = []
    for (const chunk of cut(stream('a', 'b', 'c', 'd'), [size])) {
      const fault = errorOf(() => decoder.push(chunk, visit))
      if (fault !== undefined) faults.push((fault as Error).message)
    }
    if (size === 100) faults.push((errorOf(() => decoder.push(new Uint8Array(0), visit)) as Error).message)
    decoder.end(visit)
    expect(frames).toEqual(['a', 'b', 'c', 'd'])
    expect(faults).toEqual(['visitor failed at a', 'visitor failed at c'])
  })

  test('leaves the rest in front of what is pushed next', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    expect(() => decoder.push(stream('a', 'b', 'c').subarray(0, 12), throwingAt(frames, 'a'))).toThrow('failed at a')
    expect(decoder.pendingLength).toBe(7)
    expect(decoder.push(join([stream('b', 'c').subarray(7), stream('d')]), keepText(frames))).toBe(true)
    expect(frames).toEqual(['a', 'b', 'c', 'd'])
  })
})

describe('decode', () => {
  test('hands out frames to keep', () => {
    const chunk = stream('one', 'two', 'x'.repeat(90))
    const frames = new FrameDecoder(framing).decode(chunk)
    chunk.fill(0xee)
    expect(texts(frames)).toEqual(['one', 'two', 'x'.repeat(90)])
  })

  test('throws an error behind frames at the next call, so that no frame is lost with it', () => {
    for (const next of ['decode', 'end'] as const) {
      const decoder = new FrameDecoder(framing)
      expect(texts(decoder.decode(join([stream('a'), new Uint8Array(4).fill(0xff)])))).toEqual(['a'])
      const error = framingErrorOf(() => (next === 'end' ? decoder.end() : decoder.decode(new Uint8Array(0))))
      expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', offset: 5 })
    }
  })

  test('hands out nothing beside the frame that another connection once sent', () => {
    const secret = frame('secret'.repeat(10))
    const victim = new FrameDecoder(framing)
    for (const chunk of cut(secret, [60])) victim.decode(chunk)
    const decoder = new FrameDecoder(framing)
    const bytes = frame('x'.repeat(30))
    const [kept] = cut(bytes, [20]).flatMap((chunk) => decoder.decode(chunk)) as [Uint8Array]
    expect(texts([kept])).toEqual(['x'.repeat(30)])
    expect(new TextDecoder().decode(kept.buffer)).not.toContain('secret')
  })

  test('refuses text as the mistake of the caller, not of the peer', () => {
    const decoder = new FrameDecoder(framing)
    expect(() => decoder.push('GET /' as unknown as Uint8Array, () => {})).toThrow(TypeError)
    expect(() => decoder.decode('GET /' as unknown as Uint8Array)).toThrow('chunk must be a Uint8Array, got string')
    expect(texts(decoder.decode(frame('a')))).toEqual(['a'])
  })

  test('refuses numbers that are no bytes, and takes bytes of another realm', () => {
    const decoder = new FrameDecoder(framing)
    for (const wrong of [new Uint16Array(8), new DataView(new ArrayBuffer(8)), [0, 0, 0, 0], undefined]) {
      expect(() => decoder.decode(wrong as unknown as Uint8Array)).toThrow('chunk must be a Uint8Array')
    }
    const foreign = runInNewContext('Uint8Array.from(bytes)', { bytes: [...frame('a')] }) as Uint8Array
    expect(foreign instanceof Uint8Array).toBe(false)
    expect(texts(decoder.decode(foreign))).toEqual(['a'])
  })

  test('throws an error at once where no frame is in front of it', () => {
    expect(framingErrorOf(() => new FrameDecoder(framing).decode(new Uint8Array(4).fill(0xff))).offset).toBe(0)
  })
})

test('pendingLength and expectedLength follow the frame that is under way', () => {
  const decoder = new FrameDecoder(framing)
  const seen = cut(stream('abc', ''), [1]).map((chunk) => {
    decoder.decode(chunk)
    return [decoder.pendingLength, decoder.expectedLength]
  })
  expect(seen.flat()).toEqual([1, 0, 2, 0, 3, 0, 4, 7, 5, 7, 6, 7, 0, 0, 1, 0, 2, 0, 3, 0, 0, 0])
})

describe('is refused at the call', () => {
  test.each<[string, unknown, string]>([
    ['an oversize that is none', { oversize: 'skp' }, `oversize must be "error" or "skip", got "skp"`],
    ['no oversize', { oversize: null }, `oversize must be "error" or "skip", got null`],
    ['an allocate that cannot be called', { allocate: 1 }, 'allocate must be a function, got 1'],
    ['an onSkip that cannot be called', { onSkip: true }, 'onSkip must be a function, got true'],
  ])('%s', (_, options, message) => {
    expect(() => new FrameDecoder(framing, options as FrameDecoderOptions)).toThrow(new TypeError(message))
  })

  test.each<[string, () => Framing]>([
    ['lengthField', () => lengthField()],
    ['lines', () => lines()],
    ['fixedLength', () => fixedLength(2)],
    ['contentLength', () => contentLength()],
    ['defineFraming', () => defineFraming({ measure: () => 2, encodeHeaderInto: () => 0, encodeTrailerInto: () => 0 })],
  ])('a preset that was spread, whose limit would hold in one place and not in another: %s', (_, make) => {
    const spread = { ...make(), maxFrameLength: 1 }
    const message = 'framing has no measure: a preset takes its options at the call and cannot be spread'
    expect(() => new FrameDecoder(spread)).toThrow(new TypeError(message))
    const decoder = new FrameDecoder(make())
    expect(() => decoder.setFraming(spread)).toThrow(new TypeError(message))
  })

  test.each<unknown>([undefined, null, {}, { measure: Number }, { measure: Number, headerLength: Number }])(
    'what is no framing: %o',
    (wrong) => {
      expect(() => new FrameDecoder(wrong as unknown as Framing)).toThrow(TypeError)
      expect(() => new FrameDecoder(wrong as unknown as Framing)).toThrow('framing has no ')
    },
  )
})

test.each([
  [-3, 'framing measured a frame of -3 bytes'],
  [2, 'framing measured a frame of 2 bytes after 4 were seen'],
  [4.5, 'framing measured a frame of 4.5 bytes'],
  [Number.NaN, 'framing measured a frame of NaN bytes'],
])(
  'measure that answers %d when 4 bytes were seen is INVALID_LENGTH, and only what is late is called so',
  (length, reason) => {
    const decoder = new FrameDecoder({ ...defined(), measure: (_, start, end) => (end - start < 5 ? 0 : length) })
    decoder.decode(new Uint8Array(4))
    expect(framingErrorOf(() => decoder.decode(new Uint8Array(1)))).toMatchObject({ code: 'INVALID_LENGTH', reason })
  },
)

/** The members of a framing that decodes, without limits of its own. */
function defined(): Framing {
  return {
    maxFrameLength: 100,
    measure: () => 0,
    headerLength: () => 0,
    trailerLength: () => 0,
    encodedLength: (length) => length,
    encodeInto: (_, at) => at,
  }
}
