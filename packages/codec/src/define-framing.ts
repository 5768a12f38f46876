// A framing of one's own, from the one question that makes it: how long is this frame? Whatever `measure` answers, the
// limits hold here, so a protocol in ten lines is bounded as the presets are.

import {
  checkByteCount,
  checkFunction,
  checkLimit,
  checkRoom,
  checkWord,
  checkWritten,
  DEFAULT_MAX_FRAME_LENGTH,
  type Framing,
} from './framing.ts'
import { FramingError, frameTooLong } from './framing-error.ts'
import { Trailer } from './trailer.ts'

/** `measure`, and whatever else of a Framing the protocol needs. */
export interface FramingDefinition
  extends Pick<Framing, 'measure'>,
    Partial<Omit<Framing, 'measure' | 'maxFrameLength'>> {
  /** The most payload bytes of a frame, both directions. @default 4 MiB */
  maxFrameLength?: number
  /** The most bytes that header and trailer take together. Bounds what is buffered while the length is unknown. @default 64 */
  maxOverhead?: number
  /**
   * The bytes that every frame ends with, as netstrings end with a comma: INVALID_HEADER where others stand, written over
   * the last bytes of what is encoded, and not handed out unless `trailerLength` says otherwise. All lengths count it.
   * @default none
   */
  trailer?: Uint8Array
}

const DEFAULT_MAX_OVERHEAD = 64
const NO_BYTES = new Uint8Array(0)

const FUNCTIONS = [
  'measure',
  'headerLength',
  'trailerLength',
  'encodedLength',
  'encodeInto',
  'encodeHeaderInto',
  'encodeTrailerInto',
] as const

/**
 * Makes a framing. `measure` gets `bytes[start, end)` from a frame border on and returns the whole frame's length, 0 while
 * that is not known, or throws a FramingError; what it returns must not change as more bytes arrive. It is never shown more
 * than maxFrameLength + maxOverhead + 1 bytes of a frame. Behind `end` stand bytes that are not the stream's: search in
 * `bytes.subarray(start, end)`, because `bytes.indexOf` finds those, and looks through all of them for each frame.
 * `headerLength` and `trailerLength` (default: nothing, all is handed out) may look only at bytes that `measure` needed to
 * answer. Without `encodedLength` and `encodeInto` the framing only decodes.
 */
export function defineFraming(definition: FramingDefinition): Framing {
  const { encodeHeaderInto, encodeTrailerInto } = definition
  if ((definition.encodedLength === undefined) !== (definition.encodeInto === undefined)) {
    throw new TypeError('encodedLength and encodeInto come together')
  }
  if ((encodeHeaderInto === undefined) !== (encodeTrailerInto === undefined)) {
    throw new TypeError('encodeHeaderInto and encodeTrailerInto come together')
  }
  const framing = new DefinedFraming(definition)
  if (encodeHeaderInto === undefined || encodeTrailerInto === undefined) return framing
  const writeHeader: NonNullable<Framing['encodeHeaderInto']> = (target, at, payloadLength, header) => {
    framing.encodedLength(payloadLength, header) // the limit
    return encodeHeaderInto.call(definition, target, at, payloadLength, header)
  }
  const trailer = new Trailer(definition.trailer ?? NO_BYTES)
  const writeTrailer: NonNullable<Framing['encodeTrailerInto']> = (target, at, payloadLength) => {
    const end = encodeTrailerInto.call(definition, target, at, payloadLength)
    return trailer.encodeInto(target, end - trailer.length)
  }
  return Object.assign(framing, { encodeHeaderInto: writeHeader, encodeTrailerInto: writeTrailer })
}

class DefinedFraming implements Framing {
  readonly maxFrameLength: number
  readonly unterminated: 'error' | 'emit'
  readonly #definition: FramingDefinition
  readonly #maxOverhead: number
  readonly #trailer: Trailer

  constructor(definition: FramingDefinition) {
    const { maxFrameLength = DEFAULT_MAX_FRAME_LENGTH, maxOverhead = DEFAULT_MAX_OVERHEAD } = definition
    const { unterminated = 'error', trailer = NO_BYTES } = definition
    for (const name of FUNCTIONS) checkFunction(name, definition[name])
    if (definition.measure === undefined) throw new TypeError('a framing needs measure')
    this.maxFrameLength = checkLimit('maxFrameLength', maxFrameLength)
    this.unterminated = checkWord('unterminated', unterminated, ['error', 'emit'])
    this.#definition = definition
    this.#maxOverhead = checkByteCount('maxOverhead', maxOverhead, 0)
    this.#trailer = new Trailer(trailer)
  }

  measure(bytes: Uint8Array, start: number, end: number, seen: number): number {
    // No byte behind the bound is shown: the answer at the bound is the same whether more has arrived or not.
    const bound = start + this.maxFrameLength + this.#maxOverhead + 1
    const length = this.#definition.measure(bytes, start, Math.min(end, bound), seen)
    if (length === 0) {
      if (end < bound) return 0
      const reason = `frame of unknown length exceeds maxFrameLength ${this.maxFrameLength}`
      throw new FramingError('FRAME_TOO_LONG', reason, { limit: this.maxFrameLength })
    }
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new FramingError('INVALID_LENGTH', `framing measured a frame of ${length} bytes`)
    }
    this.#checkPayload(bytes, start, length)
    if (this.#trailer.length === 0) return length
    if (start + length > end) return 0 // the trailer belongs to the answer
    this.#trailer.expectIn(bytes, start, start + length)
    return length
  }

  headerLength(bytes: Uint8Array, start: number, length: number): number {
    return this.#definition.headerLength?.(bytes, start, length) ?? 0
  }

  trailerLength(bytes: Uint8Array, start: number, length: number): number {
    return this.#definition.trailerLength?.(bytes, start, length) ?? this.#trailer.length
  }

  encodedLength(payloadLength: number, header?: Uint8Array): number {
    if (payloadLength > this.maxFrameLength) throw frameTooLong(payloadLength, this.maxFrameLength)
    const { encodedLength } = this.#definition
    if (encodedLength === undefined) throw new FramingError('UNENCODABLE', 'this framing was defined without encoding')
    return encodedLength.call(this.#definition, payloadLength, header)
  }

  encodeInto(target: Uint8Array, at: number, payload: Uint8Array, header?: Uint8Array): number {
    const length = this.encodedLength(payload.length, header)
    checkRoom(target, at, length)
    const encodeInto = this.#definition.encodeInto as Framing['encodeInto']
    const end = checkWritten(at, encodeInto.call(this.#definition, target, at, payload, header), length)
    return this.#trailer.encodeInto(target, end - this.#trailer.length)
  }

  #checkPayload(bytes: Uint8Array, start: number, length: number): void {
    const header = this.headerLength(bytes, start, length)
    const trailer = this.trailerLength(bytes, start, length)
    const overhead = header + trailer
    const payload = length - overhead
    if (!(isByteCount(header) && isByteCount(trailer) && payload >= 0)) {
      const reason = `frame of ${length} bytes cannot have a header of ${header} and a trailer of ${trailer} bytes`
      throw new FramingError('INVALID_LENGTH', reason, { length })
    }
    if (overhead > this.#maxOverhead) {
      const reason = `${overhead} bytes around the payload exceed maxOverhead ${this.#maxOverhead}`
      throw new FramingError('INVALID_HEADER', reason, { length: overhead, limit: this.#maxOverhead })
    }
    if (payload > this.maxFrameLength) throw frameTooLong(payload, this.maxFrameLength, length)
  }
}

function isByteCount(answer: number): boolean {
  return Number.isSafeInteger(answer) && answer >= 0
}
