// The way in: accepted sockets become connections. A server outlives every one of them and stops in good order.

import { EventEmitter } from 'node:events'
import { createServer, type Server as NetServer, type Socket } from 'node:net'
import { type Address, formatAddress, parseAddress } from './address.ts'
import { Connection } from './connection.ts'
import type { CloseInfo } from './connection-state.ts'
import { onRejection } from './emitter-hooks.ts'
import type { Endpoint } from './endpoint.ts'
import { type ConnectionOptions, checkMilliseconds, checkOptions } from './options.ts'
import { endpoints, KEEP_ALIVE_DELAY_MS, SocketChannel } from './socket-channel.ts'
import { abortedError, callbackError, TransportError, toTransportError } from './transport-error.ts'

export interface ServerOptions extends ConnectionOptions {
  /** How long `close` lets open connections end by themselves, in ms. @default 30000 */
  drainTimeoutMs?: number
  /** Gives up listening. It has no meaning once the server listens. */
  signal?: AbortSignal
}

/** How a server ended. */
export interface ServerCloseInfo {
  /** Connections that ended in good order after `close` was called. */
  drained: number
  /** Connections that were cut off at the deadline or failed on the way. */
  destroyed: number
}

interface ServerEvents {
  connection: [connection: Connection]
  error: [error: TransportError]
  close: [info: ServerCloseInfo]
}

const DEFAULT_DRAIN_TIMEOUT_MS = 30_000

/**
 * Listens on a TCP address or a unix socket. `onConnection` = the first 'connection' listener; what it throws ends that
 * connection only. Rejects with a TransportError: ADDRESS_IN_USE, LISTEN_FAILED, ABORTED.
 */
export async function listen(
  address: Address,
  options: ServerOptions = {},
  onConnection?: (connection: Connection) => void,
): Promise<Server> {
  const { drainTimeoutMs = DEFAULT_DRAIN_TIMEOUT_MS, signal, ...connectionOptions } = options
  checkMilliseconds('drainTimeoutMs', drainTimeoutMs)
  checkOptions(connectionOptions)
  const target = parseAddress(address)
  const netServer = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
  })
  const server = new Server(netServer, target, connectionOptions, drainTimeoutMs)
  if (onConnection) server.on('connection', onConnection)
  if (signal?.aborted) throw abortedError(signal, 'listen')
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: TransportError): void => {
      signal?.removeEventListener('abort', onAbort)
      if (error) reject(error)
      else resolve()
    }
    const onAbort = (): void => settle(abortedError(signal as AbortSignal, 'listen'))
    signal?.addEventListener('abort', onAbort, { once: true })
    netServer.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on: ${error.message}`
      const code = error.code === 'EADDRINUSE' ? 'ADDRESS_IN_USE' : 'LISTEN_FAILED'
      settle(new TransportError(code, `${formatAddress(address)} ${reason}`, { cause: error }))
    })
    netServer.listen(target, () => {
      if (signal?.aborted) netServer.close()
      else settle()
    })
  })
  return server
}

/** Listens until it is closed. It emits 'error' only to those who listen for it. */
export class Server extends EventEmitter<ServerEvents> implements AsyncDisposable {
  readonly #server: NetServer
  readonly #target: { path: string } | { port: number }
  readonly #options: ConnectionOptions
  readonly #drainTimeoutMs: number
  readonly #connections = new Set<Connection>()
  #closing: Promise<ServerCloseInfo> | undefined

  /** Made by `listen`. */
  constructor(
    server: NetServer,
    target: { path: string } | { port: number },
    options: ConnectionOptions,
    drainTimeoutMs: number,
  ) {
    super({ captureRejections: true })
    this.#server = server
    this.#target = target
    this.#options = options
    this.#drainTimeoutMs = drainTimeoutMs
    onRejection(this, (error, event, subject) => {
      if (event === 'connection') endFor(error, subject as Connection)
      else process.emitWarning(callbackError(error))
    })
    server.on('connection', (socket) => this.#accept(socket))
    server.on('error', (error) => {
      if (this.listenerCount('error') > 0) this.#tell('error', toTransportError(error, 'LISTEN_FAILED'))
    })
  }

  /** Where it listens; with port 0 the port that was given. Empty once closed. */
  get addresses(): readonly Endpoint[] {
    if ('path' in this.#target) return this.#server.listening ? [{ path: this.#target.path }] : []
    const address = this.#server.address()
    return address !== null && typeof address === 'object' ? [{ host: address.address, port: address.port }] : []
  }

  /** The connections that are not closed. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections
  }

  /**
   * Stops accepting, lets every connection end in good order, cuts off at the deadline (default: option
   * `drainTimeoutMs`) those that did not.
   */
  close(options: { drainTimeoutMs?: number } = {}): Promise<ServerCloseInfo> {
    this.#closing ??= this.#close(checkMilliseconds('drainTimeoutMs', options.drainTimeoutMs ?? this.#drainTimeoutMs))
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(timeoutMs: number): Promise<ServerCloseInfo> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const ends = await Promise.all([...this.#connections].map((connection) => connection.close({ timeoutMs })))
    await stopped
    const destroyed = ends.filter(isUnclean).length
    const info: ServerCloseInfo = { drained: ends.length - destroyed, destroyed }
    this.#tell('close', info)
    return info
  }

  #accept(socket: Socket): void {
    const connection = new Connection(new SocketChannel(socket), this.#options, endpoints(socket, this.#target))
    this.#connections.add(connection)
    void connection.closed.then(() => this.#connections.delete(connection))
    try {
      this.emit('connection', connection)
    } catch (error) {
      endFor(error, connection)
    }
  }

  #tell<E extends 'error' | 'close'>(event: E, ...subject: ServerEvents[E]): void {
    try {
      this.emit<'error' | 'close'>(event, ...subject)
    } catch (thrown) {
      process.emitWarning(callbackError(thrown))
    }
  }
}

/** Ends a connection for what its 'connection' listener threw. When it has ended before, a new mistake is a warning. */
function endFor(thrown: unknown, connection: Connection): void {
  if (connection.state !== 'closed') connection.destroy(callbackError(thrown))
  else if (!(thrown instanceof TransportError)) process.emitWarning(callbackError(thrown))
}

function isUnclean(info: CloseInfo): boolean {
  return info.error !== undefined || info.unsentBytes > 0
}
