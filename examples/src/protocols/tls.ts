// TLS records: what a proxy or a sniffer cuts a TLS stream into, without a key.
//
//   | type u8 | version u16 | length u16 | fragment |      handed out with its header
//
// Source: RFC 8446 section 5.1 and 5.2, RFC 5246 section 6.2. The limit counts the fragment: 2^14 of plaintext, and
// encrypted up to 256 more in TLS 1.3, up to 2048 more in TLS 1.2.

import { type Framing, lengthField } from '@framewire/codec'

export function tlsRecords(version: '1.2' | '1.3' = '1.3'): Framing {
  const header = { lengthFieldOffset: 3, lengthFieldLength: 2, headerLength: 5, stripHeader: false } as const
  return lengthField({ ...header, maxFrameLength: 2 ** 14 + (version === '1.3' ? 256 : 2048) })
}
