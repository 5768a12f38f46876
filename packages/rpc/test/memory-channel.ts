// Two ends of a pipe in memory. What one end writes is copied at once and arrives a turn later, cut at any byte: after
// how many bytes is the test's to say, so that a seed or a generated list cuts in the same way every time.

import type { ByteChannel, Connection, ConnectionOptions } from '@framewire/transport'
import { Connection as ConnectionSource } from '../../transport/src/connection.ts'

/** How many bytes the next chunk has at most; at least 1. */
export type Cut = () => number

export function memoryPair(cut: Cut): [MemoryChannel, MemoryChannel] {
  const pair: [MemoryChannel, MemoryChannel] = [new MemoryChannel(cut), new MemoryChannel(cut)]
  pair[0].peer = pair[1]
  pair[1].peer = pair[0]
  return pair
}

/** A whole chunk is whatever was written in a tick. */
export const UNCUT: Cut = () => Number.POSITIVE_INFINITY

/** The lengths, over and over. */
export function cutAt(lengths: readonly number[]): Cut {
  let turn = 0
  return () => Math.max(1, lengths[turn++ % lengths.length] ?? 1)
}

export class MemoryChannel implements ByteChannel {
  onData: (chunk: Uint8Array) => void = ignore
  onEnd: () => void = ignore
  onDrain: () => void = ignore
  onClose: (error?: Error) => void = ignore
  peer: MemoryChannel = this
  readonly bufferedLength = 0
  /** Every byte that this end has written. */
  written: Buffer = Buffer.alloc(0)
  readonly #cut: Cut
  #readLength = 0 // of what the peer has written
  #hasEnded = false
  #hasReadEnd = false
  #isPaused = false
  #isClosed = false
  #isScheduled = false

  constructor(cut: Cut) {
    this.#cut = cut
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#hasEnded) throw new Error('write after end')
    this.written = Buffer.concat([this.written, ...chunks])
    this.peer.#schedule()
    return true
  }

  end(): void {
    this.#hasEnded = true
    this.#schedule()
    this.peer.#schedule()
  }

  /** As a socket with unread data does it: what is on the way is lost, the other end sees a reset. */
  destroy(): void {
    this.#close(undefined)
    this.peer.#close(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#read()
    })
  }

  #read(): void {
    if (this.#isPaused || this.#isClosed) return
    const { written } = this.peer
    if (this.#readLength < written.length) {
      const start = this.#readLength
      this.#readLength = Math.min(written.length, start + this.#cut())
      this.#schedule()
      this.onData(new Uint8Array(written.subarray(start, this.#readLength)))
    } else if (this.peer.#hasEnded && !this.#hasReadEnd) {
      this.#hasReadEnd = true
      this.onEnd()
      this.#schedule()
      this.peer.#schedule()
    } else if (this.#hasReadEnd && this.peer.#hasReadEnd) {
      this.#close(undefined)
      this.peer.#close(undefined)
    }
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    setImmediate(() => this.onClose(error))
  }
}

/** A connection on one end. The package exports only its type, so the class comes from the sources. */
export function connectionOn(channel: ByteChannel, options: ConnectionOptions = {}): Connection {
  const ends = { local: { path: 'memory' }, remote: { path: 'memory' } }
  return new ConnectionSource(channel, options, ends) as unknown as Connection
}

function ignore(): void {}
