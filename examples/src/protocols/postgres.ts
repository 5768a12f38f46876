// PostgreSQL: a first packet without a type, then typed messages; the length counts itself but not the type.
//
//   | length i32 | code i32 | parameters |          startup, SSLRequest, CancelRequest
//   | type u8 | length i32 | contents |             everything after; handed out with its header
//
// Source: PostgreSQL documentation, "Message Flow" and "Message Formats". The limit counts what follows the length.

import { type Framing, fixedLength, lengthField } from '@framewire/codec'

/** What a client sends first. The server takes 10000 bytes behind the length (MAX_STARTUP_PACKET_LENGTH). */
export const startupPackets: Framing = lengthField({ lengthCounts: 'fromLengthField', maxFrameLength: 10_000 })

/** What the server answers to SSLRequest, before any message: one byte, `S` or `N`. */
export const sslAnswer: Framing = fixedLength(1)

/** Messages from then on, both directions: `decoder.setFraming(typedMessages())`. */
export function typedMessages(maxFrameLength: number = 64 * 1024 * 1024): Framing {
  const header = { lengthFieldOffset: 1, headerLength: 5, stripHeader: false }
  return lengthField({ ...header, lengthCounts: 'fromLengthField', maxFrameLength })
}

/** The header of a typed message, `Q` for a query; the length is filled in by `encode`. */
export function messageHeader(type: string): Uint8Array {
  return Uint8Array.of(type.charCodeAt(0), 0, 0, 0, 0)
}
