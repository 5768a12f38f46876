// A length in decimal ASCII digits up to a separator, in front of the payload: netstrings, syslog, NestJS, Redis. Strict: no
// sign, no leading zero, at most 15 digits, which is what a safe integer always holds.

import { defineFraming, type Framing, FramingError } from '@framewire/codec'

const MAX_DIGITS = 15

/** Bytes up to and with the separator, 0 while it has not arrived. Throws INVALID_LENGTH for what is no length. */
export function prefixLength(bytes: Uint8Array, start: number, end: number, separator: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    const count = at - start
    if (byte === separator && count > 0) return count + 1
    if (byte < 0x30 || byte > 0x39) throw new FramingError('INVALID_LENGTH', `byte ${byte} in a decimal length`)
    if (count === MAX_DIGITS) throw new FramingError('INVALID_LENGTH', `length of more than ${MAX_DIGITS} digits`)
    if (count === 1 && bytes[start] === 0x30) throw new FramingError('INVALID_LENGTH', 'length with a leading zero')
  }
  return 0
}

/** The number in a prefix of that many bytes, separator included. */
export function prefixValue(bytes: Uint8Array, start: number, length: number): number {
  let value = 0
  for (let at = start; at < start + length - 1; at++) value = value * 10 + (bytes[at] as number) - 0x30
  return value
}

export interface DecimalLengthOptions {
  /** One ASCII character behind the digits. */
  separator: string
  /** One ASCII character behind the payload; a frame without it ends the stream. */
  terminator?: string
  /** The most payload bytes, both directions. */
  maxFrameLength: number
}

/** Frames of digits, separator, payload and perhaps a terminator. */
export function decimalLength({ separator, terminator = '', maxFrameLength }: DecimalLengthOptions): Framing {
  const colon = separator.charCodeAt(0)
  const trailer = new TextEncoder().encode(terminator)
  const prefixFor = (payloadLength: number): string => `${payloadLength}${separator}`
  return defineFraming({
    maxFrameLength,
    trailer,
    measure(bytes, start, end) {
      const prefix = prefixLength(bytes, start, end, colon)
      if (prefix === 0) return 0
      return prefix + prefixValue(bytes, start, prefix) + trailer.length
    },
    headerLength: (bytes, start, length) => prefixLength(bytes, start, start + length, colon),
    encodedLength: (payloadLength) => prefixFor(payloadLength).length + payloadLength + trailer.length,
    encodeInto(target, at, payload) {
      const prefix = new TextEncoder().encode(prefixFor(payload.length))
      target.set(prefix, at)
      target.set(payload, at + prefix.length)
      return at + prefix.length + payload.length + trailer.length
    },
  })
}
