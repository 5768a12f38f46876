// What a hostile peer may make us pay: memory follows the bytes received, time grows with them and no faster.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encode } from '../src/encode.ts'
import { FrameDecoder } from '../src/frame-decoder.ts'
import type { Framing } from '../src/framing.ts'
import { errorOf } from '../src/law-check.ts'
import { lengthField } from '../src/length-field.ts'

const KIB = 1024
const MIB = 1024 * KIB

function memoryInUse(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

describe('memory', () => {
  const fourMiB = Uint8Array.of(0, 0x40, 0, 0)

  test.each([
    ['are silent', 0],
    ['send one byte more', 1],
    ['send 2 KiB more', 2 * KIB],
  ])('10,000 peers that announce 4 MiB and %s cost less than 16 KiB each', (_, more) => {
    const framing = lengthField()
    const body = new Uint8Array(more)
    // A frame of 200 KiB leaves a spare buffer behind, which no silent peer may pin.
    const busy = new FrameDecoder(framing)
    const frame = encode(framing, new Uint8Array(200 * KIB))
    for (let at = 0; at < frame.length; at += 10 * KIB) busy.decode(frame.subarray(at, at + 10 * KIB))
    const before = memoryInUse()
    const decoders: FrameDecoder[] = []
    while (decoders.length < 10_000) {
      const decoder = new FrameDecoder(framing)
      decoder.push(fourMiB, () => {})
      decoder.push(body, () => {})
      decoders.push(decoder)
      // Fails here, in place of taking the machine down.
      if (decoders.length % 100 === 0) expect(memoryInUse() - before).toBeLessThan(10_000 * 16 * KIB)
    }
    const each = (memoryInUse() - before) / decoders.length
    expect(decoders.every((decoder) => decoder.pendingLength === 4 + more)).toBe(true)
    expect(decoders.every((decoder) => decoder.expectedLength === 4 + 4 * MIB)).toBe(true)
    expect(each).toBeLessThan(16 * KIB)
  })

  test('nothing is allocated for a frame above the limit, nor for one that is skipped', () => {
    const framing = lengthField({ maxFrameLength: MIB })
    for (const oversize of ['error', 'skip'] as const) {
      const before = process.memoryUsage().arrayBuffers
      for (let count = 0; count < 100; count++) {
        const decoder = new FrameDecoder(framing, { oversize })
        errorOf(() => decoder.push(fourMiB, () => {}))
        errorOf(() => decoder.push(new Uint8Array(10), () => {}))
        expect(decoder.pendingLength).toBe(0)
      }
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB)
    }
  })

  test('whole frames are never copied, and of the others only the one that the border split', () => {
    const framing = lengthField()
    const frame = encode(framing, new Uint8Array(1000))
    const chunk = new Uint8Array(64 * KIB)
    for (let at = 0; at < chunk.length; at += frame.length) chunk.set(frame.subarray(0, chunk.length - at), at)
    const decoder = new FrameDecoder(framing)
    copies.atMost(chunk.length % frame.length, () => decoder.push(chunk, () => {}))
    expect(decoder.pendingLength).toBe(chunk.length % frame.length)
  })
})

/** Counts bytes that typed arrays copy, which no noise of a shared machine can blur. */
class CopyCount {
  readonly #prototype = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array
  readonly #set = this.#prototype.set
  readonly #copyWithin = this.#prototype.copyWithin
  #bytes = 0
  #limit = Number.POSITIVE_INFINITY

  install(): void {
    const set = this.#set
    const copyWithin = this.#copyWithin
    const count = (length: number): void => {
      this.#bytes += length
      if (this.#bytes > this.#limit) throw new Error(`more than ${this.#limit} bytes were copied`)
    }
    this.#prototype.set = function (source, offset) {
      count(source.length)
      set.call(this, source, offset)
    }
    this.#prototype.copyWithin = function (target, start, end) {
      count((end ?? this.length) - start)
      return copyWithin.call(this, target, start, end)
    }
  }

  uninstall(): void {
    this.#prototype.set = this.#set
    this.#prototype.copyWithin = this.#copyWithin
  }

  /** Throws as soon as an action copies more, in place of waiting minutes for the end of something quadratic. */
  atMost(limit: number, action: () => void): void {
    this.#bytes = 0
    this.#limit = limit
    try {
      action()
    } finally {
      this.#limit = Number.POSITIVE_INFINITY
    }
  }
}

const copies = new CopyCount()
beforeEach(() => copies.install())
afterEach(() => copies.uninstall())

/** Gives bytes in chunks of one size to a decoder and returns the number of frames. */
function pushInChunks(framing: Framing, bytes: Uint8Array, size: number): number {
  const decoder = new FrameDecoder(framing)
  let frames = 0
  for (let at = 0; at < bytes.length; at += size) {
    decoder.push(bytes.subarray(at, Math.min(at + size, bytes.length)), () => {
      frames++
    })
  }
  decoder.end()
  return frames
}

/** Ends a frame at its first zero byte, and refuses to look at more bytes than allowed. */
class ZeroTerminated implements Framing {
  readonly maxFrameLength: number = 8 * MIB
  calls = 0
  #mayLookAt: number

  constructor(mayLookAt: number) {
    this.#mayLookAt = mayLookAt
  }

  measure(bytes: Uint8Array, start: number, end: number, seen: number): number {
    this.calls++
    const found = bytes.subarray(start, end).indexOf(0, seen)
    this.#mayLookAt -= (found < 0 ? end - start : found + 1) - seen
    if (this.#mayLookAt < 0) throw new Error('looked at bytes again')
    return found + 1
  }

  headerLength = (): number => 0
  trailerLength = (): number => 1
  encodedLength = (payloadLength: number): number => payloadLength + 1
  encodeInto = (): number => expect.unreachable()
}

describe('work is linear in bytes', () => {
  // Smaller the more chunks it makes: work that grows faster than the bytes shows as well, and mutation runs end in time.
  const lengths = [
    [1, 64 * KIB],
    [7, 256 * KIB],
    [1000, MIB],
  ] as const

  test.each(lengths)('a frame in chunks of %i: each of its %i bytes is copied at most four times', (size, length) => {
    const frame = encode(lengthField(), new Uint8Array(length))
    copies.atMost(4 * frame.length, () => expect(pushInChunks(lengthField(), frame, size)).toBe(1))
  })

  test.each([...lengths, [MIB, MIB] as const])(
    'an unknown end in chunks of %i: each of %i bytes is looked at once',
    (size, length) => {
      const framing = new ZeroTerminated(2 * length)
      const frame = new Uint8Array(length).fill(1)
      frame[length - 1] = 0
      copies.atMost(4 * frame.length, () => expect(pushInChunks(framing, frame, size)).toBe(1))
    },
  )

  test('the rest of a frame whose end is unknown is looked at in few steps, not byte by byte', () => {
    const framing = new ZeroTerminated(2 * MIB)
    const decoder = new FrameDecoder(framing)
    const frame = new Uint8Array(MIB).fill(1)
    decoder.push(frame.subarray(0, 1), () => {})
    decoder.push(frame.subarray(1), () => {})
    expect(framing.calls).toBeLessThanOrEqual(24)
  })

  test('a frame that a border split is found in a large chunk without copying the chunk', () => {
    const decoder = new FrameDecoder(new ZeroTerminated(3 * MIB))
    decoder.push(Uint8Array.of(1), () => {})
    const chunk = new Uint8Array(64 * KIB)
    copies.atMost(64, () => decoder.push(chunk, () => {}))
  })

  test('a pause at every one of 20,000 frames copies their bytes a few times, not once each', () => {
    const framing = lengthField({ lengthFieldLength: 1 })
    const chunk = new Uint8Array(40_000)
    for (let at = 0; at < chunk.length; at += 2) chunk[at] = 1
    const decoder = new FrameDecoder(framing)
    let frames = 0
    const visit = (): false => {
      frames++
      return false
    }
    copies.atMost(8 * chunk.length, () => {
      decoder.push(chunk, visit)
      while (!decoder.resume(visit)) if (frames % 100 === 0) decoder.push(chunk.subarray(0, 2), visit)
    })
    expect(frames).toBeGreaterThan(20_000)
  })

  test('the loop is flat: 50,000 frames in one chunk are no deeper than one', () => {
    const framing = lengthField({ lengthFieldLength: 1 })
    let frames = 0
    const visit = () => void frames++
    new FrameDecoder(framing).push(new Uint8Array(50_000), visit)
    new FrameDecoder(framing, { oversize: 'skip' }).push(new Uint8Array(50_000), visit)
    expect(frames).toBe(100_000)
    expect(new FrameDecoder(framing).decode(new Uint8Array(50_000))).toHaveLength(50_000)
  })

  test('eight times the bytes, one by one, take eight times the steps', () => {
    const stepsFor = (length: number) => {
      const plain = lengthField({ trailer: Uint8Array.of(1) }) // asked again until the last byte is there
      let steps = 0
      const counting: Framing = {
        maxFrameLength: plain.maxFrameLength,
        measure: (bytes, start, end, seen) => {
          steps++
          return plain.measure(bytes, start, end, seen)
        },
        headerLength: (bytes, start, length) => plain.headerLength(bytes, start, length),
        trailerLength: (bytes, start, length) => plain.trailerLength(bytes, start, length),
        encodedLength: (payloadLength) => plain.encodedLength(payloadLength),
        encodeInto: (target, at, payload) => plain.encodeInto(target, at, payload),
      }
      expect(pushInChunks(counting, encode(plain, new Uint8Array(length)), 1)).toBe(1)
      return steps
    }
    expect(stepsFor(8000)).toBeLessThanOrEqual(8 * stepsFor(1000) + 100)
  })
})
