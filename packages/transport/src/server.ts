// The way in: sockets that arrive become connections. A server outlives every one of them and stops in good order.

import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { type ListenAddress, parseAddress } from './address.ts'
import { Connection } from './connection.ts'
import { SERVER_DROP } from './diagnostics.ts'
import { Drain, endFor, type ServerCloseInfo } from './drain.ts'
import { onRejection } from './emitter-hooks.ts'
import type { Endpoint } from './endpoint.ts'
import { Listener } from './listener.ts'
import { checkMilliseconds } from './options.ts'
import { type Ends, Reception } from './reception.ts'
import { type CheckedServerOptions, checkServerOptions, type ServerOptions } from './server-options.ts'
import { ServerCounters, type ServerStats } from './server-stats.ts'
import { SharedBudget } from './shared-budget.ts'
import { SocketChannel } from './socket-channel.ts'
import type { TlsContextOptions } from './tls-options.ts'
import { abortedError, callbackError, TransportError, toTransportError } from './transport-error.ts'

/** 'closing' from the call of `close` on: nobody new comes in, and who is in may end. */
export type ServerState = 'listening' | 'closing' | 'closed'

interface ServerEvents {
  connection: [connection: Connection]
  drop: [reason: TransportError, remote: Endpoint]
  closing: []
  error: [error: TransportError]
  close: [info: ServerCloseInfo]
}

/**
 * Listens on one address or several, all of them or none. `onConnection` = the first 'connection' listener; what it
 * throws ends that connection only. Rejects with a TransportError: ADDRESS_IN_USE, LISTEN_FAILED, ABORTED.
 */
export async function listen(
  addresses: ListenAddress | readonly ListenAddress[],
  options: ServerOptions = {},
  onConnection?: (connection: Connection) => void,
): Promise<Server> {
  const { signal } = options
  const checked = checkServerOptions(options)
  const list = (Array.isArray(addresses) ? addresses : [addresses]) as readonly ListenAddress[]
  if (list.length === 0) throw new TypeError('listen needs an address')
  const targets = list.map((address) => parseAddress(address))
  if (checked.tls === undefined && targets.some((target) => target.tls)) {
    throw new TypeError('listening on a tls address needs the option tls, with cert and key')
  }
  const listeners = targets.map((target) => new Listener(target, checked.listener))
  const server = new Server(listeners, checked)
  if (onConnection) server.on('connection', onConnection)
  if (signal?.aborted) throw abortedError(signal, 'listen')
  try {
    for (const listener of listeners) await listener.open(signal)
  } catch (error) {
    void server.close({ drainTimeoutMs: 1 })
    throw error
  }
  return server
}

/** Listens until it is closed. It emits 'error' only to those who listen for it. */
export class Server extends EventEmitter<ServerEvents> implements AsyncDisposable {
  readonly #listeners: readonly Listener[]
  readonly #options: CheckedServerOptions
  readonly #connections = new Set<Connection>()
  readonly #counters = new ServerCounters()
  readonly #reception: Reception
  readonly #drain: Drain
  readonly #budget: SharedBudget
  /** 'closing' from `close` on, 'closed' when its last connection is. */
  #state: ServerState = 'listening'
  #closing: Promise<ServerCloseInfo> | undefined

  /** Made by `listen`. */
  constructor(listeners: readonly Listener[], options: CheckedServerOptions) {
    super({ captureRejections: true })
    this.#listeners = listeners
    this.#options = options
    this.#drain = new Drain(this.#connections, options.clock, options.beforeClose)
    this.#budget = new SharedBudget(options.maxTotalBuffered, () => this.#endLargest())
    this.#reception = new Reception(options, {
      onArrival: () => this.#counters.arrived(),
      onReady: (socket, ends) => this.#accept(socket, ends),
      onDrop: (reason, remote) => {
        this.#counters.dropped(reason.code)
        if (SERVER_DROP.hasSubscribers) SERVER_DROP.publish({ server: this, reason, remote })
        this.#tell('drop', reason, remote)
      },
    })
    onRejection(this, (error, event, subject) => {
      if (event === 'connection') endFor(error, subject as Connection)
      else process.emitWarning(callbackError(error))
    })
    for (const listener of listeners) {
      listener.onSocket = (socket) => void this.#reception.take(socket, listener)
      listener.onError = (error) => {
        if (this.listenerCount('error') > 0) this.#tell('error', toTransportError(error, 'LISTEN_FAILED'))
      }
    }
  }

  /** 'closing' from `close` on, 'closed' when its last connection is. */
  get state(): ServerState {
    return this.#state
  }

  /** Where it listens; with port 0 the port that was given. Empty once closed. */
  get addresses(): readonly Endpoint[] {
    return this.#listeners.flatMap((listener) => listener.endpoint ?? [])
  }

  /** The connections that are not closed. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections
  }

  /** The counters as they stand now, a copy. */
  stats(): ServerStats {
    return { ...this.#counters.copy(), bytesQueued: this.#budget.used }
  }

  /**
   * New certificates and keys for handshakes from now on; what is not named stays as it is. Throws TypeError for what
   * cannot be used, and for a server without TLS; the old ones hold then.
   */
  updateTls(options: TlsContextOptions): void {
    if (this.#options.tls === undefined) throw new TypeError('updateTls on a server without the option tls')
    this.#options.tls.update(options)
  }

  /** Keeps the process alive while it listens, as it does from the start. Connections do so by themselves. */
  ref(): this {
    for (const listener of this.#listeners) listener.ref()
    return this
  }

  /** Does not keep the process alive for listening alone. */
  unref(): this {
    for (const listener of this.#listeners) listener.unref()
    return this
  }

  /**
   * Stops accepting, emits 'closing', and closes every connection in good order: at once, or when `beforeClose` is done
   * with it. At the deadline (default: option `drainTimeoutMs`) the rest is cut off. Called again it can bring the
   * deadline nearer.
   */
  close(options: { drainTimeoutMs?: number } = {}): Promise<ServerCloseInfo> {
    const { drainTimeoutMs } = options
    const timeoutMs = checkMilliseconds('drainTimeoutMs', drainTimeoutMs ?? this.#options.drainTimeoutMs)
    if (this.#state === 'listening' || (this.#state === 'closing' && drainTimeoutMs)) this.#drain.setDeadline(timeoutMs)
    if (this.#closing !== undefined) return this.#closing
    // It stands before anybody is told: a 'closing' listener and `beforeClose` may call `close` too.
    let settle: (info: Promise<ServerCloseInfo>) => void = () => {}
    this.#closing = new Promise((resolve) => {
      settle = resolve
    })
    settle(this.#close())
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<ServerCloseInfo> {
    this.#state = 'closing'
    const stopped = [...this.#listeners.map((listener) => listener.close()), this.#reception.close()]
    this.#tell('closing')
    const info = await this.#drain.run()
    await Promise.all(stopped)
    this.#state = 'closed'
    this.#tell('close', info)
    return info
  }

  #accept(socket: Socket, ends: Ends): void {
    const connection: Connection = new Connection(new SocketChannel(socket), this.#options.connection, {
      ...ends,
      budget: this.#budget,
      // Before its own 'close': who counts there counts those that remain.
      onClosed: (info) => {
        this.#connections.delete(connection)
        this.#counters.closed(info)
      },
    })
    // A socket whose PROXY header was read stands still until now.
    if (socket.isPaused()) socket.resume()
    this.#counters.accepted()
    this.#connections.add(connection)
    try {
      this.emit('connection', connection)
    } catch (error) {
      endFor(error, connection)
    }
  }

  /** Too many unsent bytes in all: who holds the most has the slowest peer. */
  #endLargest(): void {
    const { maxTotalBuffered } = this.#options
    while (this.#budget.used > maxTotalBuffered) {
      let largest: Connection | undefined
      for (const connection of this.#connections) {
        if (connection.state === 'closed') continue
        if (connection.bufferedAmount > (largest?.bufferedAmount ?? 0)) largest = connection
      }
      if (largest === undefined) return
      const text = `${this.#budget.used} unsent bytes of all connections exceed maxTotalBuffered ${maxTotalBuffered}`
      const own = `, and ${largest.bufferedAmount} of them, the most, are for this peer`
      largest.destroy(new TransportError('SLOW_CONSUMER', text + own))
    }
  }

  #tell<E extends 'drop' | 'closing' | 'error' | 'close'>(event: E, ...subject: ServerEvents[E]): void {
    try {
      // The types of Node's emitter do not follow a union of events.
      ;(this as EventEmitter).emit(event, ...subject)
    } catch (thrown) {
      process.emitWarning(callbackError(thrown))
    }
  }
}
