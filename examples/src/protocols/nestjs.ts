// NestJS's TCP transport: JSON behind its length, which counts UTF-16 code units, not bytes: 9#{"a":"é"} has ten bytes.
//
//   | digits | "#" | JSON |
//
// Source: nestjs/nest packages/microservices/helpers/json-socket.ts. The limit counts bytes. Sending escapes what is not
// ASCII, so that both counts agree. A framing keeps no state, so other text is counted anew with each chunk that comes
// behind as many bytes as there are units: keep the limit low.

import { defineFraming, type Framing, FramingError, json, type MessageCodec, text } from '@framewire/codec'
import { prefixLength, prefixValue } from './decimal-length.ts'

const HASH = 0x23

export function nestjsMessages(maxFrameLength: number = 64 * 1024): Framing {
  return defineFraming({
    maxFrameLength,
    measure(bytes, start, end) {
      const prefix = prefixLength(bytes, start, end, HASH)
      if (prefix === 0) return 0
      const units = prefixValue(bytes, start, prefix)
      if (units > maxFrameLength) return prefix + units // refused at once: no fewer bytes than units
      if (prefix + units > end - start) return 0
      const body = bodyLength(bytes, start + prefix, end, units)
      return body < 0 ? 0 : prefix + body
    },
    headerLength: (bytes, start, length) => prefixLength(bytes, start, start + length, HASH),
    encodedLength: (payloadLength) => `${payloadLength}#`.length + payloadLength,
    encodeInto(target, at, payload) {
      if (payload.some((byte) => byte >= 0x80)) throw new FramingError('UNENCODABLE', 'NestJS payload is not ASCII')
      const prefix = text.encode(`${payload.length}#`)
      target.set(prefix, at)
      target.set(payload, at + prefix.length)
      return at + prefix.length + payload.length
    },
  })
}

/** JSON of ASCII characters only. */
export function asciiJson<T>(): MessageCodec<T> {
  const codec = json<T>()
  const escapeUnit = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return {
    encode: (message) => text.encode(text.decode(codec.encode(message)).replace(/[\u0080-\uffff]/g, escapeUnit)),
    decode: (payload) => codec.decode(payload),
  }
}

/** Bytes from `start` on that make so many units; -1 while the last character has not begun. */
function bodyLength(bytes: Uint8Array, start: number, end: number, units: number): number {
  if (units === 0) return 0
  let counted = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    counted += unitsOf(byte)
    if (counted === units) return at - start + bytesOf(byte)
    if (counted > units) throw new FramingError('INVALID_LENGTH', `length ${units} ends inside a surrogate pair`)
  }
  return -1
}

/** UTF-16 code units of the character that begins with this byte of UTF-8; a byte in the middle of one brings none. */
function unitsOf(byte: number): number {
  if ((byte & 0xc0) === 0x80) return 0
  return byte >= 0xf0 ? 2 : 1
}

/** Bytes of that character. */
function bytesOf(byte: number): number {
  if (byte < 0x80) return 1
  if (byte < 0xe0) return 2
  return byte < 0xf0 ? 3 : 4
}
