// Redis serialization protocol: a frame is one item, a line or a bulk with its bytes; an array is the line with its count,
// its elements are the next frames. That keeps measuring flat; `redis-value.ts` builds values from items.
//
//   | type | text | CRLF |                         + simple string, - error, : integer, * array, the rest of RESP3
//   | type | digits | CRLF | bytes | CRLF |        $ bulk string, ! bulk error, = verbatim string; $-1 is null
//   | words | CRLF or LF |                         inline command: any other first byte
//
// Source: Redis "serialization protocol specification"; limits of redis.conf: proto-max-bulk-len counts the bytes of a bulk,
// lines are cut at 64 KiB. Items are handed out with their type, without the last line end.

import { defineFraming, encodeAll, type Framing, FramingError } from '@framewire/codec'
import { prefixLength, prefixValue } from './decimal-length.ts'

const CR = 13
const LF = 10
const MAX_LINE = 64 * 1024
/** Type, digits and CRLF in front of a bulk. */
const MAX_BULK_HEADER = 18
const TYPES = new Set(new TextEncoder().encode('+-:*_,#(%~>|'))
const BULKS = new Set(new TextEncoder().encode('$!='))
const encoder = new TextEncoder()

export function respItems(maxBulkLength: number = 512 * 1024 * 1024): Framing {
  return defineFraming({
    maxFrameLength: Math.max(maxBulkLength + MAX_BULK_HEADER, MAX_LINE),
    measure(bytes, start, end, seen) {
      if (isBulk(bytes, start, end)) return measureBulk(bytes, start, end, maxBulkLength)
      return measureLine(bytes, start, end, seen)
    },
    trailerLength: (bytes, start, length) => (length > 1 && bytes[start + length - 2] === CR ? 2 : 1),
    encodedLength: (payloadLength) => payloadLength + 2,
    encodeInto(target, at, payload) {
      checkItem(payload)
      target.set(payload, at)
      target.set([CR, LF], at + payload.length)
      return at + payload.length + 2
    },
  })
}

/** A command as an array of bulk strings, ready to be sent. */
export function encodeCommand(...words: (string | Uint8Array)[]): Uint8Array {
  const items = words.map((word) => bulkItem(typeof word === 'string' ? encoder.encode(word) : word))
  return encodeAll(respItems(), [encoder.encode(`*${words.length}`), ...items])
}

/** A bulk string as `respItems` hands it out and takes it. */
export function bulkItem(content: Uint8Array): Uint8Array {
  const header = encoder.encode(`$${content.length}\r\n`)
  const item = new Uint8Array(header.length + content.length)
  item.set(header)
  item.set(content, header.length)
  return item
}

/** A bulk with a length, not the null `$-1`, which is a line. */
function isBulk(bytes: Uint8Array, start: number, end: number): boolean {
  return end > start && BULKS.has(bytes[start] as number) && !(end > start + 1 && bytes[start + 1] === 0x2d)
}

/** Bytes in front of the content; 0 while they are not all there. */
function bulkHeaderLength(bytes: Uint8Array, start: number, end: number): number {
  const prefix = prefixLength(bytes, start + 1, end, CR)
  const length = 1 + prefix + 1
  if (prefix === 0 || start + length > end) return 0
  if (bytes[start + length - 1] === LF) return length
  throw new FramingError('INVALID_HEADER', 'RESP bulk length without CRLF')
}

function measureBulk(bytes: Uint8Array, start: number, end: number, maxBulkLength: number): number {
  const header = bulkHeaderLength(bytes, start, end)
  if (header === 0) return 0
  const content = prefixValue(bytes, start + 1, header - 2)
  const length = header + content + 2
  if (content > maxBulkLength) {
    const reason = `bulk of ${content} bytes exceeds proto-max-bulk-len ${maxBulkLength}`
    throw new FramingError('FRAME_TOO_LONG', reason, { length: content, limit: maxBulkLength, frameLength: length })
  }
  if (start + length > end) return 0 // the CRLF belongs to the answer
  if (bytes[start + length - 2] === CR && bytes[start + length - 1] === LF) return length
  throw new FramingError('INVALID_HEADER', `RESP bulk of ${content} bytes without CRLF`)
}

function measureLine(bytes: Uint8Array, start: number, end: number, seen: number): number {
  // Not bytes.indexOf: behind `end` stands what was there before, and looking through it each time is quadratic.
  const line = bytes.subarray(start, Math.min(end, start + MAX_LINE))
  const found = line.indexOf(LF, seen)
  if (found < 0) {
    if (line.length < MAX_LINE) return 0
    throw new FramingError('FRAME_TOO_LONG', `no line end within ${MAX_LINE} bytes`, { limit: MAX_LINE })
  }
  const isTyped = TYPES.has(line[0] as number) || BULKS.has(line[0] as number)
  if (isTyped && line[found - 1] !== CR) throw new FramingError('INVALID_HEADER', 'RESP line without CRLF')
  return found + 1
}

/** An item must come back as it is. */
function checkItem(item: Uint8Array): void {
  if (!isBulk(item, 0, item.length)) {
    if (!item.includes(LF) && item.at(-1) !== CR && item.length <= MAX_LINE - 2) return
    throw new FramingError('UNENCODABLE', `RESP line of ${item.length} bytes holds a line end or is too long`)
  }
  if (isWholeBulk(item)) return
  throw new FramingError('UNENCODABLE', `RESP bulk item of ${item.length} bytes does not have the length it says`)
}

function isWholeBulk(item: Uint8Array): boolean {
  try {
    const header = bulkHeaderLength(item, 0, item.length)
    return header > 0 && header + prefixValue(item, 1, header - 2) === item.length
  } catch {
    return false
  }
}
