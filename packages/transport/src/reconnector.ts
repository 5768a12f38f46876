// Keeps one connection to one of several addresses: when it is lost, or cannot be made, the next attempt follows after a
// delay. It holds at most one attempt, or one timer, or one connection, and one path settles all that waits at the end.
// It sends nothing again: only its user knows what may be sent twice.
//
//   connecting --made--> ready --lost--> waiting --delay over--> connecting
//   connecting --failed--> waiting        any --close(), gave up--> closed
//   ready --renew()--> connecting, waiting

import { EventEmitter } from 'node:events'
import { type Address, parseAddress } from './address.ts'
import { Backoff, type BackoffOptions } from './backoff.ts'
import type { Clock, Timer } from './clock.ts'
import { type ConnectOptions, connect } from './connect.ts'
import type { Connection } from './connection.ts'
import type { CloseInfo } from './connection-state.ts'
import { onRejection } from './emitter-hooks.ts'
import { checkMilliseconds, checkOptions } from './options.ts'
import { checkContext } from './tls-options.ts'
import { callbackError, TransportError } from './transport-error.ts'
import { WaitList } from './wait-list.ts'

/** 'ready' with a connection, 'connecting' or 'waiting' for the next attempt without, 'closed' for good. */
export type ReconnectorState = 'connecting' | 'ready' | 'waiting' | 'closed'

const MOVES: Readonly<Record<ReconnectorState, readonly ReconnectorState[]>> = {
  connecting: ['ready', 'waiting', 'closed'],
  ready: ['connecting', 'waiting', 'closed'],
  waiting: ['connecting', 'closed'],
  closed: [],
}

/** Options of a reconnector: how often to try, what counts as a failure, and those of every connection. */
export interface ReconnectorOptions extends Omit<ConnectOptions, 'signal'>, BackoffOptions {
  /** Failures in a row after which it gives up. @default Infinity */
  attempts?: number
  /** A connection that stood so long, in ms, or brought a message, was no failure. @default 10000 */
  stableAfterMs?: number
  /** Makes each connection, for other ways than the sockets of this process. @default `connect` */
  connect?: typeof connect
}

/** How a reconnector ended. */
export interface ReconnectorCloseInfo {
  /** Why it gave up; undefined after `close`. */
  error: TransportError | undefined
}

interface ReconnectorEvents {
  connect: [connection: Connection]
  failure: [error: TransportError, delayMs: number | undefined]
  disconnect: [info: CloseInfo, delayMs: number | undefined]
  close: [info: ReconnectorCloseInfo]
}

/**
 * Connects, and connects again whenever the connection is lost. The first attempt starts at once; a failure goes on to the
 * next address, in turn. It gives up after `attempts` failures in a row, and when every address has answered in a row
 * with an error that trying again does not change (TLS_ERROR; not CONNECT_FAILED: names and routes come back).
 * Throws TypeError or RangeError for addresses or options that cannot be meant.
 */
export function createReconnector(
  address: Address | readonly Address[],
  options: ReconnectorOptions = {},
): Reconnector {
  const { connect: connectOnce = connect, ...others } = options
  if (typeof connectOnce !== 'function') throw new TypeError(`connect must be a function, got ${String(connectOnce)}`)
  return new Reconnector(address, others, connectOnce)
}

/**
 * Emits 'connect' (connection), before `ready` resolves; 'failure' (error, delayMs) when an attempt failed; 'disconnect'
 * (info, delayMs) when a connection ended, whoever ended it; 'close' (info) once. `delayMs` = until the next attempt,
 * undefined when there is none. There is no 'error' event.
 */
export class Reconnector extends EventEmitter<ReconnectorEvents> implements AsyncDisposable {
  readonly #addresses: readonly Address[]
  readonly #connectOptions: ConnectOptions
  readonly #connect: typeof connect
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #attempts: number
  readonly #stableAfterMs: number
  readonly #waits = new WaitList()
  readonly #closed: Promise<ReconnectorCloseInfo>
  #resolveClosed: (info: ReconnectorCloseInfo) => void = () => {}
  /** Whether there is a connection now; see `ready()` to wait for one. */
  #state: ReconnectorState = 'connecting'
  #addressIndex = 0
  #failures = 0 // in a row
  #lastingFailures = 0 // of them the latest whose error trying again does not change
  #attempt: AbortController | undefined
  #timer: Timer | undefined
  #connection: Connection | undefined
  #connectedAt = 0
  #isRef = true
  #error: TransportError | undefined

  /** Made by `createReconnector`. */
  constructor(
    address: Address | readonly Address[],
    options: Omit<ReconnectorOptions, 'connect'>,
    connectOnce: typeof connect,
  ) {
    super({ captureRejections: true })
    const { attempts, stableAfterMs, baseDelayMs, maxDelayMs, minDelayMs, random, ...connectOptions } = options
    this.#addresses = checkAddresses(address)
    this.#attempts = checkAttempts(attempts ?? Number.POSITIVE_INFINITY)
    this.#stableAfterMs = checkMilliseconds('stableAfterMs', stableAfterMs ?? 10_000)
    this.#backoff = new Backoff(options)
    checkMilliseconds('connectTimeoutMs', connectOptions.connectTimeoutMs ?? 10_000)
    checkMilliseconds('handshakeTimeoutMs', connectOptions.handshakeTimeoutMs ?? 10_000)
    if (connectOptions.tls !== undefined) checkContext(connectOptions.tls)
    this.#clock = checkOptions(connectOptions).clock
    this.#connectOptions = connectOptions
    this.#connect = connectOnce
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    onRejection(this, (thrown, event, subject) => this.#onThrown(thrown, event, subject))
    this.#start()
  }

  /** Whether there is a connection now; see `ready()` to wait for one. */
  get state(): ReconnectorState {
    return this.#state
  }

  /** The connection that stands now; another one after each 'connect'. */
  get connection(): Connection | undefined {
    return this.#state === 'ready' ? this.#connection : undefined
  }

  /**
   * A connection that can be sent on, as soon as there is one. Rejects with ABORTED, and with CONNECTION_CLOSED, the
   * reason as cause, when the reconnector is closed.
   */
  async ready(options: { signal?: AbortSignal } = {}): Promise<Connection> {
    const isOpen = (): boolean => this.connection?.state === 'open' || this.connection?.state === 'connecting'
    // Asked again after each wait: a connection may be lost before those who waited for it run.
    while (!isOpen()) {
      if (this.#state === 'closed') throw closedError(this.#error)
      await this.#waits.add('ready', isOpen, options.signal)
    }
    return this.#connection as Connection
  }

  /**
   * Lets go of the connection that stands, which stays open and is its user's from now on, and makes another, first to the
   * next address: at once after one that stood for `stableAfterMs`, after the first delay otherwise, and after ever longer
   * ones if it was not `wasGood` (default true). Without one it does nothing.
   */
  renew({ wasGood = true }: { wasGood?: boolean } = {}): void {
    if (this.#state !== 'ready') return
    this.#connection = undefined
    const isStable = this.#clock.now() - this.#connectedAt >= this.#stableAfterMs
    if (!isStable && !wasGood) {
      const error = new TransportError('CONNECTION_CLOSED', 'the connection was of no use')
      if (this.#goOn(error, false) === undefined) this.#finish()
      return
    }
    this.#addressIndex = (this.#addressIndex + 1) % this.#addresses.length
    if (!isStable) return void (this.#beginAgain() ?? this.#finish())
    this.#failures = 0
    this.#backoff.reset()
    this.#move('connecting')
    this.#start()
  }

  /**
   * Ends for good: gives up an attempt on its way, and closes a connection in good order, with the options of
   * `connection.close`. Resolves when nothing is left.
   */
  close(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<ReconnectorCloseInfo> {
    if (options.timeoutMs !== undefined) checkMilliseconds('timeoutMs', options.timeoutMs)
    const hadNothing = this.#state === 'waiting'
    if (this.#state !== 'closed') this.#end(undefined)
    if (hadNothing) process.nextTick(() => this.#finish())
    void this.#connection?.close(options)
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Waiting for the next attempt, and the connection, keep the process alive, as they do from the start. */
  ref(): void {
    this.#isRef = true
    this.#timer?.ref()
    this.#connection?.ref()
  }

  /** Neither waiting nor the connection keeps the process alive; an attempt on its way does until it is answered. */
  unref(): void {
    this.#isRef = false
    this.#timer?.unref()
    this.#connection?.unref()
  }

  /** The one place where the state changes. */
  #move(state: ReconnectorState): void {
    if (!MOVES[this.#state].includes(state)) throw new Error(`a reconnector cannot move: ${this.#state} -> ${state}`)
    this.#state = state
  }

  #start(): void {
    const attempt = new AbortController()
    this.#attempt = attempt
    void this.#try(attempt.signal).then(
      (connection) => this.#onConnected(connection),
      (thrown) => this.#onFailed(thrown),
    )
  }

  /** Async: what a `connect` of the application throws at once is a failed attempt too. */
  async #try(signal: AbortSignal): Promise<Connection> {
    const connection = await this.#connect(this.#addresses[this.#addressIndex] as Address, {
      ...this.#connectOptions,
      signal,
    })
    // Not instanceof: it may come from another copy of this package.
    if (typeof connection?.destroy === 'function') return connection
    throw new TypeError(`connect answered ${String(connection)}, not a connection`)
  }

  #onConnected(connection: Connection): void {
    this.#attempt = undefined
    this.#connection = connection
    this.#connectedAt = this.#clock.now()
    this.#lastingFailures = 0
    const isWanted = this.#state === 'connecting'
    void connection.closed.then((info) => this.#onLost(connection, info, isWanted))
    // Closed while the connection was made: nobody has heard of it.
    if (!isWanted) return connection.destroy()
    if (!this.#isRef) connection.unref()
    this.#move('ready')
    this.#tell('connect', connection)
    this.#waits.check()
  }

  #onFailed(thrown: unknown): void {
    this.#attempt = undefined
    if (this.#state === 'closed') return this.#finish()
    const error = thrown instanceof TransportError ? thrown : callbackError(thrown)
    this.#lastingFailures = isLasting(error) ? this.#lastingFailures + 1 : 0
    // What is no TransportError is a mistake in the options: the same for every address.
    const isHopeless = error !== thrown || this.#lastingFailures >= this.#addresses.length
    const delayMs = this.#goOn(error, isHopeless)
    this.#tell('failure', error, delayMs)
    if (delayMs === undefined) this.#finish()
  }

  #onLost(connection: Connection, info: CloseInfo, wasTold: boolean): void {
    if (connection !== this.#connection) return // `renew` let go of it
    this.#connection = undefined
    let delayMs: number | undefined
    if (this.#state === 'ready') {
      const uptimeMs = this.#clock.now() - this.#connectedAt
      // Not at once: a server that accepts and then closes would be asked without pause.
      const wasGood = connection.stats().messagesReceived > 0 || uptimeMs >= this.#stableAfterMs
      const error = info.error ?? new TransportError('CONNECTION_CLOSED', 'the connection was closed')
      delayMs = wasGood ? this.#beginAgain() : this.#goOn(error, false)
    }
    const isOver = delayMs === undefined
    if (wasTold) this.#tell('disconnect', info, delayMs)
    if (isOver) this.#finish()
  }

  /** After a connection that was good: first to the same address. */
  #beginAgain(): number | undefined {
    this.#failures = 0
    this.#backoff.reset()
    return this.#wait()
  }

  /** After a failure: to the next address, or gives up. Answers the delay, undefined at the end. */
  #goOn(error: TransportError, isHopeless: boolean): number | undefined {
    this.#failures++
    this.#addressIndex = (this.#addressIndex + 1) % this.#addresses.length
    if (!isHopeless && this.#failures < this.#attempts) return this.#wait()
    this.#end(error)
    return undefined
  }

  #wait(): number | undefined {
    let delayMs: number
    try {
      delayMs = this.#backoff.next()
    } catch (thrown) {
      this.#end(callbackError(thrown))
      return undefined
    }
    this.#move('waiting')
    this.#timer = this.#clock.setTimeout(() => this.#onDelayOver(), delayMs)
    if (!this.#isRef) this.#timer.unref()
    return delayMs
  }

  #onDelayOver(): void {
    this.#timer = undefined
    this.#move('connecting')
    this.#start()
  }

  /** Moves to the end; `#finish` follows once the attempt, the connection and the timer are gone. */
  #end(error: TransportError | undefined): void {
    this.#move('closed')
    this.#error = error
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#attempt?.abort()
    this.#waits.fail(closedError(error))
  }

  #finish(): void {
    const info: ReconnectorCloseInfo = { error: this.#error }
    this.#resolveClosed(info)
    this.#tell('close', info)
  }

  #tell<E extends keyof ReconnectorEvents>(event: E, ...subjects: ReconnectorEvents[E]): void {
    try {
      const untyped: EventEmitter = this as never
      untyped.emit(event, ...subjects)
    } catch (thrown) {
      this.#onThrown(thrown, event, subjects[0])
    }
  }

  /** What a 'connect' listener threw ends its connection; what others threw, or threw too late for that, is a warning. */
  #onThrown(thrown: unknown, event: string, subject: unknown): void {
    const connection = event === 'connect' ? (subject as Connection) : undefined
    if (connection !== undefined && connection.state !== 'closed') connection.destroy(callbackError(thrown))
    else if (connection === undefined || !(thrown instanceof TransportError)) process.emitWarning(callbackError(thrown))
  }
}

/** Whether another attempt at the same address cannot do better. A name or a route that is missing now may come back. */
function isLasting(error: TransportError): boolean {
  return !error.retryable && error.code !== 'CONNECT_FAILED'
}

function closedError(cause: TransportError | undefined): TransportError {
  const why = cause === undefined ? '' : `: ${cause.message}`
  return new TransportError('CONNECTION_CLOSED', `the reconnector is closed${why}`, { cause })
}

function checkAddresses(address: Address | readonly Address[]): readonly Address[] {
  const addresses = Array.isArray(address) ? ([...address] as Address[]) : [address as Address]
  if (addresses.length === 0) throw new TypeError('a reconnector needs at least one address, got none')
  for (const each of addresses) parseAddress(each)
  return addresses
}

function checkAttempts(attempts: number): number {
  if (attempts === Number.POSITIVE_INFINITY || (Number.isSafeInteger(attempts) && attempts >= 1)) return attempts
  throw new RangeError(`attempts must be an integer of at least 1, or Infinity; got ${String(attempts)}`)
}
