// Buffers into which small messages are encoded side by side, so that one write carries all of a tick: 10x cheaper than
// a write a message. Slabs are lent: a connection holds one only while it has bytes to send. There are two lengths, so that
// thousands of connections with a message each in the same tick take megabytes and not hundreds of them.

/** Bytes of a slab for ticks that gather little. */
export const SMALL_SLAB: number = 2 * 1024

/**
 * Bytes of one for all others: what one write carries at most without a second one. A message of 64 KiB, the length that
 * files and buffers are read in, has room in it with its headers.
 */
const LARGE_SLAB: number = 72 * 1024

/** Slabs that wait for the next senders; what comes back above that is left to the garbage collector. */
class Spares {
  readonly #length: number
  readonly #most: number
  readonly #slabs: Buffer[] = []

  constructor(length: number, most: number) {
    this.#length = length
    this.#most = most
  }

  take(): Buffer {
    return this.#slabs.pop() ?? Buffer.allocUnsafeSlow(this.#length)
  }

  give(slab: Buffer): void {
    if (slab.length === this.#length && this.#slabs.length < this.#most) this.#slabs.push(slab)
  }
}

/** 4 MiB and 1.1 MiB at most. */
const small = new Spares(SMALL_SLAB, 2_048)
const large = new Spares(LARGE_SLAB, 16)

/** An empty slab of at least `length` bytes, for a tick that gathers about `gathered`. Contents are unspecified. */
export function borrowSlab(length: number, gathered: number): Buffer {
  if (length > LARGE_SLAB) return Buffer.allocUnsafeSlow(length)
  return Math.max(length, gathered) <= SMALL_SLAB ? small.take() : large.take()
}

/** Gives a slab back whose bytes are all with the kernel. */
export function returnSlab(slab: Buffer): void {
  small.give(slab)
  large.give(slab)
}
