// MySQL and MariaDB: packets of at most 16 MiB - 1; a payload of exactly that many bytes goes on in the next packet.
//
//   | length u24 little endian | sequence u8 | payload |      handed out with its header
//
// Source: MySQL source code documentation, "MySQL Packets". The limit counts the payload of one packet; joining packets
// of one message, and a limit for that, belong to the layer above.

import { type Framing, lengthField } from '@framewire/codec'

export const mysqlPackets: Framing = lengthField({
  lengthFieldLength: 3,
  byteOrder: 'little',
  headerLength: 4,
  stripHeader: false,
  maxFrameLength: 0xff_ffff,
})

/** The header of a packet; the sequence starts at 0 with each command. */
export function packetHeader(sequence: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, sequence)
}
