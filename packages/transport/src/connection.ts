// One message connection: messages in, messages out, over any byte channel. It joins the two queues, the watchdog and the
// close path, and is what people hold. It never emits 'error': the cause of a close stands in CloseInfo.

import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import type { FrameVisitor } from '@framewire/codec'
import { BusyPoll } from './busy-poll.ts'
import type { ByteChannel } from './byte-channel.ts'
import { ClosePath } from './close-path.ts'
import type { CloseInfo, ConnectionEvents, ConnectionState } from './connection-state.ts'
import type { ConnectionStats } from './connection-stats.ts'
import { CONNECTION_CLOSE, CONNECTION_OPEN } from './diagnostics.ts'
import { onNewListener, onRejection } from './emitter-hooks.ts'
import type { Endpoint } from './endpoint.ts'
import { messageStream } from './message-stream.ts'
import { type CheckedOptions, type ConnectionOptions, checkMilliseconds, checkOptions } from './options.ts'
import { Receiver } from './receiver.ts'
import { SendQueue } from './send-queue.ts'
import type { SharedBudget } from './shared-budget.ts'
import type { TlsInfo } from './tls-info.ts'
import { abortedError, callbackError, TransportError, toTransportError } from './transport-error.ts'
import { TurnBudget } from './turn-budget.ts'
import { WaitList } from './wait-list.ts'
import { Watchdog } from './watchdog.ts'

/** What a connection is made with besides its options. */
export interface ConnectionSetup {
  local: Endpoint
  remote: Endpoint
  tls?: TlsInfo | undefined
  /** Counts its unsent bytes together with those of others. */
  budget?: SharedBudget
  /** Told before everybody else that it is over. Never throws. */
  onClosed?: (info: CloseInfo) => void
}

let nextId = 1

/** A kernel that takes everything would let a sender run for ever: 'drain' comes for so many bytes a turn. */
const MOST_SENT_A_TURN = 1024 * 1024

/** Whole messages in both directions. `closed` tells how it ended: there is no 'error' event. */
export class Connection extends EventEmitter<ConnectionEvents> implements AsyncDisposable {
  /** Unique within the process, in order of making. */
  readonly id: number = nextId++
  /** Where this end is. */
  readonly local: Endpoint
  /** Where the peer is; behind a proxy whose PROXY header is trusted, the client. */
  readonly remote: Endpoint
  /** What TLS knows about the connection; undefined without TLS. */
  readonly tls: TlsInfo | undefined
  readonly #end: ClosePath
  readonly #channel: ByteChannel
  readonly #options: CheckedOptions
  readonly #sends: SendQueue
  readonly #receiver: Receiver
  readonly #waits = new WaitList()
  readonly #watchdog: Watchdog
  readonly #turn: TurnBudget
  #needsDrain = false
  #isDraining = false // 'drain' is being told
  #handedAmount = 0 // bytes that the budget of a turn has been charged with
  #hasTurn = true // that budget is not spent

  constructor(channel: ByteChannel, options: ConnectionOptions, setup: ConnectionSetup) {
    super({ captureRejections: true })
    this.#channel = channel
    this.#options = checkOptions(options)
    this.local = setup.local
    this.remote = setup.remote
    this.tls = setup.tls
    const { framing, sendHighWaterMark: highWaterMark, maxSendBuffer, clock, busyPollMicros } = this.#options
    this.#turn = new TurnBudget(clock, MOST_SENT_A_TURN, () => {
      this.#hasTurn = true
      this.#checkDrain()
    })
    this.#sends = new SendQueue(channel, {
      framing,
      highWaterMark,
      maxSendBuffer,
      budget: setup.budget,
      onProgress: () => this.#onProgress(),
    })
    this.#receiver = this.#makeReceiver()
    this.#watchdog = this.#makeWatchdog()
    this.#end = this.#makeEnd(setup.onClosed)
    onRejection(this, (thrown) => this.#end.threw(thrown))
    this.#watchListeners()
    const poll = busyPollMicros > 0 ? new BusyPoll(clock, busyPollMicros) : undefined
    channel.onData = (chunk) => {
      poll?.stayAwake()
      if (!this.#end.discards(chunk)) this.#receiver.push(chunk)
    }
    channel.onEnd = () => this.#end.peerEnded()
    channel.onOpen = () => this.#end.opened()
    channel.onClose = (error) => this.#end.channelClosed(error)
    if (CONNECTION_OPEN.hasSubscribers) CONNECTION_OPEN.publish({ connection: this })
  }

  #makeReceiver(): Receiver {
    return new Receiver(this.#channel, this.#options, {
      hasListeners: () => this.listenerCount('message') > 0,
      emitMessage: (message) => this.emit('message', message),
      onRead: () => this.#watchdog.onRead(),
      onHeldUp: (isHeldUp) => this.#watchdog.onHeldUp(isHeldUp),
      onBroken: (error) => this.#end.refuse(error, error.code === 'FRAME_TRUNCATED' ? 'peer' : 'local'),
      onThrown: (thrown) => this.#end.threw(thrown),
      onFinished: () => {
        // It comes a turn later: the connection may be over by then, and nothing follows 'close'.
        if (this.state === 'closed') return
        this.#tell('end')
        if (!this.#options.allowHalfOpen) this.#end.begin('peer', this.#options.closeTimeoutMs)
      },
    })
  }

  #makeWatchdog(): Watchdog {
    return new Watchdog(this.#options, this.#receiver, this.#channel, {
      sendHeartbeat: () => this.#sendHeartbeat(),
      onExpired: (error) => {
        // A peer that takes or sends nothing gets no farewell either.
        if (error.code === 'FRAME_TIMEOUT' || error.code === 'IDLE_TIMEOUT') this.#end.refuse(error)
        else this.#end.fail(error)
      },
    })
  }

  #makeEnd(tellOwner: ConnectionSetup['onClosed']): ClosePath {
    return new ClosePath(this.#channel, this.#options, {
      sends: this.#sends,
      receiver: this.#receiver,
      waits: this.#waits,
      watchdog: this.#watchdog,
      sayFarewell: (error) => this.#sayFarewell(error),
      onClosed: (info) => this.#onClosed(info, tellOwner),
    })
  }

  /** 'closing' from `close`, the peer's end or a broken rule on; nothing can be sent then. */
  get state(): ConnectionState {
    return this.#end.state
  }

  /** Resolves once everything is over; never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#end.closed
  }

  /** Bytes accepted, headers included, that are not with the kernel yet. */
  get bufferedAmount(): number {
    return this.state === 'closed' ? this.#end.unsentBytes : this.#sends.bufferedAmount
  }

  /** Whether `send` has answered false and `drain` has not come yet. */
  get writableNeedDrain(): boolean {
    return this.#needsDrain
  }

  /**
   * Accepts a whole message, or several parts as one message, or throws a TransportError and accepts nothing. True = go
   * on; false = accepted, wait for `drain` before the next. From 4 KiB on the bytes are not copied: leave them
   * unchanged until `flush()` has resolved.
   * Throws MESSAGE_TOO_LARGE, SEND_BUFFER_FULL, CONNECTION_CLOSED; PROTOCOL_ERROR for what has no form in the framing.
   */
  send(message: Uint8Array | readonly Uint8Array[]): boolean {
    this.#end.checkOpen('send')
    const goesOn = message instanceof Uint8Array ? this.#sends.send(message) : this.#sends.sendParts(message)
    if (!goesOn) this.#needsDrain = true
    return goesOn
  }

  /** The buffer for `begin`. Good until `commit`. */
  get slab(): Buffer {
    return this.#sends.slab
  }

  /**
   * The low road of `send`: makes room for a message of at most `maxLength` bytes in `slab` and returns where it
   * begins. Write it there, then `commit` its end; send nothing between the two. Much of it leaves before the tick ends.
   * Throws RangeError for what is no length.
   */
  begin(maxLength: number): number {
    this.#end.checkOpen('begin')
    return this.#sends.begin(maxLength)
  }

  /** Accepts the message in `slab` from `begin` to `end`. As `send`; RangeError for an end behind what was begun. */
  commit(end: number): boolean {
    this.#end.checkOpen('commit')
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
    return this.#wait('flush', options.signal, () => this.#sends.unconfirmedAmount === 0)
  }

  /** Holds back what is sent until as many calls of `uncork`. A connection that is closing holds nothing back. */
  cork(): void {
    if (this.state === 'open' || this.state === 'connecting') this.#sends.cork()
  }

  /** Undoes one `cork`; the last one sends what was held back. */
  uncork(): void {
    if (this.state !== 'closed') this.#sends.uncork()
  }

  /** The counters as they stand now, a copy. */
  stats(): ConnectionStats {
    return {
      ...this.#receiver.stats,
      messagesSent: this.#sends.messagesAccepted,
      bytesSent: this.#sends.acceptedAmount - this.bufferedAmount,
      bytesQueued: this.bufferedAmount,
      messagesQueued: this.#receiver.queuedMessages,
    }
  }

  /** Takes no more messages until `resume`; the peer is slowed down once the kernel's buffers are full. */
  pause(): void {
    this.#receiver.pause()
  }

  /** Goes on after `pause`. */
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

  /** One message, as a loop left behind it gives; undefined at the end. Rejects with ABORTED or why the connection ended. */
  next(options: { signal?: AbortSignal } = {}): Promise<Uint8Array | undefined> {
    return this.#receiver.next(options.signal)
  }

  /**
   * The connection as a Duplex in object mode, for `pipeline()`; all messages go there from now on. When the peer has ended
   * only its readable side ends: end it too, which sends what is queued and closes. Destroying it destroys the connection.
   * Throws TypeError when the messages go elsewhere already.
   */
  stream(): Duplex {
    return messageStream(this, this.#receiver)
  }

  /**
   * Ends in good order: what was accepted is sent, then FIN; messages are still received until the peer ends too. At
   * the deadline (default `closeTimeoutMs`), or when `signal` aborts, the rest is dropped and stands in the CloseInfo.
   * Called again it can bring the deadline nearer.
   */
  close(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<CloseInfo> {
    const { timeoutMs, signal } = options
    if (timeoutMs !== undefined) checkMilliseconds('timeoutMs', timeoutMs)
    if (this.state === 'closing' && timeoutMs !== undefined) this.#end.setDeadline(timeoutMs)
    this.#end.begin('local', timeoutMs ?? this.#options.closeTimeoutMs)
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
    this.#end.fail(error === undefined ? undefined : toTransportError(error, 'ABORTED'))
  }

  /** Lets the connection keep the process alive, as it does from the start. */
  ref(): void {
    this.#channel.ref?.()
  }

  /** Lets the process end although the connection is open. */
  unref(): void {
    this.#channel.unref?.()
  }

  override removeAllListeners(event?: keyof ConnectionEvents): this {
    super.removeAllListeners(event)
    if (event === undefined) this.#watchListeners()
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** A listener that comes late gets the messages that wait. */
  #watchListeners(): void {
    onNewListener(this, 'message', () => this.#receiver.listenerComes())
  }

  #onProgress(): void {
    if (this.state === 'closed') return
    const { handedAmount, isBlocked } = this.#sends
    const handed = handedAmount - this.#handedAmount
    this.#watchdog.onWritten(isBlocked, handed > 0)
    if (!this.#turn.spend(handed)) this.#hasTurn = false
    this.#handedAmount = handedAmount
    this.#checkDrain()
  }

  #checkDrain(): void {
    if (this.#isDraining) return
    this.#isDraining = true
    // In a loop: a listener that flushes comes here again, and would fill the stack.
    while (this.#needsDrain && this.#hasTurn && this.state !== 'closed') {
      if (this.#sends.bufferedAmount > this.#options.sendLowWaterMark) break
      this.#needsDrain = false
      this.#tell('drain')
    }
    this.#isDraining = false
    // A listener may have destroyed the connection: what was dropped is not flushed.
    if (this.state === 'closed') return
    this.#waits.check()
    // Asked again: a 'drain' listener may have sent more, and then closed.
    this.#end.sentAll()
  }

  #tell(event: 'drain' | 'end'): void {
    try {
      this.emit<'drain' | 'end'>(event)
    } catch (thrown) {
      this.#end.threw(thrown)
    }
  }

  #sendHeartbeat(): boolean {
    const { heartbeat } = this.#options
    // A peer that has ended can not answer.
    if (this.state !== 'open' || this.#receiver.hasEnded || heartbeat === undefined) return false
    try {
      if (typeof heartbeat.message === 'function') heartbeat.message()
      else this.send(heartbeat.message)
      return true
    } catch (error) {
      // No room for it: then the stalled write is what is watched.
      if (!(error instanceof TransportError)) this.#end.fail(callbackError(error))
      return false
    }
  }

  #sayFarewell(error: TransportError): void {
    try {
      const message = this.#options.farewell?.(error)
      if (message !== undefined) this.send(message)
    } catch (thrown) {
      if (!(thrown instanceof TransportError)) process.emitWarning(callbackError(thrown))
    }
  }

  #onClosed(info: CloseInfo, tellOwner: ConnectionSetup['onClosed']): void {
    tellOwner?.(info)
    if (CONNECTION_CLOSE.hasSubscribers) CONNECTION_CLOSE.publish({ connection: this, info })
    try {
      this.emit('close', info)
    } catch (thrown) {
      process.emitWarning(callbackError(thrown))
    }
  }

  #wait(action: string, signal: AbortSignal | undefined, isMet: () => boolean): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortedError(signal, action))
    if (this.state !== 'closed') return isMet() ? Promise.resolve() : this.#waits.add(action, isMet, signal)
    return Promise.reject(new TransportError('CONNECTION_CLOSED', `${action} on a connection that is closed`))
  }
}
