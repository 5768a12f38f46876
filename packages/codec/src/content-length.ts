// Frames with a text header that ends in an empty line and says `Content-Length: N`: the Language Server and Debug
// Adapter protocols. Strict where others are not: `+7`, `0x7`, `7abc`, a second space and two Content-Lengths are
// errors, not guesses.

import { BytePattern } from './byte-pattern.ts'
import {
  checkByteCount,
  checkFlag,
  checkLimit,
  checkRoom,
  copyInto,
  DEFAULT_MAX_FRAME_LENGTH,
  type Framing,
} from './framing.ts'
import { FramingError, frameTooLong } from './framing-error.ts'

/** How long the body and its header may be. */
export interface ContentLengthOptions {
  /** The most payload bytes, both directions. @default 4 MiB */
  maxFrameLength?: number
  /** The most header bytes, the empty line included. @default 4096 */
  maxHeaderLength?: number
  /** false hands the header out with the payload. @default true */
  stripHeader?: boolean
}

/** LSP and DAP frames. */
export function contentLength(options: ContentLengthOptions = {}): Framing {
  return new ContentLengthFraming(options)
}

const HEADER_END = new BytePattern(Uint8Array.of(13, 10, 13, 10))
const DEFAULT_MAX_HEADER_LENGTH = 4096
/** `Content-Length: 9007199254740991` and the empty line. */
const LEAST_MAX_HEADER_LENGTH = 36

class ContentLengthFraming implements Framing {
  readonly maxFrameLength: number
  readonly #maxHeader: number
  readonly #strip: boolean

  constructor(options: ContentLengthOptions) {
    const { maxFrameLength = DEFAULT_MAX_FRAME_LENGTH, maxHeaderLength = DEFAULT_MAX_HEADER_LENGTH } = options
    const { stripHeader = true } = options
    this.maxFrameLength = checkLimit('maxFrameLength', maxFrameLength)
    this.#maxHeader = checkByteCount('maxHeaderLength', maxHeaderLength, LEAST_MAX_HEADER_LENGTH)
    this.#strip = checkFlag('stripHeader', stripHeader)
  }

  measure(bytes: Uint8Array, start: number, end: number, seen: number): number {
    const bound = Math.min(end, start + this.#maxHeader)
    const headerEnd = HEADER_END.findEnd(bytes, start + Math.max(0, seen - 3), bound)
    if (headerEnd < 0) {
      if (end - start < this.#maxHeader) return 0
      const reason = `no end of the header within maxHeaderLength ${this.#maxHeader}`
      throw new FramingError('INVALID_HEADER', reason, { limit: this.#maxHeader })
    }
    const payload = readContentLength(latin1(bytes, start, headerEnd - 4))
    const length = headerEnd - start + payload
    if (payload > this.maxFrameLength) throw frameTooLong(payload, this.maxFrameLength, length)
    return length
  }

  headerLength(bytes: Uint8Array, start: number, length: number): number {
    return this.#strip ? HEADER_END.findEnd(bytes, start, start + length) - start : 0
  }

  trailerLength(): number {
    return 0
  }

  encodedLength(payloadLength: number, header?: Uint8Array): number {
    return this.#headerFor(payloadLength, header).length + payloadLength
  }

  encodeInto(target: Uint8Array, at: number, payload: Uint8Array, header?: Uint8Array): number {
    const from = this.#writeHeader(target, at, payload.length, header, payload.length)
    copyInto(target, from, payload)
    return from + payload.length
  }

  encodeHeaderInto(target: Uint8Array, at: number, payloadLength: number, header?: Uint8Array): number {
    return this.#writeHeader(target, at, payloadLength, header, 0)
  }

  encodeTrailerInto(_target: Uint8Array, at: number): number {
    return at
  }

  #writeHeader(
    target: Uint8Array,
    at: number,
    payloadLength: number,
    own: Uint8Array | undefined,
    more: number,
  ): number {
    const header = this.#headerFor(payloadLength, own)
    checkRoom(target, at, header.length + more)
    copyInto(target, at, header)
    return at + header.length
  }

  /** The header for a payload: the caller's lines are kept, the length is filled in where it stands, or behind them. */
  #headerFor(payloadLength: number, own: Uint8Array | undefined): Uint8Array {
    if (payloadLength > this.maxFrameLength) throw frameTooLong(payloadLength, this.maxFrameLength)
    const kept = own === undefined ? '' : withoutEnd(latin1(own, 0, own.length))
    const header = Uint8Array.from(`${withLength(kept, payloadLength)}\r\n\r\n`, (character) => character.charCodeAt(0))
    if (header.length <= this.#maxHeader) return header
    const reason = `header of ${header.length} bytes exceeds maxHeaderLength ${this.#maxHeader}`
    throw new FramingError('INVALID_HEADER', reason, { length: header.length, limit: this.#maxHeader })
  }
}

/** The header's lines as [name, value]. INVALID_HEADER for a line that is none. */
function headerLines(header: string): [name: string, value: string][] {
  return header.split('\r\n').map((line) => {
    const match = /^([!#$%&'*+.^_`|~\w-]+): ?([^\r\n]*)$/.exec(line)
    if (match === null)
      throw new FramingError('INVALID_HEADER', `header line ${JSON.stringify(line.slice(0, 80))} has no name`)
    return [match[1] as string, match[2] as string]
  })
}

/** The lines without those that end it. */
function withoutEnd(header: string): string {
  let end = header.length
  while (header.endsWith('\r\n', end)) end -= 2
  return header.slice(0, end)
}

/** The header with this length in its Content-Length line, the only one then, whose name and colon stay as they are. */
function withLength(header: string, length: number): string {
  if (header === '') return `Content-Length: ${length}`
  const names = headerLines(header).map(([name]) => name.toLowerCase())
  const first = names.indexOf('content-length')
  const lines = header.split('\r\n').filter((_, index) => index === first || names[index] !== 'content-length')
  if (first < 0) lines.push(`Content-Length: ${length}`)
  else lines[first] = `${/^[^:]*: ?/.exec(lines[first] as string)?.[0]}${length}`
  return lines.join('\r\n')
}

function readContentLength(header: string): number {
  const values = headerLines(header).filter(([name]) => name.toLowerCase() === 'content-length')
  const [first] = values
  if (first === undefined) throw new FramingError('INVALID_HEADER', 'header without Content-Length')
  if (values.length > 1) throw new FramingError('INVALID_HEADER', `header with ${values.length} Content-Length lines`)
  const [, text] = first
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw new FramingError('INVALID_LENGTH', `Content-Length ${JSON.stringify(text.slice(0, 40))} is not a length`)
}

/** Bytes as characters of the same number: header bytes above 0x7f stay what they are. */
function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at += 1024)
    text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 1024)))
  return text
}
