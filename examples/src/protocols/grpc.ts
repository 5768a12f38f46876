// gRPC messages inside the body of an HTTP/2 stream (or of gRPC-Web): DATA frames need not end where a message ends.
//
//   | compressed u8 | length u32 | message |      handed out with its header
//
// Source: grpc/grpc doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message". The limit counts the message as it is sent: 4 MiB,
// the default of gRPC implementations. What it may grow to when decompressed is another limit.

import { type Framing, lengthField } from '@framewire/codec'

export function grpcMessages(maxFrameLength: number = 4 * 1024 * 1024): Framing {
  return lengthField({ lengthFieldOffset: 1, headerLength: 5, stripHeader: false, maxFrameLength })
}
