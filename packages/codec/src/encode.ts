// Payloads to bytes on the wire, for callers that want them as one array. Limits are checked before a byte is written.

import { checkByteCount, checkBytes, checkWritten, type Framing } from './framing.ts'

/**
 * One whole frame. `header` = the caller's own header bytes, where the framing has room for them.
 * Throws FramingError FRAME_TOO_LONG or UNENCODABLE, and TypeError for a framing that writes another length than it said.
 */
export function encode(framing: Framing, payload: Uint8Array, header?: Uint8Array): Uint8Array {
  checkBytes('payload', payload)
  const frame = new Uint8Array(framing.encodedLength(payload.length, header))
  checkWritten(0, framing.encodeInto(frame, 0, payload, header), frame.length)
  return frame
}

/**
 * All payloads as frames, one behind the other, in one array. Every length is checked before the first byte is written.
 * Throws as `encode`.
 */
export function encodeAll(framing: Framing, payloads: Iterable<Uint8Array>): Uint8Array {
  const list = Array.isArray(payloads) ? (payloads as readonly Uint8Array[]) : [...payloads]
  let length = 0
  for (const payload of list) {
    checkBytes('payload', payload)
    length += framing.encodedLength(payload.length)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const payload of list) at = framing.encodeInto(bytes, at, payload)
  checkWritten(0, at, length)
  return bytes
}

/**
 * Only what stands in front of a payload of that many bytes, for callers who write the payload themselves. Throws
 * FRAME_TOO_LONG, and TypeError for a framing that has no header of its own, such as a delimiter.
 */
export function encodeHeader(framing: Framing, payloadLength: number, header?: Uint8Array): Uint8Array {
  if (framing.encodeHeaderInto === undefined) throw new TypeError('this framing cannot write its header alone')
  checkByteCount('payloadLength', payloadLength, 0)
  const bytes = new Uint8Array(framing.encodedLength(payloadLength, header) - payloadLength)
  return bytes.subarray(0, framing.encodeHeaderInto(bytes, 0, payloadLength, header))
}
