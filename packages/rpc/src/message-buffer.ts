// Bytes of messages that have arrived and that nobody has taken yet, of one stream: whole messages, and the fragments of
// the one that still comes. Large fragments are views on what they came in until the last one is there, then all of them
// are copied once. Invariant: memory follows the bytes received, within twice or 32 KiB; the connection counts it.

import type { Keeper } from './message.ts'
import { RpcError } from './rpc-error.ts'

/** What the messages of a connection that nobody has taken may hold together. */
export class Memory {
  #used = 0
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get used(): number {
    return this.#used
  }

  hasRoom(bytes: number): boolean {
    return this.#used + bytes <= this.#limit
  }

  /** Throws RESOURCE_EXHAUSTED above the limit. Negative gives back. */
  take(bytes: number, notProcessed = false): void {
    if (bytes > 0 && !this.hasRoom(bytes)) {
      const text = `messages hold ${this.#used} bytes, ${bytes} more exceed maxBuffered ${this.#limit}`
      throw new RpcError('RESOURCE_EXHAUSTED', text, { notProcessed })
    }
    this.#used += bytes
  }
}

/** What a queued message costs besides its bytes. */
const MESSAGE_OVERHEAD = 16
/** Lengths of taken messages leave the array in bulk, which keeps taking one constant time. */
const COMPACT_AT = 1024
const EMPTY = new Uint8Array(0)
/** What a small message that the application keeps may pin. */
const BLOCK_LENGTH = 16 * 1024
const MOST_LEAST = 32 * 1024
/** Pieces from here on stay where they arrived until their message is whole: a buffer that grows would copy them twice. */
const LEAST_PIECE = 32 * 1024

export class MessageBuffer {
  /** The messages, one after the other. */
  bytes: Uint8Array = EMPTY
  readonly #memory: Memory
  readonly #maxMessage: number
  #lengths: number[] = []
  #head = 0 // lengths[head] is of the oldest message
  #start = 0
  #end = 0
  #partial = 0 // bytes of the message that is not whole
  #pieces: Uint8Array[] = [] // all of them, as long as every piece was large
  #least = 0 // bytes to begin with: what the last messages filled, so that a stream does not grow again with each chunk
  #block: Uint8Array = EMPTY // a copy of bytes[blockStart...], shared by the small messages in it
  #blockStart = 0

  constructor(memory: Memory, maxMessage: number) {
    this.#memory = memory
    this.#maxMessage = maxMessage
  }

  get hasMessage(): boolean {
    return this.#head < this.#lengths.length
  }

  get isEmpty(): boolean {
    return this.#start === this.#end && this.#pieces.length === 0 && !this.hasMessage
  }

  /** Adds a piece of the message that comes. Throws RESOURCE_EXHAUSTED above either limit. */
  append(keeper: Keeper, bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    const length = this.#partial + end - start
    checkLength(length, this.#maxMessage)
    if (!isLast && end - start >= LEAST_PIECE && (this.#partial === 0 || this.#pieces.length > 0)) {
      this.#memory.take(end - start)
      this.#pieces.push(keeper.keep(bytes, start, end))
      this.#partial = length
      return
    }
    if (this.#pieces.length > 0) this.#join(length)
    this.#reserve(end - start)
    this.bytes.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start), this.#end)
    this.#end += end - start
    this.#partial = length
    if (!isLast) return
    this.#memory.take(MESSAGE_OVERHEAD)
    this.#lengths.push(length)
    this.#partial = 0
  }

  /** The oldest message: `use` gets where it stands in `bytes`, good until it returns, or for ever if it is kept. */
  take<T>(use: (start: number, end: number) => T): T {
    const start = this.#start
    this.#start += this.#lengths[this.#head++] as number
    this.#memory.take(-MESSAGE_OVERHEAD)
    if (this.#head >= COMPACT_AT) this.#head -= this.#lengths.splice(0, COMPACT_AT).length
    try {
      return use(start, this.#start)
    } finally {
      if (this.isEmpty) {
        this.#least = Math.min(this.bytes.length, MOST_LEAST)
        this.clear()
      }
    }
  }

  /**
   * A message for the application to keep: the buffer itself if that is no more than twice its size, else a copy, which small
   * neighbours share: to make one costs as much as 8 KiB.
   */
  keep(bytes: Uint8Array, start: number, end: number): Uint8Array {
    if (this.isEmpty && (end - start) * 2 >= bytes.length) return bytes.subarray(start, end)
    if (end - start > BLOCK_LENGTH) return new Uint8Array(bytes.subarray(start, end))
    if (start < this.#blockStart || end > this.#blockStart + this.#block.length) {
      this.#blockStart = start
      this.#block = new Uint8Array(bytes.subarray(start, Math.min(start + BLOCK_LENGTH, this.#end)))
    }
    return new Uint8Array(this.#block.buffer, start - this.#blockStart, end - start)
  }

  clear(): void {
    this.#block = EMPTY
    this.#memory.take(-this.bytes.length - MESSAGE_OVERHEAD * (this.#lengths.length - this.#head))
    this.bytes = EMPTY
    this.#takePieces()
    this.#lengths = []
    this.#head = this.#start = this.#end = this.#partial = 0
  }

  /** The pieces so far to where the message is going to stand, all `length` bytes of it. */
  #join(length: number): void {
    const pieces = this.#takePieces()
    this.#reserve(length)
    for (const piece of pieces) {
      this.bytes.set(piece, this.#end)
      this.#end += piece.length
    }
  }

  #takePieces(): Uint8Array[] {
    const pieces = this.#pieces
    for (const piece of pieces) this.#memory.take(-piece.length)
    this.#pieces = []
    return pieces
  }

  #reserve(length: number): void {
    if (this.#end + length <= this.bytes.length) return
    const used = this.#end - this.#start
    // Half of it free: moving the rest costs no more than what was taken.
    const isRoomy = (used + length) * 2 <= this.bytes.length
    const next = isRoomy ? this.bytes : this.#grown(used, length)
    next.set(this.bytes.subarray(this.#start, this.#end))
    this.bytes = next
    this.#block = EMPTY
    this.#start = 0
    this.#end = used
  }

  #grown(used: number, length: number): Uint8Array {
    const least = used + length
    const most = Math.max(least, used * 2, this.#least)
    const size = this.#memory.hasRoom(most - this.bytes.length) ? most : least
    this.#memory.take(size - this.bytes.length)
    return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer)
  }
}

/** RESOURCE_EXHAUSTED for a message that is longer than this side takes. */
export function checkLength(length: number, maxMessage: number): void {
  if (length <= maxMessage) return
  throw new RpcError('RESOURCE_EXHAUSTED', `message of ${length} bytes or more exceeds maxMessage ${maxMessage}`)
}
