// A byte channel that a test drives by hand: the kernel takes what the test lets it take. What was not taken yet is held
// by reference, as a socket holds it, so a sender that reuses its memory too early puts wrong bytes on the wire.

import type { ByteChannel } from '../src/byte-channel.ts'

export class FakeChannel implements ByteChannel {
  onData: (chunk: Uint8Array) => void = ignore
  onEnd: () => void = ignore
  onDrain: () => void = ignore
  onClose: (error?: Error) => void = ignore
  /** How many buffers each call of `write` brought. */
  readonly writes: number[] = []
  /** How many bytes the kernel takes before it is full. */
  room: number
  hasEnded = false
  isPaused = false
  isDestroyed = false
  resumes = 0
  readonly #left: Uint8Array[] = []
  #held: Uint8Array[] = []

  constructor(room = Number.POSITIVE_INFINITY) {
    this.room = room
  }

  get bufferedLength(): number {
    return this.#held.reduce((length, chunk) => length + chunk.length, 0)
  }

  /** Every byte that is with the kernel. */
  get bytes(): Uint8Array {
    return Buffer.concat(this.#left)
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.hasEnded) throw new Error('write after end')
    if (this.#held.length > 0) throw new Error('write before drain')
    this.writes.push(chunks.length)
    this.#held.push(...chunks)
    this.#move()
    return this.#held.length === 0
  }

  /** The kernel takes so many bytes more. */
  take(count: number): void {
    const wasHolding = this.#held.length > 0
    this.room += count
    this.#move()
    if (wasHolding && this.#held.length === 0) this.onDrain()
  }

  end(): void {
    if (this.hasEnded) throw new Error('end after end')
    this.hasEnded = true
  }

  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    process.nextTick(() => this.onClose())
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.resumes++
  }

  /** Brings a chunk from the peer: a copy, since a chunk belongs to who receives it. */
  bring(chunk: Uint8Array): void {
    this.onData(new Uint8Array(chunk))
  }

  #move(): void {
    while (this.#held[0] !== undefined && (this.room > 0 || this.#held[0].length === 0)) {
      const chunk = this.#held[0]
      const taken = chunk.subarray(0, Math.min(this.room, chunk.length))
      this.#left.push(new Uint8Array(taken))
      this.room -= taken.length
      if (taken.length < chunk.length) this.#held[0] = chunk.subarray(taken.length)
      else this.#held = this.#held.slice(1)
    }
  }
}

function ignore(): void {}
