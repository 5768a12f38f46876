// HTTP/2: the client's preface once, then frames in both directions.
//
//   | "PRI * HTTP/2.0" CRLF CRLF "SM" CRLF CRLF |                                 24 bytes, from the client
//   | length u24 | type u8 | flags u8 | stream u31 | payload |                    handed out with its header
//
// Source: RFC 9113 sections 3.4 and 4.1. The limit counts the payload: SETTINGS_MAX_FRAME_SIZE, which the receiver sets.

import { type Framing, lengthField } from '@framewire/codec'
import { constantFrame } from './constant-bytes.ts'

export const http2Preface: Framing = constantFrame('HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** What follows the preface: `decoder.setFraming(http2Frames())`, and again once a larger size is acknowledged. */
export function http2Frames(maxFrameSize: number = 16_384): Framing {
  return lengthField({ lengthFieldLength: 3, headerLength: 9, stripHeader: false, maxFrameLength: maxFrameSize })
}

/** The header of a frame; the length is filled in by `encode`. */
export function frameHeader(type: number, flags: number, streamId: number): Uint8Array {
  const header = new Uint8Array(9)
  header.set([type, flags], 3)
  new DataView(header.buffer).setUint32(5, streamId)
  return header
}
