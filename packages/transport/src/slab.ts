// Buffers into which small messages are encoded side by side, so that one write carries all of a tick: 10x cheaper than
// a write a message. Slabs are lent: a connection holds one only while it has bytes to send.

/**
 * Bytes of a slab: what one write a tick carries at most without a second one. A message of 64 KiB, the length that files
 * and buffers are read in, has room in it with its headers.
 */
const SLAB_LENGTH: number = 72 * 1024

/** 1.1 MiB of slabs waits for the next senders; what comes back above that is left to the garbage collector. */
const MAX_SPARE = 16

const spare: Buffer[] = []

/** An empty slab of at least `length` bytes. Contents are unspecified. */
export function borrowSlab(length: number): Buffer {
  if (length > SLAB_LENGTH) return Buffer.allocUnsafeSlow(length)
  return spare.pop() ?? Buffer.allocUnsafeSlow(SLAB_LENGTH)
}

/** Gives a slab back whose bytes are all with the kernel. */
export function returnSlab(slab: Buffer): void {
  if (slab.length === SLAB_LENGTH && spare.length < MAX_SPARE) spare.push(slab)
}
