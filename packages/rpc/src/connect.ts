// The calling side: a connection with a peer on it, or a peer that outlives its connections.

import {
  type Address,
  type BackoffOptions,
  type ClientTlsOptions,
  type Clock,
  type Connection,
  connect as connectTransport,
  createReconnector,
  systemClock,
  TransportError,
  type ConnectOptions as TransportOptions,
} from '@framewire/transport'
import { type Codec, knownCodecs } from './codec.ts'
import { type OnError, warn } from './error-report.ts'
import { farewell } from './frame-writer.ts'
import type { Service } from './implement.ts'
import type { Interceptor } from './interceptor.ts'
import { checkLimits, framingOf, type Limits } from './limits.ts'
import { Meta, type MetaInit } from './meta.ts'
import { MethodTable } from './method-table.ts'
import { timeoutOf } from './outgoing-call.ts'
import type { Peer } from './peer.ts'
import { ReconnectingPeer } from './reconnecting-peer.ts'
import { RpcConnection } from './rpc-connection.ts'
import type { RpcConnectionOptions } from './rpc-connection-options.ts'
import { RpcError } from './rpc-error.ts'
import { ALPN, endpointOf, isSecure } from './target.ts'

/** When another attempt to connect follows, and when none does. */
export interface ReconnectOptions extends BackoffOptions {
  /** Failures in a row after which the peer is closed. @default Infinity */
  attempts?: number
  /** A connection that stood so long, in ms, or brought a message, was no failure. @default 10000 */
  stableAfterMs?: number
}

/** Options of `connect`. */
export interface ConnectOptions {
  /** What the other side may call here. */
  services?: readonly Service[]
  /** Default for calls that name none, in ms. @default 10000 */
  timeoutMs?: number
  /**
   * Default for calls, see `CallOptions`. With it `connect` does not wait for the first connection: the calls do.
   * @default false
   */
  waitForReady?: boolean
  /** A lost connection is made again, after a delay as these options say; false = it is the only one. @default true */
  reconnect?: boolean | ReconnectOptions
  /** The same as `limits.maxQueued`. */
  maxQueued?: number
  /** Speaks TLS, with the ALPN name `framewire/1`. @default for `tls://` only, with Node's authorities */
  tls?: ClientTlsOptions
  /** For each attempt to connect, name lookup and TLS included, in ms. @default 10000 */
  connectTimeoutMs?: number
  /** Gives up connecting. It has no meaning once the first connection stands. */
  signal?: AbortSignal
  /** What stands around every call, made here or served here. The first is the outermost. */
  interceptors?: readonly Interceptor[]
  /** Encodings besides JSON in which methods may be called here. */
  codecs?: readonly Codec[]
  /** Metadata of the connection, for the `authenticate` of the other side: a token, a version. */
  hello?: MetaInit
  /** What this side takes at most. @default every limit at its default */
  limits?: Limits
  /** Tells callers what a handler threw that was no RpcError. @default false */
  exposeErrors?: boolean
  /** Gets what a handler threw that was no RpcError, and its method. @default a process warning */
  onError?: OnError
  /** What the transport is told of each connection besides: `sendHighWaterMark`, `busyPollMicros`... */
  transport?: Omit<TransportOptions, 'framing' | 'tls' | 'clock' | 'connectTimeoutMs' | 'signal'>
  /** Where times come from; for tests. @default monotonic time and the timers of the process */
  clock?: Clock
}

/**
 * Connects to a peer: `tcp://host:port`, `tls://host:port` or `unix:/path`; of several addresses to the first that answers,
 * and to the next when that is lost. Resolves once the other side has said HELLO. Rejects with RpcError UNAVAILABLE (cause:
 * the TransportError) when every address has failed once, or with CANCELLED by `signal`. With `reconnect: false` it
 * resolves with the connection, and calls travel right behind the handshake.
 */
export async function connect(target: Address | readonly Address[], options: ConnectOptions = {}): Promise<Peer> {
  return connectBy(connectTransport, target, options)
}

/** The same, with who makes the connections, and the first stream id of the first of them. */
export async function connectBy(
  dial: (address: Address, options: TransportOptions) => Promise<Connection>,
  target: Address | readonly Address[],
  options: ConnectOptions,
  firstId?: number,
): Promise<Peer> {
  const { reconnect = true, signal } = options
  const addresses = (Array.isArray(target) ? target : [target]) as readonly Address[]
  const [first] = addresses
  if (first === undefined) throw new TypeError('connect needs an address')
  if (signal && typeof signal.addEventListener !== 'function') throw new TypeError('signal must be an AbortSignal')
  if (reconnect === false && addresses.length > 1) throw new TypeError('several addresses need reconnect')
  const rpc = { ...rpcOptions(options), firstId }
  const transport = transportOptions(options, rpc.limits)
  const connectTo = (address: Address, own: TransportOptions): Promise<Connection> => {
    const { tls = isSecure(address) ? {} : undefined } = own
    return dial(address, tls === undefined ? own : { ...own, tls: { ALPNProtocols: [ALPN], ...tls } })
  }
  try {
    if (reconnect === false) {
      return new RpcConnection(await connectTo(first, { ...transport, ...(signal && { signal }) }), rpc)
    }
    const again = { ...transport, ...(reconnect !== true && reconnect), connect: connectTo as typeof connectTransport }
    const own = { ...rpc, addresses: addresses.length, target: endpointOf(first) }
    const peer = new ReconnectingPeer(createReconnector(addresses, again), own)
    const isReady = firstConnection(peer, signal)
    if (options.waitForReady !== true || signal?.aborted) await isReady
    else isReady.catch(() => {}) // it was closed: its calls are told
    return peer
  } catch (error) {
    if (!(error instanceof TransportError)) throw error
    const code = error.code === 'ABORTED' ? 'CANCELLED' : 'UNAVAILABLE'
    throw new RpcError(code, error.message, { notProcessed: true, cause: error })
  }
}

function rpcOptions(options: ConnectOptions): RpcConnectionOptions & { clock: Clock } {
  const { services = [], timeoutMs, waitForReady, maxQueued, onError = warn, clock = systemClock } = options
  const { interceptors, codecs, hello, exposeErrors } = options
  timeoutOf('unary', options, clock) // throws for what no call could have
  const limits = checkLimits({ ...options.limits, ...(maxQueued !== undefined && { maxQueued }) })
  const methods = new MethodTable(services.flatMap((service) => service.handlers))
  const defaults = {
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(waitForReady !== undefined && { waitForReady }),
  }
  return {
    isConnecting: true,
    methods,
    limits,
    defaults,
    onError,
    clock,
    interceptors,
    exposeErrors,
    codecs: knownCodecs(codecs),
    hello: new Meta(hello),
  }
}

function transportOptions(options: ConnectOptions, limits: Required<Limits>): TransportOptions {
  const { connectTimeoutMs, tls, clock, transport } = options
  return {
    ...transport,
    framing: framingOf(limits),
    farewell,
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
    ...(tls && { tls }),
    ...(clock && { clock }),
  }
}

async function firstConnection(peer: ReconnectingPeer, signal: AbortSignal | undefined): Promise<void> {
  let isAborted = signal?.aborted === true
  const onAbort = (): void => {
    isAborted = true
    void peer.close({ drainMs: 0 })
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const ready = peer.ready()
    if (isAborted) onAbort()
    await ready
  } catch (error) {
    if (!isAborted) {
      await peer.close({ drainMs: 0 })
      throw error
    }
    throw new RpcError('CANCELLED', 'connect was given up', { notProcessed: true, cause: signal?.reason })
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}
