// One message connection: messages in, messages out, over any byte channel. It owns the decoder, the two queues and the
// one close path that settles everything which waits. It never emits 'error': the cause of a close stands in CloseInfo.
//
//   open --close(), peer's end read--> closing --both directions ended, deadline--> closed
//   open, closing ------------------------destroy(), failure, reset---------------> closed

import { EventEmitter } from 'node:events'
import type { FrameVisitor } from '@framewire/codec'
import type { ByteChannel } from './byte-channel.ts'
import type { Timer } from './clock.ts'
import type { Endpoint } from './endpoint.ts'
import { type CheckedOptions, type ConnectionOptions, checkMilliseconds, checkOptions } from './options.ts'
import { type ConnectionStats, Receiver } from './receiver.ts'
import { SendQueue } from './send-queue.ts'
import { abortedError, callbackError, TransportError, toTransportError } from './transport-error.ts'
import { WaitList } from './wait-list.ts'

export type ConnectionState = 'connecting' | 'open' | 'closing' | 'closed'

/** How a connection ended. */
export interface CloseInfo {
  /** Who ended it first. */
  initiator: 'local' | 'peer'
  /** Why it ended badly; undefined after a clean end. */
  error: TransportError | undefined
  /** Bytes that `send` accepted and that did not reach the kernel. */
  unsentBytes: number
}

interface ConnectionEvents {
  message: [message: Uint8Array]
  drain: []
  close: [info: CloseInfo]
}

let nextId = 1

/** Bytes handed to the kernel between two turns of the event loop, while a sender waits for 'drain'. */
const YIELD_AFTER = 1024 * 1024

export class Connection extends EventEmitter<ConnectionEvents> implements AsyncDisposable {
  /** Unique within the process, in order of making. */
  readonly id: number = nextId++
  readonly local: Endpoint
  readonly remote: Endpoint
  /** Resolves once everything is over; never rejects. */
  readonly closed: Promise<CloseInfo>
  readonly #channel: ByteChannel
  readonly #options: CheckedOptions
  readonly #sends: SendQueue
  readonly #receiver: Receiver
  readonly #waits = new WaitList()
  #resolveClosed: (info: CloseInfo) => void = () => {}
  #state: ConnectionState = 'open'
  #initiator: CloseInfo['initiator'] = 'local'
  #error: TransportError | undefined
  #unsentBytes = 0
  #needsDrain = false
  #isYielding = false
  #yieldedAt = 0 // bytes handed over when the event loop last got its turn
  #hasSentEnd = false
  #hasPeerEnded = false
  #closeTimer: Timer | undefined
  #closeDeadline = Number.POSITIVE_INFINITY

  constructor(channel: ByteChannel, options: ConnectionOptions, ends: { local: Endpoint; remote: Endpoint }) {
    super({ captureRejections: true })
    this.#channel = channel
    this.#options = checkOptions(options)
    this.local = ends.local
    this.remote = ends.remote
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    const { framing, sendHighWaterMark: highWaterMark, maxSendBuffer, closeTimeoutMs } = this.#options
    this.#sends = new SendQueue(channel, {
      framing,
      highWaterMark,
      maxSendBuffer,
      onProgress: () => this.#onProgress(),
    })
    this.#receiver = new Receiver(channel, this.#options, {
      hasListeners: () => this.listenerCount('message') > 0,
      emitMessage: (message) => this.emit('message', message),
      onFailure: (error) => this.#fail(error, error.code === 'FRAME_TRUNCATED' ? 'peer' : 'local'),
      onFinished: () => this.#beginClose('peer', closeTimeoutMs),
    })
    onRejection(this, (error) => {
      if (this.#state !== 'closed') this.#fail(callbackError(error))
      else if (!(error instanceof TransportError)) process.emitWarning(callbackError(error))
    })
    onNewListener(this, 'message', () => process.nextTick(() => this.#receiver.goOn()))
    channel.onData = (chunk) => this.#receiver.push(chunk)
    channel.onEnd = () => {
      this.#hasPeerEnded = true
      this.#receiver.end()
    }
    channel.onClose = (error) => this.#onClose(error)
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** Bytes accepted, headers included, that are not with the kernel yet. */
  get bufferedAmount(): number {
    return this.#state === 'closed' ? this.#unsentBytes : this.#sends.bufferedAmount
  }

  /** Whether `send` has answered false and `drain` has not come yet. */
  get writableNeedDrain(): boolean {
    return this.#needsDrain
  }

  /**
   * Accepts a whole message, or several parts as one message, or throws a TransportError and accepts nothing. True = go
   * on; false = accepted, wait for `drain` before the next. From 4 KiB on the bytes are not copied: leave them
   * unchanged until `flush()` has resolved.
   * Throws MESSAGE_TOO_LARGE, SEND_BUFFER_FULL, CONNECTION_CLOSED.
   */
  send(message: Uint8Array | readonly Uint8Array[]): boolean {
    this.#checkOpen('send')
    const goesOn = this.#sends.send(message instanceof Uint8Array ? message : joinParts(message))
    if (!goesOn) this.#needsDrain = true
    return goesOn
  }

  /** The buffer for `begin`. Good until `commit`. */
  get slab(): Buffer {
    return this.#sends.slab
  }

  /**
   * The low road of `send`: makes room for a message of at most `maxLength` bytes in `slab` and returns where it
   * begins. Write it there, then `commit` its end; send nothing between the two.
   */
  begin(maxLength: number): number {
    this.#checkOpen('begin')
    return this.#sends.begin(maxLength)
  }

  /** Accepts the message that stands in `slab` from `begin` to `end`. Answers and throws as `send` does. */
  commit(end: number): boolean {
    this.#checkOpen('commit')
    const goesOn = this.#sends.commit(end)
    if (!goesOn) this.#needsDrain = true
    return goesOn
  }

  /** Resolves at once, or when `drain` comes. Rejects with CONNECTION_CLOSED or ABORTED. */
  drained(options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.#wait('drained', options.signal, () => !this.#needsDrain)
  }

  /** Resolves when everything accepted so far and since is with the kernel. Rejects with CONNECTION_CLOSED or ABORTED. */
  flush(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#sends.flush()
    return this.#wait('flush', options.signal, () => this.#sends.bufferedAmount === 0)
  }

  /** Holds back what is sent until as many calls of `uncork`. */
  cork(): void {
    this.#sends.cork()
  }

  uncork(): void {
    if (this.#state !== 'closed') this.#sends.uncork()
  }

  /** The counters as they stand now, a copy. */
  stats(): ConnectionStats {
    return { ...this.#receiver.stats }
  }

  /** Takes no more messages until `resume`; the peer is slowed down once the kernel's buffers are full. */
  pause(): void {
    this.#receiver.pause()
  }

  resume(): void {
    this.#receiver.resume()
  }

  /**
   * The low road of `message`: every frame as `bytes[start, end)`, good until `sink` returns; no object is made for it.
   * Returning false pauses. Instead of 'message' and the iterator, from before the first message on.
   */
  receive(sink: FrameVisitor): void {
    this.#receiver.setSink(sink)
  }

  /**
   * A frame that a sink was given, to keep: a view where the frame fills much of its chunk, else a copy, so that a small
   * message never pins 64 KiB. Call it before the sink returns.
   */
  keep(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return this.#receiver.keep(bytes, start, end)
  }

  /**
   * Messages as they come; ends when the connection does, throws its TransportError if that was no clean end. Leaving
   * the loop leaves the connection open: messages wait, within `maxQueuedMessages`, for the next reader.
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#receiver.iterate()
  }

  /**
   * Ends in good order: what was accepted is sent, then FIN; messages are still received until the peer ends too. At
   * the deadline (default `closeTimeoutMs`), or when `signal` aborts, the rest is dropped and stands in the CloseInfo.
   * Called again it can bring the deadline nearer.
   */
  close(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<CloseInfo> {
    const { timeoutMs, signal } = options
    if (timeoutMs !== undefined) checkMilliseconds('timeoutMs', timeoutMs)
    if (this.#state === 'closing' && timeoutMs !== undefined) this.#setDeadline(timeoutMs)
    this.#beginClose('local', timeoutMs ?? this.#options.closeTimeoutMs)
    if (signal?.aborted) this.destroy(abortedError(signal, 'close'))
    else if (signal) {
      const onAbort = (): void => this.destroy(abortedError(signal, 'close'))
      signal.addEventListener('abort', onAbort, { once: true })
      void this.closed.then(() => signal.removeEventListener('abort', onAbort))
    }
    return this.closed
  }

  /** Ends at once and drops what was not sent. `error` becomes the cause that CloseInfo names. */
  destroy(error?: unknown): void {
    this.#fail(error === undefined ? undefined : toTransportError(error, 'ABORTED'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #checkOpen(action: string): void {
    if (this.#state === 'open') return
    const why = this.#error === undefined ? '' : `: ${this.#error.message}`
    const text = `${action} on a connection that is ${this.#state}${why}`
    throw new TransportError('CONNECTION_CLOSED', text, { cause: this.#error })
  }

  #onProgress(): void {
    if (this.#state === 'closed') return
    const isLow = this.#sends.bufferedAmount <= this.#options.sendLowWaterMark
    if (this.#needsDrain && isLow && !this.#mustYield()) {
      this.#needsDrain = false
      this.#emitDrain()
    }
    this.#waits.check()
    // Asked again: a 'drain' listener may have sent more, and then closed.
    if (this.#state === 'closing' && this.#sends.bufferedAmount === 0) this.#sendEnd()
  }

  /** A kernel that takes everything would let a sender run for ever: once a MiB timers and reads get their turn first. */
  #mustYield(): boolean {
    if (this.#sends.handedAmount - this.#yieldedAt < YIELD_AFTER) return false
    if (!this.#isYielding) this.#options.clock.setImmediate(() => this.#yielded())
    this.#isYielding = true
    return true
  }

  #yielded(): void {
    this.#isYielding = false
    this.#yieldedAt = this.#sends.handedAmount
    this.#onProgress()
  }

  #emitDrain(): void {
    try {
      this.emit('drain')
    } catch (error) {
      this.#fail(callbackError(error))
    }
  }

  #beginClose(initiator: CloseInfo['initiator'], timeoutMs: number): void {
    if (this.#state !== 'open') return
    this.#initiator = initiator
    this.#state = 'closing'
    this.#setDeadline(timeoutMs)
    this.#sends.uncorkAll()
    if (this.#sends.bufferedAmount === 0) this.#sendEnd()
    this.#receiver.beginClose()
  }

  /** Of several deadlines the earliest holds. */
  #setDeadline(timeoutMs: number): void {
    const { clock } = this.#options
    const deadline = clock.now() + timeoutMs
    if (deadline >= this.#closeDeadline) return
    this.#closeDeadline = deadline
    clock.clearTimeout(this.#closeTimer)
    this.#closeTimer = clock.setTimeout(() => this.#onCloseTimeout(timeoutMs), timeoutMs)
  }

  #sendEnd(): void {
    if (this.#hasSentEnd || this.#state === 'closed') return
    this.#hasSentEnd = true
    this.#channel.end()
  }

  #onCloseTimeout(timeoutMs: number): void {
    const unsent = this.#sends.bufferedAmount
    // A peer that took everything and never ends its side has lost nothing: no error.
    if (unsent === 0) this.#fail(undefined)
    else
      this.#fail(new TransportError('WRITE_TIMEOUT', `${unsent} bytes were not sent within ${timeoutMs} ms of close`))
  }

  /** Ends now. The first cause is kept, and so is who began. */
  #fail(error: TransportError | undefined, initiator: CloseInfo['initiator'] = 'local'): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open') this.#initiator = initiator
    this.#error ??= error
    this.#unsentBytes = this.#sends.bufferedAmount
    this.#state = 'closed'
    this.#sends.clear()
    this.#receiver.stop()
    this.#channel.destroy()
  }

  /** The one place where everything that waits is settled. */
  #onClose(error: Error | undefined): void {
    if (this.#state !== 'closed') {
      const isClean = error === undefined && this.#hasPeerEnded && this.#hasSentEnd
      const lost = error ?? new TransportError('CONNECTION_CLOSED', 'the channel closed before its end')
      this.#fail(isClean ? undefined : toTransportError(lost, 'CONNECTION_RESET'), 'peer')
      this.#unsentBytes = this.#sends.unconfirmedAmount
    }
    this.#options.clock.clearTimeout(this.#closeTimer)
    this.#receiver.settle(this.#error)
    this.#waits.fail(new TransportError('CONNECTION_CLOSED', 'the connection closed', { cause: this.#error }))
    const info: CloseInfo = { initiator: this.#initiator, error: this.#error, unsentBytes: this.#unsentBytes }
    this.#resolveClosed(info)
    try {
      this.emit('close', info)
    } catch (thrown) {
      process.emitWarning(callbackError(thrown))
    }
  }

  #wait(action: string, signal: AbortSignal | undefined, isMet: () => boolean): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortedError(signal, action))
    if (this.#state !== 'closed' && isMet()) return Promise.resolve()
    if (this.#state !== 'closed') return this.#waits.add(action, isMet, signal)
    return Promise.reject(new TransportError('CONNECTION_CLOSED', `${action} on a connection that is closed`))
  }
}

/** Tells when a listener for `event` is about to be added. Node's types leave 'newListener' out of a typed emitter. */
function onNewListener(emitter: object, event: string, added: () => void): void {
  const untyped = emitter as EventEmitter
  untyped.on('newListener', (name) => {
    if (name === event) added()
  })
}

/** Tells what an async listener of an emitter with `captureRejections` threw, and what it was called with. */
export function onRejection(emitter: object, threw: (error: unknown, event: string, subject: unknown) => void): void {
  const untyped = emitter as EventEmitter
  untyped[EventEmitter.captureRejectionSymbol] = (error, event, ...subjects) => threw(error, String(event), subjects[0])
}

/** Several parts as one message. Copied: a message of many small parts would cost a buffer each in the write. */
function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const message = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    message.set(part, at)
    at += part.length
  }
  return message
}
