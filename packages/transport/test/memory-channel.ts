// Two ends of a pipe in memory that is as bad as TCP may be: what arrives is cut at any byte, little fits on the way, and
// drains come turns late. The same seed cuts in the same way.

import type { ByteChannel } from '../src/byte-channel.ts'
import { KiB, randomNumbers } from './messages.ts'

export function memoryPair(seed: number): [MemoryChannel, MemoryChannel] {
  const random = randomNumbers(seed)
  const pair: [MemoryChannel, MemoryChannel] = [new MemoryChannel(random), new MemoryChannel(random)]
  pair[0].peer = pair[1]
  pair[1].peer = pair[0]
  return pair
}

const CAPACITY = 64 * KiB

export class MemoryChannel implements ByteChannel {
  onData: (chunk: Uint8Array) => void = ignore
  onEnd: () => void = ignore
  onDrain: () => void = ignore
  onClose: (error?: Error) => void = ignore
  peer: MemoryChannel = this
  readonly #random: () => number
  #held: Uint8Array[] = [] // taken by reference
  #sent: Uint8Array = new Uint8Array(0) // with the kernel, a copy; the peer has not read it
  #hasEnded = false
  #hasSeenEnd = false
  #isPaused = false
  #isClosed = false
  #isScheduled = false

  constructor(random: () => number) {
    this.#random = random
  }

  get bufferedLength(): number {
    return this.#held.reduce((length, chunk) => length + chunk.length, 0)
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#hasEnded && !this.#isClosed) throw new Error('write after end')
    if (this.peer.#isClosed) this.#close(connectionReset())
    if (this.#isClosed) return false
    this.#held.push(...chunks)
    this.#fill()
    this.peer.#schedule()
    return this.#held.length === 0
  }

  end(): void {
    this.#hasEnded = true
    this.#schedule()
    this.peer.#schedule()
  }

  /** As with TCP the peer still reads what is on the way, then the end; a reset if this end leaves something unread. */
  destroy(): void {
    if (this.#isClosed) return
    const hasUnread = this.peer.#sent.length > 0 || this.peer.#held.length > 0
    this.#hasEnded = true
    this.#held = []
    this.#close(undefined)
    if (hasUnread) this.peer.#close(connectionReset())
    else this.peer.#schedule()
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
    const { peer } = this
    if (peer.#sent.length > 0) {
      const most = this.#random() < 0.3 ? Math.min(16, peer.#sent.length) : peer.#sent.length
      const count = 1 + Math.floor(this.#random() * most)
      const chunk = new Uint8Array(peer.#sent.subarray(0, count))
      peer.#sent = peer.#sent.subarray(count)
      peer.#refill()
      this.#schedule()
      this.onData(chunk)
    } else if (peer.#hasEnded && peer.#held.length === 0) this.#readEnd()
  }

  #readEnd(): void {
    if (!this.#hasSeenEnd) {
      this.#hasSeenEnd = true
      this.onEnd()
      this.#schedule()
    } else if (this.#hasEnded && (this.peer.#hasSeenEnd || this.peer.#isClosed)) {
      this.#close(undefined)
      this.peer.#close(undefined)
    }
  }

  /** Moves what fits; tells, some turns later, when nothing is left. */
  #refill(): void {
    if (this.#held.length === 0) return
    this.#fill()
    if (this.#held.length > 0) return
    const tell = (turns: number): void => {
      if (turns > 0) setImmediate(() => tell(turns - 1))
      else if (!this.#isClosed) this.onDrain()
    }
    tell(Math.ceil(this.#random() * 3))
  }

  #fill(): void {
    const fitting: Uint8Array[] = [this.#sent]
    let room = CAPACITY - this.#sent.length
    while (this.#held[0] !== undefined && room >= this.#held[0].length) {
      room -= this.#held[0].length
      fitting.push(this.#held.shift() as Uint8Array)
    }
    const [next] = this.#held
    if (next !== undefined && room > 0) {
      fitting.push(next.subarray(0, room))
      this.#held[0] = next.subarray(room)
    }
    this.#sent = new Uint8Array(Buffer.concat(fitting))
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    setImmediate(() => this.onClose(error))
  }
}

function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
}

function ignore(): void {}
