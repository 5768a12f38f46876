// Bytes of messages that have arrived and that nobody has taken yet, of one stream: whole messages, side by side in
// blocks, and the fragments of the one that still comes. Large fragments are views on what they came in until the last one
// is there. Either is copied once: no byte of a block is written twice, so who takes a message may keep it where it stands.
// Invariant: memory follows the bytes received, within three times or 32 KiB; the connection counts it.

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
const NOTHING = new Uint8Array(0)
/** What a small message that the application keeps may pin. */
const BLOCK_LENGTH = 16 * 1024
/** Pieces from here on stay where they arrived until their message is whole: a buffer that grows would copy them twice. */
const LEAST_PIECE = 32 * 1024

interface Block {
  readonly bytes: Uint8Array
  /** Of its messages, and of what is there of the one that comes. */
  end: number
}

export class MessageBuffer implements Keeper {
  readonly #memory: Memory
  readonly #maxMessage: number
  #blocks: Block[] = [] // no message lies in two of them
  #lengths: number[] = []
  #head = 0 // lengths[head] is of the oldest message
  #start = 0 // where that begins, in the first block
  #partial = 0 // bytes of the message that is not whole, in the last block or in the pieces
  #pieces: Uint8Array[] = [] // all of them, as long as every piece was large
  #least = 0 // bytes to begin with: what the last messages filled

  constructor(memory: Memory, maxMessage: number) {
    this.#memory = memory
    this.#maxMessage = maxMessage
  }

  get hasMessage(): boolean {
    return this.#head < this.#lengths.length
  }

  get isEmpty(): boolean {
    return this.#partial === 0 && !this.hasMessage
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
    const block = this.#blockFor(length)
    block.bytes.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start), block.end)
    block.end += end - start
    this.#partial = length
    if (!isLast) return
    this.#memory.take(MESSAGE_OVERHEAD)
    this.#lengths.push(length)
    this.#partial = 0
  }

  /** The oldest message: `use` gets where it stands. */
  take<T>(use: (bytes: Uint8Array, start: number, end: number) => T): T {
    const start = this.#start
    const end = start + (this.#lengths[this.#head++] as number)
    this.#start = end
    this.#memory.take(-MESSAGE_OVERHEAD)
    if (this.#head >= COMPACT_AT) this.#head -= this.#lengths.splice(0, COMPACT_AT).length
    const [block] = this.#blocks
    if (block?.end === end) this.#drop(0)
    return use(block?.bytes ?? NOTHING, start, end)
  }

  /** A message for the application to keep: a view, if what that pins is small or no more than twice its size, else a copy. */
  keep(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start
    if (bytes.length <= BLOCK_LENGTH || length * 2 >= bytes.length) return new Uint8Array(bytes.buffer, start, length)
    return bytes.slice(start, end)
  }

  clear(): void {
    while (this.#blocks.length > 0) this.#drop(0)
    this.#takePieces()
    this.#memory.take(-MESSAGE_OVERHEAD * (this.#lengths.length - this.#head))
    this.#lengths = []
    this.#head = this.#partial = 0
  }

  /** Where the message that comes goes on, of which `length` bytes are known by now. What came before stands there already. */
  #blockFor(length: number): Block {
    const last = this.#blocks.at(-1)
    const pieces = this.#takePieces()
    const before = pieces.length > 0 ? 0 : this.#partial
    // A long message shares its block with none that begins behind it: it would pin the whole.
    const isOpen = pieces.length === 0 && last !== undefined && (before > 0 || last.bytes.length <= BLOCK_LENGTH)
    if (isOpen && last.bytes.length - last.end >= length - before) return last
    const longer = Math.min(2 * (last?.bytes.length ?? 0), BLOCK_LENGTH)
    if (last !== undefined) pieces.push(this.#takeBack(last, before))
    const next = this.#add(length, Math.max(2 * before, longer, this.#least))
    for (const piece of pieces) {
      next.bytes.set(piece, next.end)
      next.end += piece.length
    }
    return next
  }

  /** The last bytes of the last block, which goes if nothing else is in it. */
  #takeBack(last: Block, length: number): Uint8Array {
    last.end -= length
    const index = this.#blocks.length - 1
    if (last.end === (index === 0 ? this.#start : 0)) this.#drop(index)
    return last.bytes.subarray(last.end, last.end + length)
  }

  /** A block of `most` bytes if there is memory for it, of at least `length` in any case. */
  #add(length: number, most: number): Block {
    const size = this.#memory.hasRoom(most) ? Math.max(length, most) : length
    this.#memory.take(size)
    const block = { bytes: new Uint8Array(Buffer.allocUnsafeSlow(size).buffer), end: 0 }
    this.#blocks.push(block)
    return block
  }

  #drop(index: number): void {
    const [block] = this.#blocks.splice(index, 1) as [Block]
    this.#memory.take(-block.bytes.length)
    if (index === 0) this.#start = 0
    if (this.#blocks.length === 0) this.#least = Math.min(block.bytes.length, BLOCK_LENGTH)
  }

  #takePieces(): Uint8Array[] {
    const pieces = this.#pieces
    for (const piece of pieces) this.#memory.take(-piece.length)
    this.#pieces = []
    return pieces
  }
}

/** RESOURCE_EXHAUSTED for a message that is longer than this side takes. */
export function checkLength(length: number, maxMessage: number): void {
  if (length <= maxMessage) return
  throw new RpcError('RESOURCE_EXHAUSTED', `message of ${length} bytes or more exceeds maxMessage ${maxMessage}`)
}
