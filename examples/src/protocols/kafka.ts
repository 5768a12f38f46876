// Apache Kafka: every request and response behind its size.
//
//   | size i32 | request or response |
//
// Source: Kafka protocol guide, "Protocol Primitive Types" and "Common Request and Response Structure". The limit counts
// what follows the size; 100 MiB is the broker's socket.request.max.bytes. A negative size is above every limit.

import { type Framing, lengthField } from '@framewire/codec'

export function kafkaMessages(maxFrameLength: number = 100 * 1024 * 1024): Framing {
  return lengthField({ maxFrameLength })
}
