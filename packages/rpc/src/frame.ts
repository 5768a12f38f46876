// Frames as the peer wrote them, field by field. Every length is checked against what is there before it is believed.

import { textOf } from './codec.ts'
import { ProtocolError } from './protocol-error.ts'
import { DETAILS, HEADER_LENGTH, MAGIC, MAJOR, NONE, NOT_PROCESSED, readU16, readU32 } from './wire.ts'

/** HELLO: "FWP1", u8 major, u8 minor, u16 n, n x (u16 id, u32 value), u16 metaLen, meta. */
export interface HelloFrame {
  major: number
  minor: number
  settings: Map<number, number>
}

/** OPEN: u32 timeoutMs, u8 encoding, u8 methodLen, method, u16 metaLen, meta, message. All `...At` are offsets in `bytes`. */
export interface OpenFrame {
  timeoutMs: number
  encoding: number
  methodAt: number
  methodEnd: number
  /** Where the message begins; undefined with NONE. */
  messageAt: number
  hasMessage: boolean
}

/** END: u8 code, u8 bits, u16 metaLen, meta, u16 msgLen, message, u8 nameLen, name, details. */
export interface EndFrame {
  code: number
  isNotProcessed: boolean
  message: string
  appName: string
  /** Where the details begin; they reach to the end of the frame. -1 without DETAILS. */
  detailsAt: number
}

const OPEN_FIXED = 8 // u32 timeoutMs, u8 encoding, u8 methodLen, u16 metaLen
const HELLO_FIXED = 10 // magic, u8 major, u8 minor, u16 count, u16 metaLen

export function readHello(bytes: Uint8Array, start: number, end: number): HelloFrame {
  let at = start + HEADER_LENGTH
  if (end - at < HELLO_FIXED) throw truncated('HELLO', start, end)
  for (let index = 0; index < MAGIC.length; index++) {
    if (bytes[at + index] !== MAGIC[index]) throw new ProtocolError('protocol error', 'HELLO without the magic "FWP1"')
  }
  const major = bytes[at + 4] as number
  const minor = bytes[at + 5] as number
  if (major < MAJOR) throw new ProtocolError('unsupported version', `major version ${major}, this side speaks ${MAJOR}`)
  const count = readU16(bytes, at + 6)
  at += 8
  if (end - at < count * 6 + 2) throw truncated('HELLO', start, end)
  const settings = new Map<number, number>()
  for (let index = 0; index < count; index++, at += 6) settings.set(readU16(bytes, at), readU32(bytes, at + 2))
  if (end - at - 2 < readU16(bytes, at)) throw truncated('HELLO', start, end)
  return { major, minor, settings }
}

/** Reads into `into`, one object for all OPENs of a connection. */
export function readOpen(into: OpenFrame, bytes: Uint8Array, start: number, end: number): void {
  const at = start + HEADER_LENGTH
  if (end - at < OPEN_FIXED) throw truncated('OPEN', start, end)
  into.timeoutMs = readU32(bytes, at)
  into.encoding = bytes[at + 4] as number
  into.methodAt = at + 6
  into.methodEnd = into.methodAt + (bytes[at + 5] as number)
  if (into.methodEnd + 2 > end) throw truncated('OPEN', start, end)
  into.messageAt = into.methodEnd + 2 + readU16(bytes, into.methodEnd)
  if (into.messageAt > end) throw truncated('OPEN', start, end)
  into.hasMessage = ((bytes[start + 1] as number) & NONE) === 0
}

export function readEnd(bytes: Uint8Array, start: number, end: number): EndFrame {
  let at = start + HEADER_LENGTH
  if (end - at < 7) throw truncated('END', start, end)
  const code = bytes[at] as number
  const bits = bytes[at + 1] as number
  at += 4 + readU16(bytes, at + 2)
  if (at + 2 > end) throw truncated('END', start, end)
  const messageEnd = at + 2 + readU16(bytes, at)
  if (messageEnd + 1 > end) throw truncated('END', start, end)
  const nameEnd = messageEnd + 1 + (bytes[messageEnd] as number)
  if (nameEnd > end) throw truncated('END', start, end)
  return {
    code,
    isNotProcessed: (bits & NOT_PROCESSED) !== 0,
    message: readText(bytes, at + 2, messageEnd),
    appName: readText(bytes, messageEnd + 1, nameEnd),
    detailsAt: (bits & DETAILS) === 0 ? -1 : nameEnd,
  }
}

/** Text of a control frame: malformed UTF-8 there is no fault of a call. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  try {
    return textOf(bytes, start, end)
  } catch {
    throw new ProtocolError('protocol error', 'malformed UTF-8 in the text of a frame')
  }
}

function truncated(type: string, start: number, end: number): ProtocolError {
  return new ProtocolError('protocol error', `${type} frame of ${end - start} bytes is shorter than its own fields say`)
}
