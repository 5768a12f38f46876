// Frames as the peer wrote them, field by field. Every length is checked against what is there before it is believed.

import { textOf } from './codec.ts'
import { checkMeta, Meta } from './meta.ts'
import { ProtocolError } from './protocol-error.ts'
import { DETAILS, HEADER_LENGTH, LAST, MAGIC, MAJOR, MORE, NONE, NOT_PROCESSED, readU16, readU32 } from './wire.ts'

/** HELLO: "FWP1", u8 major, u8 minor, u16 n, n x (u16 id, u32 value), u16 metaLen, meta. */
export interface HelloFrame {
  major: number
  minor: number
  settings: Map<number, number>
  meta: Meta
}

/** OPEN: u32 timeoutMs, u8 encoding, u8 methodLen, method, u16 metaLen, meta, message. All `...At` are offsets in `bytes`. */
export class OpenFrame {
  timeoutMs = 0
  encoding = 0
  methodAt = 0
  methodEnd = 0
  /** Where the metadata begins; it ends where the message begins. */
  metaAt = 0
  messageAt = 0
  hasMessage = false
}

/** END: u8 code, u8 bits, u16 metaLen, meta, u16 msgLen, message, u8 nameLen, name, details. */
export interface EndFrame {
  code: number
  isNotProcessed: boolean
  trailers: Meta
  /** In bytes. */
  trailersLength: number
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
  const metaEnd = at + 2 + readU16(bytes, at)
  if (metaEnd > end) throw truncated('HELLO', start, end)
  return { major, minor, settings, meta: readMeta(bytes, at + 2, metaEnd) }
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
  into.metaAt = into.methodEnd + 2
  into.messageAt = into.metaAt + readU16(bytes, into.methodEnd)
  if (into.messageAt > end) throw truncated('OPEN', start, end)
  if (into.messageAt > into.metaAt) checkMeta(bytes, into.metaAt, into.messageAt)
  into.hasMessage = ((bytes[start + 1] as number) & NONE) === 0
}

export function readEnd(bytes: Uint8Array, start: number, end: number): EndFrame {
  let at = start + HEADER_LENGTH
  if (end - at < 7) throw truncated('END', start, end)
  const code = bytes[at] as number
  const bits = bytes[at + 1] as number
  const metaAt = at + 4
  at = metaAt + readU16(bytes, at + 2)
  if (at + 2 > end) throw truncated('END', start, end)
  const messageEnd = at + 2 + readU16(bytes, at)
  if (messageEnd + 1 > end) throw truncated('END', start, end)
  const nameEnd = messageEnd + 1 + (bytes[messageEnd] as number)
  if (nameEnd > end) throw truncated('END', start, end)
  return {
    code,
    isNotProcessed: (bits & NOT_PROCESSED) !== 0,
    trailers: readMeta(bytes, metaAt, at),
    trailersLength: at - metaAt,
    message: readText(bytes, at + 2, messageEnd),
    appName: readText(bytes, messageEnd + 1, nameEnd),
    detailsAt: (bits & DETAILS) === 0 ? -1 : nameEnd,
  }
}

/** A copy: the chunk it stands in is not ours for long. */
export function readMeta(bytes: Uint8Array, start: number, end: number): Meta {
  if (start === end) return new Meta()
  checkMeta(bytes, start, end)
  return Meta.received(new Uint8Array(bytes.subarray(start, end)))
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

/**
 * What DATA may say. Empty fragments, and empty messages of a stream, cost work and carry nothing. `isInside`: a message has
 * begun and is not whole.
 */
export function checkData(
  id: number,
  flags: number,
  start: number,
  end: number,
  mayBeEmpty: boolean,
  isInside = false,
): void {
  const isPart = (flags & MORE) !== 0
  const hasNone = (flags & NONE) !== 0
  const fail = (what: string): never => {
    throw new ProtocolError('protocol error', `DATA of stream ${id} ${what}`)
  }
  if ((flags & LAST) !== 0) {
    if (isPart) fail('with LAST and MORE')
    if (hasNone && isInside) fail('ends inside a message')
  } else if (hasNone || (start === end && (isPart || !mayBeEmpty))) {
    fail(isPart ? 'with MORE is empty' : 'without LAST is empty')
  }
}
