// Frames that all have the same length: sensor records, fixed structs.

import { checkByteCount, checkRoom, copyInto, type Framing } from './framing.ts'
import { FramingError, frameTooLong } from './framing-error.ts'

/** Frames of exactly `length` bytes, at least 1. Encoding throws UNENCODABLE for a shorter payload. */
export function fixedLength(length: number): Framing {
  return new FixedLengthFraming(checkByteCount('length', length, 1))
}

class FixedLengthFraming implements Framing {
  readonly maxFrameLength: number

  constructor(length: number) {
    this.maxFrameLength = length
  }

  measure(): number {
    return this.maxFrameLength
  }

  headerLength(): number {
    return 0
  }

  trailerLength(): number {
    return 0
  }

  encodedLength(payloadLength: number): number {
    const length = this.maxFrameLength
    if (payloadLength > length) throw frameTooLong(payloadLength, length)
    if (payloadLength === length) return length
    throw new FramingError('UNENCODABLE', `payload of ${payloadLength} bytes in a framing of exactly ${length}`)
  }

  encodeInto(target: Uint8Array, at: number, payload: Uint8Array): number {
    const length = this.encodedLength(payload.length)
    checkRoom(target, at, length)
    copyInto(target, at, payload)
    return at + length
  }

  encodeHeaderInto(_target: Uint8Array, at: number, payloadLength: number): number {
    this.encodedLength(payloadLength) // the one length there is
    return at
  }

  encodeTrailerInto(_target: Uint8Array, at: number): number {
    return at
  }
}
