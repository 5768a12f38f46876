// The bytes that decoders get in the codec benchmark: frames of one size, one behind the other, cut into chunks as a
// socket would. Contenders have wires of their own, so each gets its frames in its own encoding.

export const CHUNK_LENGTH = 64 * 1024

/** At least this many bytes a pass, so that a pass takes milliseconds. */
const PASS_LENGTH = 8 * 1024 * 1024
const MOST_FRAMES = 100_000

export function framesFor(payloadLength: number): number {
  return Math.max(16, Math.min(MOST_FRAMES, Math.ceil(PASS_LENGTH / payloadLength)))
}

export function payloadOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 7)
}

/** `count` times the same frame, cut every `chunkLength` bytes: most frames straddle no chunk, or every one does. */
export function repeated(frame: Uint8Array, count: number, chunkLength: number = CHUNK_LENGTH): Uint8Array[] {
  const wire = Buffer.alloc(frame.length * count, frame)
  const chunks: Uint8Array[] = []
  for (let at = 0; at < wire.length; at += chunkLength) chunks.push(wire.subarray(at, at + chunkLength))
  return chunks
}
