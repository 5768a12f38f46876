// Every option of a server besides those of its connections, with its default, and the one place where it is checked.

import { defaultMaxConnections } from './admission.ts'
import type { Clock } from './clock.ts'
import type { Connection } from './connection.ts'
import type { ListenerOptions } from './listener.ts'
import { type ConnectionOptions, checkLimit, checkMilliseconds, checkOptions } from './options.ts'
import { type ProxyProtocolOptions, TrustedProxies } from './proxy-source.ts'
import { TlsAcceptor } from './tls-acceptor.ts'
import type { ServerTlsOptions } from './tls-options.ts'

/** Options of `listen`: who may come in, TLS, unix sockets, the end, and those of every connection. */
export interface ServerOptions extends ConnectionOptions, ListenerOptions {
  /** Speaks TLS on every address that does not say `tls: false`. @default plain */
  tls?: ServerTlsOptions | undefined
  /** From accept, or from the PROXY header, to the end of the TLS handshake, in ms. @default 10000 */
  handshakeTimeoutMs?: number
  /** Every connection begins with a PROXY v2 header by a trusted proxy, or is dropped. @default off */
  proxyProtocol?: ProxyProtocolOptions
  /** Sockets at a time, those in a handshake included; more are dropped. @default 10000, at most 0.8 x the fd limit */
  maxConnections?: number
  /** The same for one client address. @default Infinity */
  maxConnectionsPerAddress?: number
  /**
   * Unsent bytes of all connections together; above it the one that holds the most ends with SLOW_CONSUMER.
   * @default 256 MiB
   */
  maxTotalBuffered?: number
  /**
   * Called for every open connection when `close` begins: send what is still owed. The connection stays open, both ways,
   * until the promise settles, and is closed in good order then; at the deadline in any case. @default closes at once
   */
  beforeClose?: (connection: Connection) => unknown
  /** How long `close` lets open connections end by themselves, in ms. @default 30000 */
  drainTimeoutMs?: number
  /** Gives up listening. It has no meaning once the server listens. */
  signal?: AbortSignal
}

/** What a server works with once its options are checked. */
export interface CheckedServerOptions {
  connection: ConnectionOptions
  clock: Clock
  listener: ListenerOptions
  tls: TlsAcceptor | undefined
  proxies: TrustedProxies | undefined
  handshakeTimeoutMs: number
  maxConnections: number
  maxConnectionsPerAddress: number
  maxTotalBuffered: number
  beforeClose: ((connection: Connection) => unknown) | undefined
  drainTimeoutMs: number
}

/** Throws TypeError or RangeError for what can not be meant. */
export function checkServerOptions(options: ServerOptions): CheckedServerOptions {
  const { tls, proxyProtocol, handshakeTimeoutMs = 10_000, drainTimeoutMs = 30_000, beforeClose, ...others } = options
  const { socketMode, staleSocket, retry, backlog, reusePort, signal: _, ...more } = others
  const { maxConnections = defaultMaxConnections(), maxConnectionsPerAddress, ...inner } = more
  const { maxTotalBuffered = 256 * 1024 * 1024, ...connection } = inner
  checkListener(others)
  if (beforeClose !== undefined && typeof beforeClose !== 'function') {
    throw new TypeError(`beforeClose must be a function, got ${String(beforeClose)}`)
  }
  // Checked once, and one object for all connections.
  const checked = checkOptions(connection)
  return {
    connection: checked as ConnectionOptions,
    clock: checked.clock,
    listener: others,
    tls: tls && new TlsAcceptor(tls),
    proxies: proxyProtocol && new TrustedProxies(proxyProtocol),
    handshakeTimeoutMs: checkMilliseconds('handshakeTimeoutMs', handshakeTimeoutMs),
    maxConnections: checkLimit('maxConnections', maxConnections),
    maxConnectionsPerAddress: checkLimit(
      'maxConnectionsPerAddress',
      maxConnectionsPerAddress ?? Number.POSITIVE_INFINITY,
    ),
    maxTotalBuffered: checkLimit('maxTotalBuffered', maxTotalBuffered),
    beforeClose,
    drainTimeoutMs: checkMilliseconds('drainTimeoutMs', drainTimeoutMs),
  }
}

function checkListener({ socketMode, staleSocket, retry, backlog }: ListenerOptions): void {
  if (backlog !== undefined && !(Number.isInteger(backlog) && backlog >= 1 && backlog <= 0x7fff_ffff)) {
    throw new RangeError(`backlog must be an integer of at least 1, got ${String(backlog)}`)
  }
  if (socketMode !== undefined && !(Number.isInteger(socketMode) && socketMode >= 0 && socketMode <= 0o777)) {
    throw new RangeError(`socketMode must be from 0 to 0o777, got ${String(socketMode)}`)
  }
  if (staleSocket !== undefined && staleSocket !== 'replace' && staleSocket !== 'error') {
    throw new TypeError(`staleSocket must be 'replace' or 'error', got ${String(staleSocket)}`)
  }
  if (retry === undefined) return
  if (!(Number.isSafeInteger(retry.attempts) && retry.attempts >= 1)) {
    throw new RangeError(`retry.attempts must be an integer of at least 1, got ${String(retry.attempts)}`)
  }
  if (checkMilliseconds('retry.delayMs', retry.delayMs) === Number.POSITIVE_INFINITY) {
    throw new RangeError('retry.delayMs must be finite')
  }
}
