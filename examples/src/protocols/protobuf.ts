// Protocol Buffers "delimited" (writeDelimitedTo, parseDelimitedFrom) and libp2p: a message behind its length as varint.
//
//   | length varint | message |
//
// Source: protobuf documentation "Techniques: Streaming Multiple Messages"; libp2p specs "connections" and multiformats
// unsigned-varint (minimal, at most nine bytes). The limit counts the message.

import { type Framing, lengthField } from '@framewire/codec'

/** The length is an int32 in every implementation of protobuf: five bytes. */
export function protobufMessages(maxFrameLength: number = 4 * 1024 * 1024): Framing {
  return lengthField({ lengthFieldLength: 'varint', maxVarintLength: 5, maxFrameLength })
}

/** multistream-select, spoken before any protocol of libp2p: short lines with a length in front. */
export const multistreamMessages: Framing = protobufMessages(1024)
