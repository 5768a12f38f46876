// NUL-terminated strings: XMLSocket of Flash, `find -print0`, `git -z`, netcat -0.
//
//   | text without NUL | 0x00 |
//
// Source: ActionScript 3 reference, XMLSocket ("terminated by a zero byte"); POSIX find -print0. The limit counts the text.

import { delimiter, type Framing } from '@framewire/codec'

export function nulTerminated(maxFrameLength: number = 64 * 1024): Framing {
  return delimiter('\0', { maxFrameLength })
}
