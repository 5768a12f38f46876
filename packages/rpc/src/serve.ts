// The serving side: every accepted connection becomes a peer that may call the services.

import {
  type Address,
  type Connection,
  type Endpoint,
  listen,
  type Server as TransportServer,
} from '@framewire/transport'
import type { Codec } from './codec.ts'
import { checkDrainMs } from './drain-wait.ts'
import { type OnError, warn } from './error-report.ts'
import type { Service } from './implement.ts'
import type { Interceptor } from './interceptor.ts'
import { checkLimits, framingOf, type Limits } from './limits.ts'
import { MethodTable } from './method-table.ts'
import type { Peer } from './peer.ts'
import { RpcConnection } from './rpc-connection.ts'
import type { Authenticate, RpcConnectionOptions } from './rpc-connection-options.ts'

export interface ServeOptions {
  /** What peers may call. */
  services: readonly Service[]
  /** What stands around every call, served here or made here. The first is the outermost. */
  interceptors?: readonly Interceptor[]
  /** Encodings besides JSON in which methods may be called. */
  codecs?: readonly Codec[]
  /**
   * Whether a peer may call here, by the metadata of its HELLO. Throws, rejects or answers false for one that may not,
   * which is sent away; within 5 s.
   */
  authenticate?: Authenticate
  limits?: Limits
  /** Tells callers what a handler threw that was no RpcError. @default false */
  exposeErrors?: boolean
  /** How long `close` lets calls end by themselves, in ms. @default 30000 */
  drainMs?: number
  /** Gets what a handler threw that was no RpcError, and its method. @default a process warning */
  onError?: OnError
}

/** Serves until it is closed. */
export class Server implements AsyncDisposable {
  readonly #server: TransportServer
  readonly #options: RpcConnectionOptions
  readonly #drainMs: number
  readonly #peers = new Set<Peer>()
  #closing: Promise<void> | undefined

  /** Made by `serve`. */
  constructor(server: TransportServer, options: RpcConnectionOptions, drainMs: number) {
    this.#server = server
    this.#options = options
    this.#drainMs = drainMs
    server.on('connection', (connection) => this.#accept(connection))
  }

  /** Where it listens; with port 0 the port that was given. */
  get addresses(): readonly Endpoint[] {
    return this.#server.addresses
  }

  /** Who is connected. Calls can be made to them. */
  get peers(): ReadonlySet<Peer> {
    return this.#peers
  }

  /** Takes no new connections and calls, lets running calls end, cuts off the rest after `drainMs`. */
  close(options: { drainMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(checkDrainMs(options.drainMs ?? this.#drainMs))
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(drainMs: number): Promise<void> {
    // The listening socket closes at once and its connections with it, so the peers go first.
    await Promise.all([...this.#peers].map((peer) => peer.close({ drainMs, reason: SHUTDOWN })))
    await this.#server.close()
  }

  #accept(connection: Connection): void {
    const peer = new RpcConnection(connection, this.#options)
    this.#peers.add(peer)
    void peer.closed.then(() => this.#peers.delete(peer))
    // While others drain the port is still open: who comes now is sent away.
    if (this.#closing !== undefined) void peer.close({ drainMs: 0, reason: SHUTDOWN })
  }
}

const SHUTDOWN = 'the server shuts down'

/**
 * Serves on an address: `tcp://host:port` (port 0 = any) or `unix:/path`. Rejects with a TransportError: ADDRESS_IN_USE,
 * LISTEN_FAILED.
 */
export async function serve(target: Address, options: ServeOptions): Promise<Server> {
  const { services, drainMs = 30_000, onError = warn } = options
  const { interceptors, codecs, authenticate, exposeErrors } = options
  checkDrainMs(drainMs)
  const limits = checkLimits(options.limits)
  const methods = new MethodTable(services.flatMap((service) => service.handlers))
  const server = await listen(target, { framing: framingOf(limits) })
  const own = { interceptors, codecs, authenticate, exposeErrors }
  return new Server(server, { isConnecting: false, methods, limits, defaults: {}, onError, ...own }, drainMs)
}
