// What a network does to bytes: cuts them anywhere, and joins them again.

/** The bytes in pieces of the given lengths, over and over; a 0 is an empty chunk. */
export function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const sizes = lengths.some((length) => length > 0) ? lengths : [bytes.length]
  const chunks: Uint8Array[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = Math.min(bytes.length, at + (sizes[turn % sizes.length] as number))
    chunks.push(bytes.subarray(at, end))
    at = end
  }
  return chunks
}

/** All parts, one behind the other, in one array. */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
