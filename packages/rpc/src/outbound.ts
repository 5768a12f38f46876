// The messages that leave on one stream: pulled from the application when they can leave, never earlier. A message may
// start while there is credit, and may overdraw it; the first needs none, so calls with one message know no credit.
// What has left may be kept until the other side gives a sign, to be sent again on another connection: the credit that
// the stream began with bounds it.

import type { Message } from './message.ts'
import { ProtocolError } from './protocol-error.ts'
import type { Scheduler } from './scheduler.ts'
import { MAX_CREDIT } from './wire.ts'

/** Where an application's messages come from. */
export type Source = AsyncIterator<unknown> | Iterator<unknown>

export interface OutboundOptions {
  source: Source
  encode: (value: unknown) => Message | Promise<Message>
  /** Told of every message that leaves. */
  onMessage: () => void
  /** Messages are kept until `confirm`. */
  isKept: boolean
}

export class Outbound {
  readonly #options: OutboundOptions
  #scheduler: Scheduler
  #id: number
  #credit: number
  readonly #messages: Exclude<Message, undefined>[] = [] // the first #sent of them have left and are kept
  #sent = 0
  #isKept: boolean
  #isFirst = true
  #isSending = false // some of the last message waits in the scheduler
  #isParked = false // there is no connection to send on
  #isStopped = false
  #isOver = false // the source has ended
  #isRunning = false
  #run = Promise.resolve(false)
  #failure: { error: unknown } | undefined
  #wake: (() => void) | undefined
  #left: Promise<unknown> | undefined // what the source said when it was left before its end

  constructor(scheduler: Scheduler, id: number, credit: number, options: OutboundOptions) {
    this.#scheduler = scheduler
    this.#id = id
    this.#credit = credit
    this.#options = options
    this.#isKept = options.isKept
  }

  get hasSent(): boolean {
    return !this.#isFirst
  }

  /** All that has left can be sent again. */
  get isMovable(): boolean {
    return this.#isKept
  }

  /** The other side has begun with the call: it is not made again. */
  confirm(): void {
    this.#isKept = false
    this.#messages.splice(0, this.#sent)
    this.#sent = 0
  }

  /** Sends nothing until it is bound to another connection. */
  park(): void {
    this.#isParked = true
    this.#scheduler.drop(this.#id)
  }

  /** Sends there from now on, from the first message on. */
  bind(scheduler: Scheduler, id: number, credit: number): void {
    this.#scheduler = scheduler
    this.#id = id
    this.#credit = credit
    this.#sent = 0
    this.#isFirst = true
    this.#isSending = this.#isParked = false
    this.onUnblocked()
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
  sendAll(): Promise<boolean> {
    if (!this.#isRunning) this.#run = this.#sendAll()
    return this.#run
  }

  async #sendAll(): Promise<boolean> {
    const { source, encode } = this.#options
    this.#isRunning = true
    try {
      while (!this.#isStopped) {
        this.#writeReady()
        if (this.#isOver && !this.#hasMessage && !this.#isSending) return true
        if (!this.#isReady) await this.#ready()
        else {
          const next = await source.next()
          this.#isOver = next.done === true
          if (this.#isStopped || this.#isOver) continue
          const message = encode(next.value)
          this.#add(message instanceof Promise ? await message : message)
        }
      }
      if (this.#failure !== undefined) throw this.#failure.error
    } catch (error) {
      this.stop()
      await this.#left?.catch(() => {})
      throw error
    } finally {
      this.#isRunning = false
    }
    await (this.#left ?? leave(source))
    return false
  }

  /** Nothing more is sent; the source is left, which runs its `finally`. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    const { source } = this.#options
    if (this.#isRunning && source.return !== undefined) this.#left = leave(source)
    this.#left?.catch(() => {}) // told where `sendAll` waits for it
    this.#scheduler.drop(this.#id)
    this.#wake?.()
  }

  onSent(): void {
    this.#isSending = false
    this.onUnblocked()
    if (this.#isOver) this.#wake?.() // the end needs no credit
  }

  onUnblocked(): void {
    // Of what is sent again, while the source is asked for more. Who waits writes itself.
    if (this.#wake === undefined) this.#writeAgain()
    if (this.#isReady) this.#wake?.()
    else if (this.#scheduler.isBlocked) this.#scheduler.wait(this)
  }

  get #hasMessage(): boolean {
    return this.#sent < this.#messages.length
  }

  get #isReady(): boolean {
    if (this.#isStopped || this.#isParked || this.#isSending || this.#scheduler.isBlocked) return false
    return this.#credit > 0 || this.#isFirst
  }

  async #ready(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      this.onUnblocked()
      if (this.#isStopped) resolve()
    })
    this.#wake = undefined
  }

  #add(message: Message): void {
    if (message === undefined || message.length === 0) {
      throw new TypeError('a message of a stream has at least one byte')
    }
    // The bytes are the application's again when it is asked for more.
    this.#messages.push(this.#isKept && typeof message !== 'string' ? new Uint8Array(message) : message)
  }

  /** What it throws fails this stream only, as soon as the source has given what it is asked for. */
  #writeAgain(): void {
    try {
      this.#writeReady()
    } catch (error) {
      this.#failure = { error }
      this.stop()
    }
  }

  #writeReady(): void {
    while (this.#hasMessage && this.#isReady) this.#write()
  }

  #write(): void {
    const message = this.#messages[this.#sent] as string | Uint8Array
    if (this.#isKept) this.#sent++
    else this.#messages.shift()
    this.#options.onMessage()
    this.#isFirst = false
    this.#isSending = true
    this.#credit -= typeof message === 'string' ? Buffer.byteLength(message) : message.length
    if (this.#scheduler.data(this.#id, 0, message, this)) this.#isSending = false
  }
}

async function leave(source: Source): Promise<void> {
  await source.return?.()
}
