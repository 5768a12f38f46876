// Frames that all have the same length: sensor records, fixed structs.

import { checkByteCount, checkRoom, copyInto, type Framing } from './framing.ts'
import { FramingError, frameTooLong } from './framing-error.ts'

/** Frames of exactly `length` bytes, at least 1. Encoding throws UNENCODABLE for a shorter payload. */
export function fixedLength(length: number): Framing {
  checkByteCount('length', length, 1)
  const encodedLength = (payloadLength: number): number => {
    if (payloadLength > length) throw frameTooLong(payloadLength, length)
    if (payloadLength === length) return length
    throw new FramingError('UNENCODABLE', `payload of ${payloadLength} bytes in a framing of exactly ${length}`)
  }
  return {
    maxFrameLength: length,
    measure: () => length,
    headerLength: () => 0,
    trailerLength: () => 0,
    encodedLength,
    encodeInto(target, at, payload) {
      checkRoom(target, at, encodedLength(payload.length))
      copyInto(target, at, payload)
      return at + length
    },
    encodeHeaderInto: (_target, at, payloadLength) => at + 0 * encodedLength(payloadLength),
    encodeTrailerInto: (_target, at) => at,
  }
}
