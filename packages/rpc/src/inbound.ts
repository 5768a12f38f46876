// The messages that arrive on one stream, taken by the application at its pace: what it has not taken waits in a buffer
// that the peer's credit bounds. Either end reads a stream through it: `for await` pulls, leaving the loop leaves the
// stream. Invariant: every `next` settles exactly once; the error of a stream is thrown once, then the stream is over.

import type { Keeper } from './message.ts'
import { type Memory, MessageBuffer } from './message-buffer.ts'
import { ProtocolError } from './protocol-error.ts'

export interface InboundOptions {
  keeper: Keeper
  memory: Memory
  maxMessage: number
  /** Bytes the peer may send ahead. */
  window: number
  /** The value of a message, or a promise of it. What it throws is the error of the stream. */
  decode: (keeper: Keeper, bytes: Uint8Array, start: number, end: number) => unknown
  /** So many bytes were taken: the peer may send as many more. */
  grant: (bytes: number) => void
  /** The first message is asked for. */
  onFirst: () => void
  /** The application wants no more, or can not: `error` is what a message could not be decoded for. */
  onLeft: (error?: unknown) => void
}

type Result = IteratorResult<unknown, undefined>
interface Waiting {
  resolve: (result: Result | Promise<Result>) => void
  reject: (error: unknown) => void
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

export class Inbound implements AsyncGenerator<unknown, undefined, undefined> {
  readonly #options: InboundOptions
  readonly #buffer: MessageBuffer
  readonly #waiting: Waiting[] = []
  readonly #use: (bytes: Uint8Array, start: number, end: number) => Promise<Result> | Result
  #credit: number
  #taken = 0 // bytes taken and not granted yet
  #isFirst = true // of the messages
  #isInside = false // a message has begun and is not whole
  #hasStarted = false
  #hasEnded = false // nothing more comes from the peer
  #isLeft = false // nothing more is taken
  #failure: { error: unknown } | undefined

  constructor(options: InboundOptions) {
    this.#options = options
    this.#credit = options.window
    this.#buffer = new MessageBuffer(options.memory, options.maxMessage)
    this.#use = (bytes, start, end) => this.#value(this.#buffer, bytes, start, end)
  }

  /** Whether the peer has said that nothing more comes. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Whether nothing has come yet. */
  get isFresh(): boolean {
    return this.#isFirst && !this.#isInside
  }

  /** Whether a message has begun and is not whole. */
  get isInside(): boolean {
    return this.#isInside
  }

  /** A message or a piece of one. Throws ProtocolError, or RpcError when it is more than this side takes. */
  push(bytes: Uint8Array, start: number, end: number, isWhole: boolean): void {
    if (!this.#isInside && !this.#isFirst && this.#credit <= 0) {
      throw new ProtocolError('flow control', `a new message with a credit of ${this.#credit} bytes`)
    }
    this.#credit -= end - start
    this.#isFirst = false
    this.#isInside = !isWhole
    if (this.#isLeft) return
    const waiting = isWhole && this.#buffer.isEmpty ? this.#waiting.shift() : undefined
    if (waiting !== undefined) return waiting.resolve(this.#value(this.#options.keeper, bytes, start, end))
    this.#buffer.append(this.#options.keeper, bytes, start, end, isWhole)
    if (isWhole) this.#waiting.shift()?.resolve(this.#take())
  }

  /** The peer has sent its last message. */
  end(): void {
    this.#hasEnded = true
    for (const { resolve } of this.#waiting.splice(0)) resolve(DONE)
  }

  /** The stream has failed: thrown after the messages that have arrived, or instead of them. */
  fail(error: unknown, { discard }: { discard: boolean }): void {
    if (this.#hasEnded || this.#isLeft) return
    this.#failure = { error }
    if (discard) this.#buffer.clear()
    const first = this.#waiting.shift()
    if (first !== undefined) {
      this.#leave()
      first.reject(error)
    }
    this.end()
  }

  next(): Promise<Result> {
    if (!this.#hasStarted && !this.#isLeft) {
      this.#hasStarted = true
      this.#options.onFirst()
    }
    // What waits is taken without a function made for it: a fast stream comes this way with every message.
    if (this.#buffer.hasMessage) return Promise.resolve(this.#take())
    if (this.#failure && !this.#isLeft) {
      this.#leave()
      return Promise.reject(this.#failure.error)
    }
    if (this.#hasEnded || this.#isLeft) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    const isOpen = this.#hasStarted && !this.#hasEnded && !this.#isLeft
    this.#leave()
    if (isOpen) this.#options.onLeft()
    return DONE
  }

  async throw(error: unknown): Promise<never> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #leave(): void {
    this.#isLeft = true
    this.#buffer.clear()
    for (const { resolve } of this.#waiting.splice(0)) resolve(DONE)
  }

  #take(): Promise<Result> | Result {
    return this.#buffer.take(this.#use)
  }

  #value(keeper: Keeper, bytes: Uint8Array, start: number, end: number): Promise<Result> | Result {
    this.#taken += end - start
    if (!this.#hasEnded && this.#taken >= this.#options.window / 2) {
      this.#credit += this.#taken
      this.#options.grant(this.#taken)
      this.#taken = 0
    }
    try {
      const value = this.#options.decode(keeper, bytes, start, end)
      if (!(value instanceof Promise)) return { done: false, value }
      return value.then(
        (checked) => ({ done: false, value: checked }),
        (error) => this.#spoil(error),
      )
    } catch (error) {
      return this.#spoil(error)
    }
  }

  /** A message that can not be decoded ends the stream. */
  #spoil(error: unknown): Promise<never> {
    const isOpen = !this.#hasEnded && !this.#isLeft
    this.#leave()
    if (isOpen) this.#options.onLeft(error)
    return Promise.reject(error)
  }
}
