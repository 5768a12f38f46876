// Netstrings: the length in decimal digits, a colon, the bytes, a comma. QMTP and SCGI are made of them.
//
//   | digits | ":" | bytes | "," |
//
// Source: D. J. Bernstein, "Netstrings" (1997): no leading zero, 0 is "0:,". The limit counts the bytes between colon and
// comma. A missing comma ends the stream.

import type { Framing } from '@framewire/codec'
import { decimalLength } from './decimal-length.ts'

export function netstrings(maxFrameLength: number = 64 * 1024): Framing {
  return decimalLength({ separator: ':', terminator: ',', maxFrameLength })
}
