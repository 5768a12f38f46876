// ttrpc, the RPC of containerd: small frames with stream ids on one connection.
//
//   | data length u32 | stream id u32 | type u8 | flags u8 | data |      handed out with its header
//
// Source: containerd/ttrpc PROTOCOL.md, "Message Frame". The limit counts the data: 4 MiB.

import { type Framing, lengthField } from '@framewire/codec'

export function ttrpcFrames(maxFrameLength: number = 4 * 1024 * 1024): Framing {
  return lengthField({ headerLength: 10, stripHeader: false, maxFrameLength })
}

/** The header of a frame: type 1 request, 2 response, 3 data. */
export function frameHeader(streamId: number, type: number, flags: number = 0): Uint8Array {
  const header = new Uint8Array(10)
  new DataView(header.buffer).setUint32(4, streamId)
  header.set([type, flags], 8)
  return header
}
