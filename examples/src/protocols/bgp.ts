// BGP: sixteen bytes of ones, the length of the whole message, a type.
//
//   | marker, 16 x 0xff | length u16 | type u8 | message |      handed out with its header
//
// Source: RFC 4271 section 4.1 (19 to 4096 bytes), RFC 8654 (65535 once negotiated). The limit counts what follows the
// type. A wrong marker ends the stream: "Connection Not Synchronized", RFC 4271 section 6.1.

import { type Framing, lengthField } from '@framewire/codec'
import { startingWith } from './constant-bytes.ts'

const HEADER_LENGTH = 19
const MARKER = new Uint8Array(16).fill(0xff)

export function bgpMessages(maxMessageLength: number = 4096): Framing {
  const header = {
    lengthFieldOffset: 16,
    lengthFieldLength: 2,
    headerLength: HEADER_LENGTH,
    stripHeader: false,
  } as const
  const plain = lengthField({ ...header, lengthCounts: 'frame', maxFrameLength: maxMessageLength - HEADER_LENGTH })
  return startingWith('BGP marker', MARKER, plain)
}

/** The header of a message: 1 OPEN, 2 UPDATE, 3 NOTIFICATION, 4 KEEPALIVE. */
export function messageHeader(type: number): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH)
  header.set(MARKER)
  header[18] = type
  return header
}
