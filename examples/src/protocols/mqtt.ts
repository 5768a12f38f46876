// MQTT: a type byte, then the length of the rest as a varint of at most four bytes.
//
//   | type u4, flags u4 | remaining length varint | variable header and payload |      handed out with its header
//
// Source: MQTT 5.0 sections 1.5.5 and 2.1, MQTT 3.1.1 section 2.2. The limit counts the remaining length; 1 MiB here,
// 268435455 is the most that four bytes say. A server announces its own as Maximum Packet Size.

import { type Framing, type LengthFieldOptions, lengthField } from '@framewire/codec'

const HEADER: LengthFieldOptions = { lengthFieldOffset: 1, lengthFieldLength: 'varint', maxVarintLength: 4 }

export function mqttPackets(maxFrameLength: number = 1024 * 1024): Framing {
  return lengthField({ ...HEADER, stripHeader: false, maxFrameLength })
}

const stripped = lengthField(HEADER)

/** The parts of a packet as handed out. `header` = the byte in front of the length, for `encode`. */
export function splitPacket(packet: Uint8Array): { header: Uint8Array; payload: Uint8Array } {
  return { header: packet.subarray(0, 1), payload: packet.subarray(stripped.headerLength(packet, 0, packet.length)) }
}
