// Messages that arrived and were not taken yet, and the iterators that take them. Bounded in number and in bytes: at the
// bound the connection stops reading, so a slow reader slows the sender down instead of filling the memory.

import { abortedError, type TransportError } from './transport-error.ts'

/** What a queued message costs besides its bytes. */
const MESSAGE_OVERHEAD = 64
/** Taken messages leave the array in bulk, which keeps taking one constant time. */
const COMPACT_AT = 1024

export interface ReaderLimits {
  maxQueuedMessages: number
  maxQueuedBytes: number
}

export interface ReaderCallbacks {
  /** An iterator has taken a message. */
  onTaken: () => void
  /** The last iterator was left, at the end or before it. */
  onLeft: () => void
}

interface Waiting {
  iterator: AsyncIterator<Uint8Array>
  resolve: (result: IteratorResult<Uint8Array>) => void
  reject: (error: TransportError) => void
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

export class MessageReader {
  readonly #limits: ReaderLimits
  readonly #callbacks: ReaderCallbacks
  #messages: (Uint8Array | undefined)[] = [] // undefined: taken
  #head = 0
  #cost = 0
  #waiting: Waiting[] = []
  #iterators = 0
  #hasEnded = false
  #error: TransportError | undefined

  constructor(limits: ReaderLimits, callbacks: ReaderCallbacks) {
    this.#limits = limits
    this.#callbacks = callbacks
  }

  get length(): number {
    return this.#messages.length - this.#head
  }

  get hasReaders(): boolean {
    return this.#iterators > 0
  }

  /** At the bound: take no more from the peer. */
  get isFull(): boolean {
    return this.length >= this.#limits.maxQueuedMessages || this.#cost >= this.#limits.maxQueuedBytes
  }

  /** Half of the bound is free: reading does not stop and start for every message. */
  get hasRoom(): boolean {
    return this.length <= this.#limits.maxQueuedMessages / 2 && this.#cost <= this.#limits.maxQueuedBytes / 2
  }

  push(message: Uint8Array): void {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: message })
      return
    }
    this.#messages.push(message)
    this.#cost += message.length + MESSAGE_OVERHEAD
  }

  /** The oldest message, if there is one. */
  take(): Uint8Array | undefined {
    if (this.length === 0) return undefined
    const message = this.#messages[this.#head] as Uint8Array
    // A slot costs bytes, a message that is held in it up to the limit of a frame: a thousand of them have no bound.
    this.#messages[this.#head] = undefined
    this.#head++
    this.#cost -= message.length + MESSAGE_OVERHEAD
    if (this.#head === this.#messages.length || this.#head === COMPACT_AT) {
      this.#messages.splice(0, this.#head)
      this.#head = 0
    }
    return message
  }

  /** No more messages will come. With an error, iterators throw it after the last message. */
  end(error?: TransportError): void {
    this.#hasEnded = true
    this.#error ??= error
    const waiting = this.#waiting
    this.#waiting = []
    for (const { resolve, reject } of waiting) {
      if (this.#error === undefined) resolve(DONE)
      else reject(this.#error)
    }
  }

  /** One message, by an iterator that is left behind it. A message that came before the signal is not lost. */
  async next(signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    if (signal?.aborted) throw abortedError(signal, 'next')
    const iterator = this.iterate()
    const leave = (): void => void iterator.return?.()
    signal?.addEventListener('abort', leave, { once: true })
    try {
      const { done, value } = await iterator.next()
      if (!done) return value
    } finally {
      signal?.removeEventListener('abort', leave)
      leave()
    }
    if (signal?.aborted) throw abortedError(signal, 'next')
    return undefined
  }

  /** Counts as a reader that takes nothing, until it is released. */
  hold(): () => void {
    let isHeld = true
    this.#iterators++
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#iterators--
      if (this.#iterators === 0) this.#callbacks.onLeft()
    }
  }

  iterate(): AsyncIterableIterator<Uint8Array> {
    let release: (() => void) | undefined // one that nobody ever asked for a message takes none from the listeners
    let isOver = false
    const leave = (): void => {
      isOver = true
      release?.()
    }
    const iterator: AsyncIterableIterator<Uint8Array> = {
      next: async () => {
        if (isOver) return DONE
        release ??= this.hold()
        try {
          const result = await this.#next(iterator)
          if (result.done) leave()
          return result
        } catch (error) {
          leave()
          throw error
        }
      },
      return: async () => {
        this.#stopWaiting(iterator)
        leave()
        return DONE
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  #next(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> | IteratorResult<Uint8Array> {
    const message = this.take()
    if (message !== undefined) {
      this.#callbacks.onTaken()
      return { done: false, value: message }
    }
    if (this.#error !== undefined) throw this.#error
    if (this.#hasEnded) return DONE
    return new Promise((resolve, reject) => this.#waiting.push({ iterator, resolve, reject }))
  }

  /** An iterator that was left takes no message that comes later. */
  #stopWaiting(iterator: AsyncIterator<Uint8Array>): void {
    const isLeft = (waiting: Waiting): boolean => waiting.iterator === iterator
    for (const { resolve } of this.#waiting.filter(isLeft)) resolve(DONE)
    this.#waiting = this.#waiting.filter((waiting) => !isLeft(waiting))
  }
}
