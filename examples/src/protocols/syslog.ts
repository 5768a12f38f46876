// Syslog over TCP in its two framings; a receiver tells them apart by the first byte.
//
//   | digits | SP | message |      octet counting: the first byte is a digit; this is what is sent
//   | message | LF |               non-transparent: the first byte is "<", of the priority
//
// Source: RFC 6587 sections 3.4.1 and 3.4.2, RFC 5425 section 4.3. The limit counts the message; 8192 is what RFC 5425 asks
// receivers to take.

import { delimiter, type Framing } from '@framewire/codec'
import { decimalLength } from './decimal-length.ts'

const DEFAULT_MAX_MESSAGE = 8192

export function syslogCounted(maxFrameLength: number = DEFAULT_MAX_MESSAGE): Framing {
  return decimalLength({ separator: ' ', maxFrameLength })
}

export function syslogLines(maxFrameLength: number = DEFAULT_MAX_MESSAGE): Framing {
  return delimiter('\n', { maxFrameLength })
}

/** Reads both, as receivers do, frame by frame; writes octet counting. */
export function syslogMessages(maxFrameLength: number = DEFAULT_MAX_MESSAGE): Framing {
  const counted = syslogCounted(maxFrameLength)
  const lines = syslogLines(maxFrameLength)
  const framingAt = (bytes: Uint8Array, start: number): Framing => {
    const first = bytes[start] as number
    return first >= 0x30 && first <= 0x39 ? counted : lines
  }
  return {
    maxFrameLength: counted.maxFrameLength,
    measure: (bytes, start, end, seen) => framingAt(bytes, start).measure(bytes, start, end, seen),
    headerLength: (bytes, start, length) => framingAt(bytes, start).headerLength(bytes, start, length),
    trailerLength: (bytes, start, length) => framingAt(bytes, start).trailerLength(bytes, start, length),
    encodedLength: (payloadLength) => counted.encodedLength(payloadLength),
    encodeInto: (target, at, payload) => counted.encodeInto(target, at, payload),
  }
}
