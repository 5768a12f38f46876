// One end of a connection in memory, between the wire it sends on and the wire it reads from. It ends as a socket does: a
// destroyed end still sends what the kernel has, then FIN, or RST where something was left unread or comes later.

import type { ByteChannel } from './byte-channel.ts'
import type { Clock } from './clock.ts'
import type { MemoryWire } from './memory-wire.ts'

export class MemoryChannel implements ByteChannel {
  onData: (chunk: Uint8Array) => void = ignore
  onEnd: () => void = ignore
  onDrain: () => void = ignore
  onClose: (error?: Error) => void = ignore
  /** Told of all that this end sees, for a trace. */
  onEvent: (what: string, amount: number) => void = ignore
  readonly #clock: Clock
  readonly #out: MemoryWire
  readonly #in: MemoryWire
  #isBlocked = false // something did not leave at once: a drain is owed
  #hasEnded = false
  #hasSeenEnd = false
  #isPaused = false
  #isClosed = false
  #isScheduled = false

  constructor(clock: Clock, out: MemoryWire, incoming: MemoryWire) {
    this.#clock = clock
    this.#out = out
    this.#in = incoming
    out.onSent = () => this.#sent()
    incoming.onArrived = () => this.#schedule()
    incoming.onReset = () => this.break(socketError('ECONNRESET', 'read'))
    incoming.onUnwanted = () => out.reset()
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get bufferedLength(): number {
    return this.#out.heldLength
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#isClosed) return false
    if (this.#hasEnded) throw new Error('write after end')
    this.#out.push(chunks)
    this.#isBlocked ||= this.#out.heldLength > 0
    return this.#out.heldLength === 0
  }

  end(): void {
    if (this.#isClosed || this.#hasEnded) return
    this.#hasEnded = true
    this.#out.end()
    this.#schedule()
  }

  destroy(): void {
    if (this.#isClosed) return
    this.#out.abandon()
    if (this.#in.arrivedLength > 0) this.#out.reset()
    else this.#out.end()
    this.#close('destroyed', undefined)
  }

  /** The way to the peer is lost, as far as this end can tell; the peer is told nothing. */
  break(error: Error): void {
    if (this.#isClosed) return
    this.#out.abandon()
    this.#close('broken', error)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    this.#clock.setImmediate(() => {
      this.#isScheduled = false
      this.#read()
    })
  }

  #read(): void {
    if (this.#isClosed || (this.#isPaused && !this.#hasSeenEnd)) return
    if (this.#in.arrivedLength > 0) {
      const chunk = this.#in.read()
      this.onEvent('reads', chunk.length)
      this.#schedule()
      this.onData(chunk)
    } else if (this.#in.isAtEnd && !this.#hasSeenEnd) {
      this.#hasSeenEnd = true
      this.onEvent('reads the end', -1)
      this.#schedule()
      this.onEnd()
    } else if (this.#hasSeenEnd && this.#hasEnded && this.#out.hasSentEnd && this.#out.heldLength === 0) {
      this.#close('closes', undefined)
    }
  }

  #sent(): void {
    if (this.#hasSeenEnd) this.#schedule()
    if (!this.#isBlocked || this.#isClosed) return
    this.#isBlocked = false
    const tell = (): void => {
      if (this.#isClosed) return
      this.onEvent('drains', -1)
      this.onDrain()
    }
    const delayMs = this.#out.drainDelayMs()
    if (delayMs > 0) this.#clock.setTimeout(tell, delayMs)
    else this.#clock.setImmediate(tell)
  }

  #close(what: string, error: Error | undefined): void {
    // What happens on the way out may have closed it already.
    if (this.#isClosed) return
    this.#isClosed = true
    this.#in.isUnread = true
    this.onEvent(what, -1)
    this.#clock.setImmediate(() => this.onClose(error))
  }
}

/** An error as Node's sockets have it. */
export function socketError(code: string, action: string): Error {
  return Object.assign(new Error(`${action} ${code}`), { code })
}

function ignore(): void {}
