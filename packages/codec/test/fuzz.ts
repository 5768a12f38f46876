// Random bytes against every framing: whatever comes in, frames and one FramingError come out, the same for any chunks,
// in a number of steps and an amount of memory that follow the bytes. It knows no test runner.

import { contentLength } from '../src/content-length.ts'
import { defineFraming } from '../src/define-framing.ts'
import { delimiter, lines } from '../src/delimiter.ts'
import { fixedLength } from '../src/fixed-length.ts'
import { FrameDecoder } from '../src/frame-decoder.ts'
import type { Framing } from '../src/framing.ts'
import { FramingError } from '../src/framing-error.ts'
import { errorOf, hex, holds } from '../src/law-check.ts'
import { lengthField } from '../src/length-field.ts'

/** Limits are low, so that many streams break them. */
export const FUZZED: Record<string, Framing> = {
  'u32 length': lengthField({ maxFrameLength: 40 }),
  'u8 length': lengthField({ lengthFieldLength: 1, maxFrameLength: 20 }),
  'u64 length, little-endian': lengthField({ lengthFieldLength: 8, byteOrder: 'little' }),
  'length of the whole frame': lengthField({ lengthFieldLength: 2, lengthFieldOffset: 1, lengthCounts: 'frame' }),
  'u16 length, longer header, trailer': lengthField({ lengthFieldLength: 2, headerLength: 5, trailerLength: 2 }),
  'u8 length, checked trailer': lengthField({
    lengthFieldLength: 1,
    maxFrameLength: 20,
    trailer: Uint8Array.of(1),
  }),
  varint: lengthField({ lengthFieldLength: 'varint', maxFrameLength: 30 }),
  'varint of 8 bytes that counts itself': lengthField({
    lengthFieldLength: 'varint',
    maxVarintLength: 8,
    lengthCounts: 'fromLengthField',
  }),
  line: lines({ maxFrameLength: 12, unterminated: 'emit' }),
  'one delimiter': delimiter('\r\n\r\n', { maxFrameLength: 16 }),
  'several delimiters': delimiter(['aab', 'ab', ':', '\0\0'], { maxFrameLength: 12, stripDelimiter: false }),
  'fixed length': fixedLength(7),
  'Content-Length': contentLength({ maxFrameLength: 9, maxHeaderLength: 60 }),
  'own measure that reads a number': defineFraming({
    maxFrameLength: 9,
    maxOverhead: 4,
    measure: (bytes, start, end) => (end - start < 2 ? 0 : (bytes[start] as number) - (bytes[start + 1] as number)),
    headerLength: () => 2,
  }),
  'own measure that searches': defineFraming({
    maxFrameLength: 9,
    maxOverhead: 1,
    measure: (bytes, start, end, seen) => bytes.subarray(start, end).indexOf(0x3a, seen) + 1,
    trailerLength: () => 1,
  }),
}

export interface FuzzReport {
  rounds: number
  seconds: number
  bytes: number
  frames: number
  skipped: number
  /** How often each error ended a stream. */
  errors: Partial<Record<FramingError['code'], number>>
  /** The most memory in use at a time, above what was in use before, in bytes. */
  memory: number
}

/** Words that protocols are made of; whole headers of those that chance would not find. */
const WORDS = [
  ...[
    'Content-Length: 3\r\n\r\n',
    'Content-Length: 2\r\n\r\n',
    'Content-Length: ',
    '\r\n',
    '\r\n\r\n',
    '3',
    ':',
    'a',
    'aab',
    '\n',
    '\0\0',
  ],
  ...['\x02\0\0\0\0\0\0\0ab', '\x7f', '\x80', '\xff'],
].map((word) => Uint8Array.from(word, (character) => character.charCodeAt(0)))
const LONGEST = 64

/** Numbers that look random and are the same for the same seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Any bytes, small numbers, or words. */
function randomStream(random: (below: number) => number): Uint8Array {
  const bytes = new Uint8Array(random(LONGEST))
  const kind = random(4)
  for (let at = 0; at < bytes.length; ) {
    if (kind === 0) bytes[at++] = random(256)
    else if (kind === 1) bytes[at++] = random(6)
    else if (kind === 2) bytes[at++] = random(8) === 0 ? random(256) : random(2)
    else for (const byte of WORDS[random(WORDS.length)] as Uint8Array) bytes[at++] = byte
  }
  return bytes
}

/** Decodes a stream in chunks and says what came of it. */
class Round {
  readonly bytes: Uint8Array
  frames = 0
  skipped = 0
  error: FramingError | undefined
  #handedOut = 0
  #sum = 0
  #steps = 0
  #chunks = 0

  constructor(framing: Framing, bytes: Uint8Array, oversize: 'error' | 'skip', nextLength: () => number) {
    this.bytes = bytes
    const decoder = new FrameDecoder(this.#counting(framing), { oversize, onSkip: () => void this.skipped++ })
    const error = errorOf(() => {
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + nextLength())
        this.#chunks++
        decoder.push(bytes.subarray(at, end), this.#visit)
        holds(decoder.pendingLength <= end, `${decoder.pendingLength} bytes are pending of ${end}`)
        at = end
      }
      decoder.end(this.#visit)
    })
    if (error !== undefined && !(error instanceof FramingError)) throw error
    this.error = error
    holds(this.#handedOut <= bytes.length, `${this.#handedOut} bytes were handed out of ${bytes.length}`)
    const most = 2 * (bytes.length + this.#chunks) + 2
    holds(this.#steps <= most, `${this.#steps} steps were taken for ${bytes.length} bytes in ${this.#chunks} chunks`)
  }

  /** What may not depend on the chunks. */
  get outcome(): string {
    const { code, offset, length, limit } = this.error ?? {}
    return [this.frames, this.skipped, this.#handedOut, this.#sum, code, offset, length, limit].join()
  }

  readonly #visit = (bytes: Uint8Array, start: number, end: number): void => {
    holds(start >= 0 && start <= end && end <= bytes.length, `bytes ${start} to ${end} were handed out as a frame`)
    this.frames++
    this.#handedOut += end - start
    for (let at = start; at < end; at++) this.#sum = (this.#sum * 31 + (bytes[at] as number)) | 0
    this.#sum += end - start
  }

  #counting(framing: Framing): Framing {
    const { maxFrameLength, unterminated = 'error' } = framing
    return {
      maxFrameLength,
      unterminated,
      measure: (bytes, start, end, seen) => {
        this.#steps++
        return framing.measure(bytes, start, end, seen)
      },
      headerLength: (bytes, start, length) => framing.headerLength(bytes, start, length),
      trailerLength: (bytes, start, length) => framing.trailerLength(bytes, start, length),
      encodedLength: (payloadLength) => framing.encodedLength(payloadLength),
      encodeInto: (target, at, payload) => framing.encodeInto(target, at, payload),
    }
  }
}

/** Tries a framing on random streams. Throws, with the seed, at the first that is not decoded as it should be. */
export function fuzz(framing: Framing, rounds: number, seed: number): FuzzReport {
  const random = randomFrom(seed)
  const report: FuzzReport = { rounds, seconds: 0, bytes: 0, frames: 0, skipped: 0, errors: {}, memory: 0 }
  const before = memoryInUse()
  const begin = performance.now()
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0 // most rounds end with an error, and its stack takes longer than all the rest
  for (let round = 0; round < rounds; round++) {
    const bytes = randomStream(random)
    const oversize = random(2) === 0 ? 'error' : 'skip'
    const fault = errorOf(() => {
      const whole = new Round(framing, bytes, oversize, () => LONGEST)
      const cut = new Round(framing, bytes, oversize, () => 1 + random(9))
      holds(cut.outcome === whole.outcome, `whole ${whole.outcome}, in chunks ${cut.outcome}`)
      report.bytes += bytes.length
      report.frames += whole.frames
      report.skipped += whole.skipped
      if (whole.error) report.errors[whole.error.code] = (report.errors[whole.error.code] ?? 0) + 1
    })
    if (fault !== undefined) {
      Error.stackTraceLimit = stackTraceLimit
      throw new Error(`seed ${seed}, round ${round}, ${hex(bytes)}: ${fault}`, { cause: fault })
    }
    if (round % 1000 === 0) report.memory = Math.max(report.memory, memoryInUse() - before)
  }
  Error.stackTraceLimit = stackTraceLimit
  report.seconds = (performance.now() - begin) / 1000
  return report
}

function memoryInUse(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}
