// AMQP 0-9-1: the protocol header once, then frames that end with an octet of their own.
//
//   | "AMQP" 0 0 9 1 |                                                  8 bytes, from the client
//   | type u8 | channel u16 | size u32 | payload | 0xce |               handed out whole
//
// Source: AMQP 0-9-1 sections 4.2.2 and 4.2.3. The limit counts the payload: the negotiated frame-max less the 8 bytes
// around it. A frame without its end octet ends the stream, as section 4.2.3 asks.

import { type Framing, lengthField } from '@framewire/codec'
import { constantFrame } from './constant-bytes.ts'

const FRAME_END = 0xce

export const protocolHeader: Framing = constantFrame('AMQP protocol header', 'AMQP\0\0\x09\x01')

/** What follows the protocol header: `decoder.setFraming(amqpFrames())`. 131072 is what RabbitMQ proposes. */
export function amqpFrames(frameMax: number = 131_072): Framing {
  const around = { lengthFieldOffset: 3, headerLength: 7, trailer: Uint8Array.of(FRAME_END), stripHeader: false }
  return lengthField({ ...around, maxFrameLength: frameMax - 8 })
}

/** The header of a frame: type 1 method, 2 content header, 3 body, 8 heartbeat. */
export function frameHeader(type: number, channel: number): Uint8Array {
  return Uint8Array.of(type, channel >> 8, channel, 0, 0, 0, 0)
}
