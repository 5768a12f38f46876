// The one way a connection ends, whoever ends it and why. It owns the state, the first cause and the deadline; everything
// that waits is settled here, exactly once.
//
//   connecting --> open --close(), peer's end read, broken rule--> closing --both directions ended, deadline--> closed
//                  open, closing ------------destroy(), reset, lost peer---------------------------------> closed

import type { ByteChannel } from './byte-channel.ts'
import type { Timer } from './clock.ts'
import { type CloseInfo, type ConnectionState, TRANSITIONS } from './connection-state.ts'
import type { CheckedOptions } from './options.ts'
import type { Receiver } from './receiver.ts'
import type { SendQueue } from './send-queue.ts'
import { callbackError, TransportError, toTransportError } from './transport-error.ts'
import type { WaitList } from './wait-list.ts'
import type { Watchdog } from './watchdog.ts'

/** The parts of a connection that end with it. */
export interface Ending {
  readonly sends: SendQueue
  readonly receiver: Receiver
  readonly waits: WaitList
  readonly watchdog: Watchdog
  /** Sends a last message to a peer that broke a rule. */
  sayFarewell(error: TransportError): void
  /** Everything is over and settled. */
  onClosed(info: CloseInfo): void
}

/** What a failed connection throws away of what its peer still sends. */
const MOST_LINGERING = 1024 * 1024

export class ClosePath {
  /** Resolves once everything is over; never rejects. */
  readonly closed: Promise<CloseInfo>
  readonly #channel: ByteChannel
  readonly #options: CheckedOptions
  readonly #parts: Ending
  #resolveClosed: (info: CloseInfo) => void = () => {}
  #state: ConnectionState
  #initiator: CloseInfo['initiator'] = 'local'
  #error: TransportError | undefined
  #unsentBytes = 0
  #hasSentEnd = false
  #hasPeerEnded = false
  #lingered = -1 // bytes thrown away since the connection failed; -1 = it has not
  #timer: Timer | undefined
  #deadline = Number.POSITIVE_INFINITY

  constructor(channel: ByteChannel, options: CheckedOptions, parts: Ending) {
    this.#channel = channel
    this.#options = options
    this.#parts = parts
    this.#state = channel.isConnecting ? 'connecting' : 'open'
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** What was accepted and will not be sent. */
  get unsentBytes(): number {
    return this.#unsentBytes
  }

  /** Throws when nothing can be accepted any more. */
  checkOpen(action: string): void {
    if (this.#state === 'open' || this.#state === 'connecting') return
    const why = this.#error === undefined ? '' : `: ${this.#error.message}`
    const text = `${action} on a connection that is ${this.#state}${why}`
    throw new TransportError('CONNECTION_CLOSED', text, { cause: this.#error })
  }

  /** The way to the peer stands. */
  opened(): void {
    this.#move('open')
  }

  /** In good order: what was accepted is sent, then the end; what the peer sends is still taken. */
  begin(initiator: CloseInfo['initiator'], timeoutMs: number): void {
    if (!this.#move('closing')) return
    this.#initiator = initiator
    this.setDeadline(timeoutMs)
    const { sends, receiver } = this.#parts
    sends.uncorkAll()
    this.sentAll()
    receiver.beginClose()
  }

  /** Of several deadlines the earliest holds. */
  setDeadline(timeoutMs: number): void {
    const { clock } = this.#options
    const deadline = clock.now() + timeoutMs
    if (deadline >= this.#deadline) return
    this.#deadline = deadline
    clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => this.#onDeadline(timeoutMs), timeoutMs)
  }

  /** Bytes have left: if they were the last ones, the end follows. */
  sentAll(): void {
    if (this.#state !== 'closing' || this.#hasSentEnd || this.#parts.sends.bufferedAmount > 0) return
    this.#hasSentEnd = true
    this.#channel.end()
  }

  /**
   * The peer broke a rule. It still gets what was accepted, a farewell and the end, and what it sends meanwhile is thrown
   * away: a socket destroyed while its peer is sending takes the last message with it.
   */
  refuse(error: TransportError, initiator: CloseInfo['initiator'] = 'local'): void {
    if (this.#state === 'closed' || this.#lingered >= 0) return
    const { sends, receiver, watchdog, sayFarewell } = this.#parts
    sayFarewell(error)
    this.#error ??= error
    if (this.#move('closing')) this.#initiator = initiator
    this.#lingered = 0
    watchdog.stop()
    receiver.settle(error)
    this.setDeadline(this.#options.lingerTimeoutMs)
    sends.uncorkAll()
    this.sentAll()
    this.#channel.resume()
  }

  /** Whether what still arrives is thrown away; `chunk` then was. */
  discards(chunk: Uint8Array): boolean {
    if (this.#lingered < 0) return false
    this.#lingered += chunk.length
    if (this.#lingered > MOST_LINGERING) this.fail(undefined)
    return true
  }

  /** The peer has ended its direction. */
  peerEnded(): void {
    this.#hasPeerEnded = true
    if (this.#lingered < 0) this.#parts.receiver.end()
  }

  /** Ends now. The first cause is kept, and so is who began. */
  fail(error: TransportError | undefined, initiator: CloseInfo['initiator'] = 'local'): void {
    const before = this.#state
    if (!this.#move('closed')) return
    if (before !== 'closing') this.#initiator = initiator
    this.#error ??= error
    const { sends, receiver, watchdog } = this.#parts
    this.#unsentBytes = sends.bufferedAmount
    watchdog.stop()
    sends.clear()
    receiver.stop()
    this.#channel.destroy()
  }

  /** What a callback of the application threw ends the connection. When it has ended before, a new mistake is a warning. */
  threw(thrown: unknown): void {
    if (this.#state !== 'closed') this.fail(callbackError(thrown))
    else if (!(thrown instanceof TransportError)) process.emitWarning(callbackError(thrown))
  }

  /** The channel is gone. The one place where everything that waits is settled. */
  channelClosed(error: Error | undefined): void {
    const { sends, receiver, waits, onClosed } = this.#parts
    if (this.#state !== 'closed') {
      const isClean = error === undefined && this.#hasPeerEnded && this.#hasSentEnd
      const lost = error ?? new TransportError('CONNECTION_CLOSED', 'the channel closed before its end')
      // The end was sent behind the last byte: a drain that has not been told yet is no loss.
      const unsent = isClean ? 0 : sends.unconfirmedAmount
      this.fail(isClean ? undefined : toTransportError(lost, 'CONNECTION_RESET'), 'peer')
      this.#unsentBytes = unsent
    }
    this.#options.clock.clearTimeout(this.#timer)
    receiver.settle(this.#error)
    waits.fail(new TransportError('CONNECTION_CLOSED', 'the connection closed', { cause: this.#error }))
    const info: CloseInfo = { initiator: this.#initiator, error: this.#error, unsentBytes: this.#unsentBytes }
    this.#resolveClosed(info)
    onClosed(info)
  }

  /** The one place where the state changes. */
  #move(next: ConnectionState): boolean {
    if (!TRANSITIONS[this.#state].includes(next)) return false
    this.#state = next
    return true
  }

  #onDeadline(timeoutMs: number): void {
    const unsent = this.#parts.sends.bufferedAmount
    // A peer that took everything and never ends its side has lost nothing: no error.
    if (unsent === 0) this.fail(undefined)
    else this.fail(new TransportError('WRITE_TIMEOUT', `${unsent} bytes were not sent within ${timeoutMs} ms of close`))
  }
}
