// The bytes of the one frame that a chunk border split. Invariant: capacity follows the bytes received, never the length
// declared, so a peer that announces 4 MiB and goes silent costs a few bytes.

/** A released buffer up to this size serves the next split frame, of any decoder, so steady traffic allocates nothing. */
const MAX_SPARE = 256 * 1024
const LEAST_CAPACITY = 64

let spare: Uint8Array | undefined

export class CarryBuffer {
  bytes: Uint8Array = new Uint8Array(0)
  length = 0

  /** Appends `source[start, end)`. `total` = the whole frame if known: the buffer never grows past it. */
  append(source: Uint8Array, start: number, end: number, total: number): void {
    const length = this.length + end - start
    if (length > this.bytes.length) this.#grow(length, total)
    this.bytes.set(source.subarray(start, end), this.length)
    this.length = length
  }

  /** Drops the first bytes, in place. */
  dropFront(count: number): void {
    this.bytes.copyWithin(0, count, this.length)
    this.length -= count
  }

  /** Forgets the bytes. The buffer goes to the next frame that is split, or, if large, to the garbage collector. */
  release(): void {
    const { bytes } = this
    this.length = 0
    this.bytes = EMPTY
    if (bytes.length <= MAX_SPARE && bytes.length > (spare?.length ?? 0)) spare = bytes
  }

  #grow(received: number, total: number): void {
    const capacity = Math.max(
      received,
      Math.min(total || Number.POSITIVE_INFINITY, Math.max(2 * received, LEAST_CAPACITY)),
    )
    const old = this.bytes
    this.bytes = take(received, capacity)
    this.bytes.set(old.subarray(0, this.length))
  }
}

const EMPTY = new Uint8Array(0)

/** The spare buffer only for whoever has received a quarter of it: otherwise silent peers would pin it one by one. */
function take(received: number, capacity: number): Uint8Array {
  const candidate = spare
  if (candidate === undefined || candidate.length < received || candidate.length > 4 * received)
    return new Uint8Array(capacity)
  spare = undefined
  return candidate
}
