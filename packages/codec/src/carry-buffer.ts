// The bytes of the one frame that a chunk border split. Invariant: capacity follows the bytes received, never the length
// declared, so a peer that announces 4 MiB and goes silent costs a few bytes.

import { checkBytes } from './framing.ts'

/** The largest buffer that is kept for the next split frame. */
const MAX_SPARE = 256 * 1024
const LEAST_CAPACITY = 64

/**
 * Released buffers, the last of each size from one power of two to the next, for split frames of any decoder: steady
 * traffic allocates nothing, be its frames small, large or both. Together they hold less than 768 KiB.
 */
const spares: (Uint8Array | undefined)[] = []

export class CarryBuffer {
  bytes: Uint8Array = EMPTY
  length = 0
  readonly #allocate: (length: number) => Uint8Array

  /** `allocate` makes a buffer; what stands in it does not matter. */
  constructor(allocate = (length: number): Uint8Array => new Uint8Array(length)) {
    this.#allocate = allocate
  }

  /** Appends `source[start, end)`. `total` = the whole frame if known: no new buffer is larger. */
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
    giveBack(this.bytes)
    this.leave()
  }

  /** Leaves the buffer to the caller, who keeps it: nobody else gets it. */
  leave(): void {
    this.length = 0
    this.bytes = EMPTY
  }

  #grow(received: number, total: number): void {
    const most = total || Number.POSITIVE_INFINITY
    const old = this.bytes
    const capacity = Math.max(received, LEAST_CAPACITY, Math.min(most, 2 * received))
    this.bytes = takeSpare(received, capacity, most) ?? this.#make(capacity)
    this.bytes.set(old.subarray(0, this.length))
    giveBack(old)
  }

  #make(capacity: number): Uint8Array {
    const bytes = this.#allocate(capacity)
    checkBytes('what allocate returns', bytes)
    if (bytes.length >= capacity) return bytes
    throw new RangeError(`allocate returned ${bytes.length} bytes where ${capacity} were asked for`)
  }
}

const EMPTY = new Uint8Array(0)

/**
 * A spare buffer of about that capacity, if there is one. It may be twice as large, which for nobody is more than four times
 * what was received: otherwise silent peers would pin the large ones. None is larger than the frame: it could not be left to
 * who keeps that.
 */
function takeSpare(received: number, capacity: number, most: number): Uint8Array | undefined {
  const size = sizeOf(capacity)
  const spare = spares[size]
  if (spare === undefined || spare.length < received || spare.length > most) return undefined
  spares[size] = undefined
  return spare
}

function giveBack(bytes: Uint8Array): void {
  if (bytes.length >= LEAST_CAPACITY && bytes.length <= MAX_SPARE) spares[sizeOf(bytes.length)] = bytes
}

/** Which power of two a length has reached. */
function sizeOf(length: number): number {
  return 31 - Math.clz32(length)
}
