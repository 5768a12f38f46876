// Frames that say their own length: the framing of Kafka, DNS over TCP, PostgreSQL, MQTT and most others.
// Invariant: a frame's payload is never negative and never above maxFrameLength, known before anything is buffered.

import {
  checkByteCount,
  checkFlag,
  checkFunction,
  checkLimit,
  checkRoom,
  checkWord,
  copyInto,
  DEFAULT_MAX_FRAME_LENGTH,
  type Framing,
  shown,
} from './framing.ts'
import { FramingError, frameTooLong } from './framing-error.ts'
import {
  readUnsigned,
  readUnsigned32,
  readVarint,
  varintLength,
  varintSize,
  writeUnsigned,
  writeUnsigned32,
  writeVarint,
} from './length-number.ts'
import { Trailer } from './trailer.ts'

/** Where the length stands in the header, how it is written and what it counts. */
export interface LengthFieldOptions {
  /** Bytes of the length field, or `'varint'` (base 128, least significant group first). @default 4 */
  lengthFieldLength?: 1 | 2 | 3 | 4 | 8 | 'varint'
  /** @default 'big' */
  byteOrder?: 'big' | 'little'
  /** Bytes in front of the length field. @default 0 */
  lengthFieldOffset?: number
  /** Bytes of the whole header, when more of it follows the length field. Not with a varint. @default up to the end of the field */
  headerLength?: number
  /**
   * What the number on the wire counts, each up to the end of the frame, trailer not counted. A number is Netty's
   * `lengthAdjustment`: frame = lengthFieldOffset + lengthFieldLength + value + number. @default 'payload'
   */
  lengthCounts?: 'payload' | 'afterLengthField' | 'fromLengthField' | 'frame' | number
  /** Bytes behind the payload that belong to the frame; written as zeros, not looked at when read. @default 0 */
  trailerLength?: number
  /**
   * The bytes that stand behind every payload, in place of `trailerLength`: written, and INVALID_HEADER where others stand.
   * The length of such a frame is known with its last byte. @default none
   */
  trailer?: Uint8Array
  /** true hands out the payload, false header and trailer too, a number drops that many leading bytes. @default true */
  stripHeader?: boolean | number
  /** The most payload bytes of a frame, both directions; Infinity = what the field can say. @default 4 MiB */
  maxFrameLength?: number
  /** The most bytes of a varint. @default 5 */
  maxVarintLength?: number
  /**
   * Reads the number in the length field in the protocol's own way (ASCII digits, BCD). May throw a FramingError. What the
   * field can say is yours to know: give it as `maxFrameLength`.
   */
  readLength?: (bytes: Uint8Array, at: number) => number
  /** The way back of `readLength`. A length that `readLength` does not read back is UNENCODABLE. */
  writeLength?: (target: Uint8Array, at: number, value: number) => void
}

/** Frames with a length field. Throws RangeError for options that no frame could meet. */
export function lengthField(options: LengthFieldOptions = {}): Framing {
  return new LengthFieldFraming(options)
}

class LengthFieldFraming implements Framing {
  readonly maxFrameLength: number
  readonly #size: number // bytes of the field; 0 = varint
  readonly #little: boolean
  readonly #offset: number
  readonly #header: number // bytes in front of the payload; of a varint: in front of the field
  readonly #trailer: Trailer
  readonly #isMarked: boolean // the trailer is not just any bytes
  readonly #counts: NonNullable<LengthFieldOptions['lengthCounts']>
  readonly #adjustment: number // the number on the wire less the payload; of a varint: see adjustmentFor
  readonly #strip: boolean | number
  readonly #maxVarint: number
  readonly #isPlain: boolean // u32 big endian and the payload: most frames on most wires, worth a path of its own
  readonly #readLength: LengthFieldOptions['readLength']
  readonly #writeLength: LengthFieldOptions['writeLength']

  constructor(options: LengthFieldOptions) {
    const { lengthFieldLength = 4, lengthFieldOffset = 0, byteOrder = 'big', lengthCounts = 'payload' } = options
    const { stripHeader = true, maxVarintLength = 5, maxFrameLength = DEFAULT_MAX_FRAME_LENGTH } = options
    this.#size = checkSize(lengthFieldLength)
    const isVarint = this.#size === 0
    if (isVarint && options.headerLength !== undefined)
      throw new RangeError('a varint header ends with the length field')
    this.#little = checkWord('byteOrder', byteOrder, ['big', 'little']) === 'little'
    this.#offset = checkByteCount('lengthFieldOffset', lengthFieldOffset, 0, 0xffff)
    const { headerLength = this.#offset + this.#size } = options
    this.#header = checkByteCount('headerLength', headerLength, this.#offset + this.#size, 0xffff)
    this.#trailer = trailerOf(options)
    this.#isMarked = options.trailer !== undefined && this.#trailer.length > 0
    this.#strip = checkStrip(stripHeader)
    this.#maxVarint = checkByteCount('maxVarintLength', maxVarintLength, 1, 8)
    this.#readLength = checkFunction('readLength', options.readLength)
    this.#writeLength = checkFunction('writeLength', options.writeLength)
    if ((this.#readLength === undefined) !== (this.#writeLength === undefined)) {
      throw new RangeError('readLength and writeLength come together')
    }
    if (isVarint && this.#readLength !== undefined) throw new RangeError('readLength and a varint exclude each other')
    this.#counts = checkCounts(lengthCounts)
    this.#adjustment = this.#adjustmentFor(this.#size)
    const isBigEndian32 = this.#size === 4 && !this.#little && this.#readLength === undefined
    this.#isPlain = isBigEndian32 && this.#adjustment === 0 && this.#header === 4 && this.#trailer.length === 0
    this.maxFrameLength = Math.min(checkLimit('maxFrameLength', maxFrameLength), this.#mostPayload())
    if (this.maxFrameLength < 0) throw new RangeError('the length field cannot hold the length of an empty frame')
    const least = -this.#adjustmentFor(Math.max(this.#size, 1))
    if (least > this.maxFrameLength) {
      throw new RangeError(
        `lengthCounts ${lengthCounts} makes every payload at least ${least} bytes, maxFrameLength is ${this.maxFrameLength}`,
      )
    }
  }

  measure(bytes: Uint8Array, start: number, end: number): number {
    if (this.#isPlain) {
      if (start + 4 > end) return 0
      const payload = readUnsigned32(bytes, start)
      if (payload > this.maxFrameLength) throw this.#refusal(payload, payload, 4)
      return payload + 4
    }
    const length = this.#lengthOf(bytes, start, end)
    if (!this.#isMarked) return length
    if (length === 0 || start + length > end) return 0 // the trailer belongs to the answer
    this.#trailer.expectIn(bytes, start, start + length)
    return length
  }

  /** The length as the header says it, 0 while that is not complete. */
  #lengthOf(bytes: Uint8Array, start: number, end: number): number {
    const at = start + this.#offset
    if (this.#size === 0) return this.#measureVarint(bytes, at, end)
    if (at + this.#size > end) return 0
    const value = this.#readLength ? this.#readOwn(bytes, at) : readUnsigned(bytes, at, this.#size, this.#little)
    const payload = value - this.#adjustment
    if (payload < 0 || payload > this.maxFrameLength) throw this.#refusal(value, payload, this.#header)
    return this.#header + payload + this.#trailer.length
  }

  headerLength(bytes: Uint8Array, start: number, length: number): number {
    if (this.#strip === true) return this.#headerAt(bytes, start, length)
    return this.#strip === false ? 0 : Math.min(this.#strip, length)
  }

  trailerLength(): number {
    return this.#strip === true ? this.#trailer.length : 0
  }

  encodedLength(payloadLength: number): number {
    if (!(payloadLength <= this.maxFrameLength)) throw frameTooLong(payloadLength, this.maxFrameLength)
    if (this.#isPlain) return payloadLength + 4
    return this.#headerFor(payloadLength) + payloadLength + this.#trailer.length
  }

  encodeInto(target: Uint8Array, at: number, payload: Uint8Array, header?: Uint8Array): number {
    const total = this.encodedLength(payload.length)
    checkRoom(target, at, total)
    if (this.#isPlain && header === undefined) {
      writeUnsigned32(target, at, payload.length)
      copyInto(target, at + 4, payload)
      return at + total
    }
    const from = this.#writeHeader(target, at, payload.length, header)
    copyInto(target, from, payload)
    return this.#trailer.encodeInto(target, from + payload.length)
  }

  encodeHeaderInto(target: Uint8Array, at: number, payloadLength: number, header?: Uint8Array): number {
    const hasRoom = at >= 0 && at + 4 <= target.length
    if (this.#isPlain && header === undefined && payloadLength <= this.maxFrameLength && hasRoom) {
      writeUnsigned32(target, at, payloadLength)
      return at + 4
    }
    checkRoom(target, at, this.encodedLength(payloadLength) - payloadLength - this.#trailer.length)
    return this.#writeHeader(target, at, payloadLength, header)
  }

  encodeTrailerInto(target: Uint8Array, at: number): number {
    return this.#trailer.encodeInto(target, at)
  }

  #measureVarint(bytes: Uint8Array, at: number, end: number): number {
    const size = varintLength(bytes, at, end, this.#maxVarint)
    if (size === 0) return 0
    const value = readVarint(bytes, at, size)
    const payload = value - this.#adjustmentFor(size)
    if (payload < 0 || payload > this.maxFrameLength) throw this.#refusal(value, payload, this.#header + size)
    return this.#header + size + payload + this.#trailer.length
  }

  #readOwn(bytes: Uint8Array, at: number): number {
    const value = (this.#readLength as (bytes: Uint8Array, at: number) => number)(bytes, at)
    if (Number.isSafeInteger(value) && value >= 0) return value
    throw new FramingError('INVALID_LENGTH', `length field holds ${String(value)}, not a length`)
  }

  /** `header` = all bytes in front of the payload. */
  #refusal(value: number, payload: number, header: number): FramingError {
    if (payload > 0) return frameTooLong(payload, this.maxFrameLength, header + payload + this.#trailer.length)
    const reason = `length ${value} is smaller than what it counts (at least ${value - payload})`
    return new FramingError('INVALID_LENGTH', reason, { length: value, limit: value - payload })
  }

  /** The number on the wire less the payload length, for a length field of `size` bytes. */
  #adjustmentFor(size: number): number {
    const header = this.#size === 0 ? this.#header + size : this.#header
    const counts = this.#counts
    if (typeof counts === 'number') return header + this.#trailer.length - this.#offset - size - counts
    if (counts === 'payload') return 0
    if (counts === 'afterLengthField') return header - this.#offset - size
    return counts === 'fromLengthField' ? header - this.#offset : header
  }

  #mostPayload(): number {
    if (this.#readLength) return Number.MAX_SAFE_INTEGER - this.#header - this.#trailer.length - this.#size
    const size = this.#size === 0 ? this.#maxVarint : this.#size
    const mostValue = this.#size === 0 ? 2 ** (7 * size) - 1 : 2 ** (8 * size) - 1
    const mostWhole = Number.MAX_SAFE_INTEGER - this.#header - this.#trailer.length - size
    return Math.min(Math.min(mostValue, Number.MAX_SAFE_INTEGER) - this.#adjustmentFor(size), mostWhole)
  }

  #headerAt(bytes: Uint8Array, start: number, length: number): number {
    if (this.#size !== 0) return this.#header
    return this.#header + varintLength(bytes, start + this.#offset, start + length, this.#maxVarint)
  }

  /** Bytes in front of a payload; a varint that counts itself may need one byte more for that. */
  #headerFor(payloadLength: number): number {
    if (this.#size !== 0) return this.#header
    let size = 1
    while (varintSize(this.#valueFor(payloadLength, size)) > size) size++
    return this.#header + size
  }

  #valueFor(payloadLength: number, size: number): number {
    const value = payloadLength + this.#adjustmentFor(size)
    if (value >= 0) return value
    throw new FramingError('UNENCODABLE', `payload of ${payloadLength} bytes would need the negative length ${value}`)
  }

  #writeHeader(target: Uint8Array, at: number, payloadLength: number, header: Uint8Array | undefined): number {
    const end = at + this.#headerFor(payloadLength)
    const isVarint = this.#size === 0
    const own = isVarint ? this.#offset : this.#header
    if (header !== undefined && header.length < own) {
      throw new RangeError(`header has ${header.length} bytes, this framing needs ${own}`)
    }
    const field = at + this.#offset
    const size = isVarint ? end - field : this.#size
    const value = this.#valueFor(payloadLength, size)
    const ownField = this.#writeOwn(size, value)
    if (header !== undefined) copyInto(target, at, header.subarray(0, own))
    else if (own > this.#size || isVarint) target.fill(0, at, at + own)
    if (ownField) copyInto(target, field, ownField)
    else if (isVarint) writeVarint(target, field, value)
    else writeUnsigned(target, field, size, this.#little, value)
    return end
  }

  /** Apart from the target, which must stay as it was when the user's function throws. */
  #writeOwn(size: number, value: number): Uint8Array | undefined {
    if (!this.#writeLength) return undefined
    const field = new Uint8Array(size)
    this.#writeLength(field, 0, value)
    if (this.#readBack(field, value) === value) return field
    throw new FramingError('UNENCODABLE', `length ${value} does not fit the length field: it reads as another`)
  }

  /** What is wrong with the field is wrong with the length: no peer has sent it. */
  #readBack(field: Uint8Array, value: number): number {
    try {
      return this.#readOwn(field, 0)
    } catch (cause) {
      if (!(cause instanceof FramingError)) throw cause
      const reason = `length ${value} does not fit the length field: ${cause.reason}`
      throw new FramingError('UNENCODABLE', reason, { cause })
    }
  }
}

/** Bytes of the length field; 0 for a varint. */
function checkSize(lengthFieldLength: NonNullable<LengthFieldOptions['lengthFieldLength']>): number {
  if (lengthFieldLength === 'varint') return 0
  if ([1, 2, 3, 4, 8].includes(lengthFieldLength)) return lengthFieldLength
  throw misuse('lengthFieldLength', "1, 2, 3, 4, 8 or 'varint'", lengthFieldLength)
}

function checkStrip(strip: boolean | number): boolean | number {
  return typeof strip === 'number' ? checkByteCount('stripHeader', strip, 0, 0xffff) : checkFlag('stripHeader', strip)
}

function trailerOf({ trailer, trailerLength }: LengthFieldOptions): Trailer {
  if (trailerLength === undefined) return new Trailer(trailer === undefined ? new Uint8Array(0) : trailer)
  if (trailer !== undefined) throw new RangeError('trailer and trailerLength exclude each other')
  return new Trailer(new Uint8Array(checkByteCount('trailerLength', trailerLength, 0, 0xffff)))
}

function checkCounts(counts: NonNullable<LengthFieldOptions['lengthCounts']>): typeof counts {
  if (['payload', 'afterLengthField', 'fromLengthField', 'frame'].includes(counts as string)) return counts
  if (Number.isSafeInteger(counts)) return counts
  throw misuse('lengthCounts', 'a name of the documented four or an integer', counts)
}

function misuse(name: string, wanted: string, value: unknown): Error {
  const reason = `${name} must be ${wanted}, got ${shown(value)}`
  return typeof value === 'number' ? new RangeError(reason) : new TypeError(reason)
}
