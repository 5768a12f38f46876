// Frames that end where a delimiter stands: lines, NDJSON, NUL-terminated strings. The delimiter never counts for the limit.
// Invariant: the delimiter that ends first ends the frame, of two that end together the longer; so it does not matter
// where the chunks were cut.

import { BytePattern } from './byte-pattern.ts'
import {
  checkFlag,
  checkLimit,
  checkRoom,
  checkWord,
  copyInto,
  DEFAULT_MAX_FRAME_LENGTH,
  type Framing,
  isBytes,
  shown,
} from './framing.ts'
import { FramingError, frameTooLong } from './framing-error.ts'

/** How long a frame may be, and what becomes of its delimiter. */
export interface DelimiterOptions {
  /** The most bytes in front of the delimiter, both directions. @default 4 MiB */
  maxFrameLength?: number
  /** false hands the delimiter out with the frame. @default true */
  stripDelimiter?: boolean
  /**
   * What bytes behind the last delimiter are when the stream ends: FRAME_TRUNCATED, or a last frame, handed to the
   * visitor of `FrameDecoder.end`. @default 'error'
   */
  unterminated?: 'error' | 'emit'
}

/** `'\n'` ends a frame; or several, of which the first is written. Bytes, or text that is taken as UTF-8. */
export type Delimiters = Uint8Array | string | readonly (Uint8Array | string)[]

/** Frames that end with a delimiter. Encoding throws UNENCODABLE for a payload in which one stands. */
export function delimiter(delimiters: Delimiters, options: DelimiterOptions = {}): Framing {
  return new DelimiterFraming(delimiters, options)
}

/** Which line end is written, and the options of every delimiter. */
export interface LinesOptions extends DelimiterOptions {
  /** What is written. Both are read. @default '\n' */
  eol?: '\n' | '\r\n'
}

/** Lines of text, as `nc` and `telnet` send them: `\n` and `\r\n` both end one. */
export function lines({ eol = '\n', ...options }: LinesOptions = {}): Framing {
  return delimiter(checkWord('eol', eol, ['\n', '\r\n']) === '\n' ? ['\n', '\r\n'] : ['\r\n', '\n'], options)
}

/** Least bytes searched for several delimiters at a time. */
const LEAST_WINDOW = 32

class DelimiterFraming implements Framing {
  readonly maxFrameLength: number
  readonly unterminated: 'error' | 'emit'
  readonly #patterns: readonly BytePattern[] // the longest first
  readonly #searched: readonly BytePattern[] // those that end with no other: where '\r\n' ends, '\n' does too
  readonly #written: Uint8Array
  readonly #longest: number
  readonly #strip: boolean

  constructor(delimiters: Delimiters, options: DelimiterOptions) {
    const { maxFrameLength = DEFAULT_MAX_FRAME_LENGTH, stripDelimiter = true, unterminated = 'error' } = options
    const list = Array.isArray(delimiters) ? delimiters : [delimiters]
    const patterns = list.map((each) => new BytePattern(bytesOf(each)))
    const [first] = patterns
    if (first === undefined) throw new RangeError('a delimiter framing needs a delimiter')
    if (patterns.some((pattern) => pattern.bytes.length === 0)) throw new RangeError('a delimiter must not be empty')
    this.#written = first.bytes
    this.#patterns = patterns.toSorted((a, b) => b.bytes.length - a.bytes.length)
    this.#searched = this.#patterns.filter((pattern, index) => !this.#patterns.slice(index + 1).some(endOf(pattern)))
    this.#longest = Math.max(...patterns.map((pattern) => pattern.bytes.length))
    this.#strip = checkFlag('stripDelimiter', stripDelimiter)
    this.unterminated = checkWord('unterminated', unterminated, ['error', 'emit'])
    this.maxFrameLength = checkLimit('maxFrameLength', maxFrameLength)
  }

  measure(bytes: Uint8Array, start: number, end: number, seen: number): number {
    const frameEnd = this.#firstEnd(bytes, start, start + seen, end)
    if (frameEnd < 0) {
      if (end - start < this.maxFrameLength + this.#longest) return 0
      throw this.#tooLong()
    }
    const length = frameEnd - start
    if (length - this.#delimiterLength(bytes, start, frameEnd) > this.maxFrameLength) throw this.#tooLong()
    return length
  }

  headerLength(): number {
    return 0
  }

  trailerLength(bytes: Uint8Array, start: number, length: number): number {
    return this.#strip ? this.#delimiterLength(bytes, start, start + length) : 0
  }

  encodedLength(payloadLength: number): number {
    if (payloadLength > this.maxFrameLength) throw frameTooLong(payloadLength, this.maxFrameLength)
    return payloadLength + this.#written.length
  }

  encodeInto(target: Uint8Array, at: number, payload: Uint8Array): number {
    const total = this.encodedLength(payload.length)
    checkRoom(target, at, total)
    this.#checkPayload(payload)
    copyInto(target, at, payload)
    copyInto(target, at + payload.length, this.#written)
    return at + total
  }

  /**
   * Where the delimiter that ends first ends, or -1. `start` = the frame's first byte; up to `from` none ends. Windows that
   * double keep a delimiter that never comes from being looked for far behind one that is there.
   */
  #firstEnd(bytes: Uint8Array, start: number, from: number, end: number): number {
    let width = this.#searched.length === 1 ? Number.POSITIVE_INFINITY : LEAST_WINDOW
    for (let at = from; at < end; at += width, width *= 2) {
      const found = this.#firstEndWithin(bytes, start, at, Math.min(end, at + width))
      if (found >= 0) return found
    }
    return -1
  }

  #firstEndWithin(bytes: Uint8Array, start: number, from: number, end: number): number {
    let first = -1
    for (const pattern of this.#searched) {
      // The delimiter may have begun in front of `from`.
      const begin = Math.max(start, from - pattern.bytes.length + 1)
      const found = pattern.findEnd(bytes, begin, first < 0 ? end : first)
      if (found >= 0) first = found
    }
    return first
  }

  #delimiterLength(bytes: Uint8Array, start: number, end: number): number {
    for (const pattern of this.#patterns) if (pattern.endsAt(bytes, start, end)) return pattern.bytes.length
    return 0
  }

  /** The payload must come back as it is: no delimiter inside, none that its end and the delimiter make together. */
  #checkPayload(payload: Uint8Array): void {
    const tailLength = Math.min(payload.length, this.#longest)
    const border = new Uint8Array(tailLength + this.#written.length)
    border.set(payload.subarray(payload.length - tailLength))
    border.set(this.#written, tailLength)
    const isInside = this.#firstEnd(payload, 0, 0, payload.length) >= 0
    const isMoved = this.#firstEnd(border, 0, 0, border.length) !== border.length
    const isLonger = this.#delimiterLength(border, 0, border.length) !== this.#written.length
    if (isInside || isMoved || isLonger) {
      throw new FramingError(
        'UNENCODABLE',
        `payload of ${payload.length} bytes holds a delimiter, or makes one with it`,
      )
    }
  }

  #tooLong(): FramingError {
    const reason = `no delimiter within maxFrameLength ${this.maxFrameLength}`
    return new FramingError('FRAME_TOO_LONG', reason, { limit: this.maxFrameLength })
  }
}

/** Text as UTF-8. A number above all is refused: as the length of an array it would pass for so many zeros. */
function bytesOf(delimiter: Uint8Array | string): Uint8Array {
  if (typeof delimiter === 'string') {
    if (!/\p{Surrogate}/u.test(delimiter)) return new TextEncoder().encode(delimiter)
    throw new RangeError('a delimiter has a lone surrogate, which UTF-8 cannot say')
  }
  if (isBytes(delimiter)) return delimiter
  throw new TypeError(`a delimiter must be text or a Uint8Array, got ${shown(delimiter)}`)
}

/** Whether another pattern is the end of this one. */
function endOf({ bytes }: BytePattern): (other: BytePattern) => boolean {
  return (other) => other.endsAt(bytes, 0, bytes.length)
}
