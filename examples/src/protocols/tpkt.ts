// TPKT, "ISO transport on top of TCP": under RDP, S7comm, H.323 and X.400.
//
//   | version u8, 3 | reserved u8 | length u16 of the whole | TPDU |
//
// Source: RFC 1006 section 6, RFC 2126 section 4.3. The limit counts the TPDU. Another version ends the stream.

import { type Framing, lengthField } from '@framewire/codec'
import { startingWith } from './constant-bytes.ts'

const plain = lengthField({ lengthFieldOffset: 2, lengthFieldLength: 2, lengthCounts: 'frame' })

export const tpktPackets: Framing = startingWith('TPKT version', Uint8Array.of(3), plain)
