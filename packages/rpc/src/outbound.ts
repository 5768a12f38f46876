// The messages that leave on one stream: pulled from the application when they can leave, never earlier. A message may
// start while there is credit, and may overdraw it; the first needs none, so calls with one message know no credit.

import type { Message } from './message.ts'
import { ProtocolError } from './protocol-error.ts'
import type { Scheduler } from './scheduler.ts'
import { MAX_CREDIT } from './wire.ts'

/** Where an application's messages come from. */
export type Source = AsyncIterator<unknown> | Iterator<unknown>

export class Outbound {
  readonly #scheduler: Scheduler
  readonly #id: number
  readonly #onMessage: () => void
  #credit: number
  #isFirst = true
  #isSending = false // some of the last message waits in the scheduler
  #isStopped = false
  #wake: (() => void) | undefined
  #source: Source | undefined
  #left: Promise<unknown> | undefined // what the source said when it was left before its end

  /** `onMessage` is told of every message that leaves. */
  constructor(scheduler: Scheduler, id: number, credit: number, onMessage: () => void) {
    this.#scheduler = scheduler
    this.#id = id
    this.#credit = credit
    this.#onMessage = onMessage
  }

  get hasSent(): boolean {
    return !this.#isFirst
  }

  /** The peer takes so many bytes more; or fewer, when its HELLO says less than was assumed. */
  grant(bytes: number): void {
    this.#credit += bytes
    if (this.#credit > MAX_CREDIT) throw new ProtocolError('flow control', `credit of ${this.#credit} bytes`)
    this.onUnblocked()
  }

  /**
   * Sends all that the source gives. True = it has ended; false = the stream was stopped first. Rejects with what the
   * source or `encode` throws. Whatever happens, the source has ended by then.
   */
  async sendAll(source: Source, encode: (value: unknown) => Message | Promise<Message>): Promise<boolean> {
    this.#source = source
    try {
      for (;;) {
        if (!this.#isReady) await this.#ready()
        if (this.#isStopped) break
        const next = await source.next()
        if (next.done === true) return !this.#isStopped
        if (this.#isStopped) break
        const message = encode(next.value)
        this.#write(message instanceof Promise ? await message : message)
      }
    } catch (error) {
      this.stop()
      await this.#left?.catch(() => {})
      throw error
    }
    await (this.#left ?? leave(source))
    return false
  }

  /** Nothing more is sent; the source is left, which runs its `finally`. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    const source = this.#source
    if (source?.return !== undefined) this.#left = leave(source)
    this.#left?.catch(() => {}) // told where `sendAll` waits for it
    this.#scheduler.drop(this.#id)
    this.#wake?.()
  }

  onSent(): void {
    this.#isSending = false
    this.onUnblocked()
  }

  onUnblocked(): void {
    if (this.#isReady) this.#wake?.()
    else if (this.#wake !== undefined && this.#scheduler.isBlocked) this.#scheduler.wait(this)
  }

  get #isReady(): boolean {
    return (this.#credit > 0 || this.#isFirst) && !this.#isSending && !this.#scheduler.isBlocked
  }

  async #ready(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      this.onUnblocked()
      if (this.#isStopped) resolve()
    })
    this.#wake = undefined
  }

  #write(message: Message): void {
    if (this.#isStopped) return
    if (message === undefined || message.length === 0) {
      throw new TypeError('a message of a stream has at least one byte')
    }
    this.#onMessage()
    this.#isFirst = false
    this.#isSending = true
    this.#credit -= typeof message === 'string' ? Buffer.byteLength(message) : message.length
    if (this.#scheduler.data(this.#id, 0, message, this)) this.#isSending = false
  }
}

async function leave(source: Source): Promise<void> {
  await source.return?.()
}
