// The serving side: every accepted connection becomes a peer that may call the services.

import {
  type Clock,
  type Connection,
  type Endpoint,
  type ListenAddress,
  listen,
  type ServerTlsOptions,
  type TlsContextOptions,
  type ServerOptions as TransportOptions,
  type Server as TransportServer,
} from '@framewire/transport'
import type { Authenticate } from './authentication.ts'
import { type Codec, knownCodecs } from './codec.ts'
import { checkDrainMs } from './drain-wait.ts'
import { type OnError, warn } from './error-report.ts'
import { farewell } from './frame-writer.ts'
import type { Service } from './implement.ts'
import type { Interceptor } from './interceptor.ts'
import { checkLimits, framingOf, type Limits } from './limits.ts'
import { MethodTable } from './method-table.ts'
import type { Peer } from './peer.ts'
import { RpcConnection } from './rpc-connection.ts'
import type { RpcConnectionOptions } from './rpc-connection-options.ts'
import { ALPN } from './target.ts'

/** Options of `serve`. */
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
  /** What this side takes at most of each peer. @default every limit at its default */
  limits?: Limits
  /** Speaks TLS, on every address that does not say `tls: false`, with the ALPN name `framewire/1`. */
  tls?: ServerTlsOptions
  /** Tells callers what a handler threw that was no RpcError. @default false */
  exposeErrors?: boolean
  /** How long `close` lets calls end by themselves, in ms. @default 30000 */
  drainMs?: number
  /** Gets what a handler threw that was no RpcError, and its method. @default a process warning */
  onError?: OnError
  /** What `listen` of the transport is told besides: `maxConnections`, `socketMode`, `proxyProtocol`... */
  transport?: Omit<TransportOptions, 'framing' | 'tls' | 'clock' | 'beforeClose' | 'drainTimeoutMs'>
  /** Where times come from; for tests. @default monotonic time and the timers of the process */
  clock?: Clock
}

/** What is left after `drainMs` is told so, and cut off when this is over too. */
const GOODBYE_MS = 1_000
const MAX_DELAY_MS = 0x7fff_ffff

/** Serves until it is closed. */
export class Server implements AsyncDisposable {
  readonly #server: TransportServer
  readonly #drainMs: number
  readonly #peers: ReadonlyMap<Connection, Peer>
  readonly #endings: ReadonlySet<Promise<void>>

  /** Made by `serve`. `endings`: of peers that are gone, while their handlers are not. */
  constructor(
    server: TransportServer,
    peers: ReadonlyMap<Connection, Peer>,
    drainMs: number,
    endings: ReadonlySet<Promise<void>> = new Set(),
  ) {
    this.#server = server
    this.#peers = peers
    this.#endings = endings
    this.#drainMs = drainMs
  }

  /** Where it listens; with port 0 the port that was given. */
  get addresses(): readonly Endpoint[] {
    return this.#server.addresses
  }

  /** Who is connected now. Calls can be made to them. */
  get peers(): ReadonlySet<Peer> {
    return new Set(this.#peers.values())
  }

  /** New certificates and keys for connections from now on. Throws TypeError for what cannot be used, or without `tls`. */
  updateTls(options: TlsContextOptions): void {
    this.#server.updateTls(options)
  }

  /**
   * Takes no new connections and calls, lets running calls end, and cuts off the rest after `drainMs`: done at the latest
   * 1 s later. Called again it can bring that nearer.
   */
  close({ drainMs = this.#drainMs }: { drainMs?: number } = {}): Promise<void> {
    const closing = this.#server.close({ drainTimeoutMs: Math.min(checkDrainMs(drainMs) + GOODBYE_MS, MAX_DELAY_MS) })
    const reason = 'the server shuts down'
    const peers = [...this.#peers.values()].map((peer) => peer.close({ drainMs, reason }))
    return Promise.all([closing, ...peers, ...this.#endings]).then(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/**
 * Serves on one address or several: `tcp://host:port` (port 0 = any), `tls://host:port` or `unix:/path`. Rejects with a
 * TransportError: ADDRESS_IN_USE, LISTEN_FAILED.
 */
export async function serve(target: ListenAddress | readonly ListenAddress[], options: ServeOptions): Promise<Server> {
  const { services, drainMs = 30_000, onError = warn, tls, clock, transport = {} } = options
  const { interceptors, authenticate, exposeErrors } = options
  checkDrainMs(drainMs)
  const limits = checkLimits(options.limits)
  const methods = new MethodTable(services.flatMap((service) => service.handlers))
  const shared = { interceptors, codecs: knownCodecs(options.codecs), authenticate, exposeErrors, clock }
  const rpc: RpcConnectionOptions = { isConnecting: false, methods, limits, defaults: {}, onError, ...shared }
  const peers = new Map<Connection, Peer>()
  const endings = new Set<Promise<void>>()
  const own = {
    ...(tls && { tls: { ALPNProtocols: [ALPN], ...tls } }),
    ...(clock && { clock }),
    framing: framingOf(limits),
    farewell,
    // The peer closes its connection itself, when its last call has ended.
    beforeClose: ({ closed }: Connection) => closed,
  }
  const server = await listen(target, { ...transport, ...own }, (connection) => {
    const peer = new RpcConnection(connection, rpc)
    peers.set(connection, peer)
    void peer.closed.then(() => {
      peers.delete(connection)
      const ending = peer.close({ drainMs: 0 }).then(() => void endings.delete(ending))
      endings.add(ending)
    })
  })
  return new Server(server, peers, drainMs, endings)
}
