// DNS over TCP: each message behind its length in two bytes; any number of queries on one connection.
//
//   | length u16 | DNS message |
//
// Source: RFC 1035 section 4.2.2, RFC 7766 section 8. The limit counts the DNS message: 65535, all the field can say.

import { type Framing, lengthField } from '@framewire/codec'

export const dnsMessages: Framing = lengthField({ lengthFieldLength: 2 })
