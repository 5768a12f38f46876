// Cuts the floor's frames out of socket chunks: one flat loop, no object per frame, bytes copied only for a frame that
// straddles two chunks. A frame is u32 length of what follows, u32 id, payload, big endian. It trusts its peer: no limits.
// Invariant: between two pushes `#carry[0, #carried)` is the begun frame, and `#carried` is 0 when none is begun.

export const HEADER_BYTES = 8

/** Sees one frame: the payload is `bytes[start, end)`, which stays valid after the call. */
export type FrameVisitor = (id: number, bytes: Uint8Array, start: number, end: number) => void

export class FloorReader {
  readonly #visit: FrameVisitor
  #carry: Uint8Array = new Uint8Array(0)
  #carried = 0

  constructor(visit: FrameVisitor) {
    this.#visit = visit
  }

  push(chunk: Uint8Array): void {
    const visit = this.#visit
    const end = chunk.length
    let at = this.#carried === 0 ? 0 : this.#completeCarry(chunk)
    while (end - at >= HEADER_BYTES) {
      const frameEnd = at + 4 + readU32(chunk, at)
      if (frameEnd > end) break
      visit(readU32(chunk, at + 4), chunk, at + HEADER_BYTES, frameEnd)
      at = frameEnd
    }
    if (at < end) this.#beginCarry(chunk, at)
  }

  // A new buffer each time, since the visitor may keep views on it.
  #beginCarry(chunk: Uint8Array, at: number): void {
    const known = chunk.length - at >= HEADER_BYTES ? 4 + readU32(chunk, at) : HEADER_BYTES
    this.#carry = new Uint8Array(known)
    this.#carryUpTo(known, chunk, at)
  }

  /** Returns where the next frame begins in `chunk`. */
  #completeCarry(chunk: Uint8Array): number {
    let at = this.#carryUpTo(HEADER_BYTES, chunk, 0)
    if (this.#carried < HEADER_BYTES) return at
    const frameEnd = 4 + readU32(this.#carry, 0)
    if (this.#carry.length < frameEnd) this.#growCarry(frameEnd)
    at = this.#carryUpTo(frameEnd, chunk, at)
    if (this.#carried < frameEnd) return at
    this.#carried = 0
    this.#visit(readU32(this.#carry, 4), this.#carry, HEADER_BYTES, frameEnd)
    return at
  }

  #growCarry(length: number): void {
    const larger = new Uint8Array(length)
    larger.set(this.#carry)
    this.#carry = larger
  }

  #carryUpTo(target: number, chunk: Uint8Array, at: number): number {
    const taken = Math.max(0, Math.min(target - this.#carried, chunk.length - at))
    this.#carry.set(chunk.subarray(at, at + taken), this.#carried)
    this.#carried += taken
    return at + taken
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  const high = bytes[at] as number
  return (
    ((high << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}
