// The calling side: a connection, and a peer on it.

import { type Address, connect as connectTransport, TransportError } from '@framewire/transport'
import type { Codec } from './codec.ts'
import { type OnError, warn } from './error-report.ts'
import type { Service } from './implement.ts'
import type { Interceptor } from './interceptor.ts'
import { checkLimits, framingOf, type Limits } from './limits.ts'
import type { MetaInit } from './meta.ts'
import { MethodTable } from './method-table.ts'
import type { Peer } from './peer.ts'
import { RpcConnection } from './rpc-connection.ts'
import { RpcError } from './rpc-error.ts'

export interface ConnectOptions {
  /** What the other side may call here. */
  services?: readonly Service[]
  /** Default for calls that name none, in ms. @default 10000 */
  timeoutMs?: number
  /** For connecting, in ms. @default 10000 */
  connectTimeoutMs?: number
  /** Gives up connecting. It has no meaning once the connection stands. */
  signal?: AbortSignal
  /** What stands around every call, made here or served here. The first is the outermost. */
  interceptors?: readonly Interceptor[]
  /** Encodings besides JSON in which methods may be called here. */
  codecs?: readonly Codec[]
  /** Metadata of the connection, for the `authenticate` of the other side: a token, a version. */
  hello?: MetaInit
  limits?: Limits
  /** Tells callers what a handler threw that was no RpcError. @default false */
  exposeErrors?: boolean
  /** Gets what a handler threw that was no RpcError, and its method. @default a process warning */
  onError?: OnError
}

/**
 * Connects to a peer: `tcp://host:port` or `unix:/path`. Calls may be made at once, they travel right behind the
 * handshake. Rejects with RpcError UNAVAILABLE (cause: the TransportError), or CANCELLED by `signal`.
 */
export async function connect(target: Address, options: ConnectOptions = {}): Promise<Peer> {
  const { services = [], timeoutMs, connectTimeoutMs, signal, onError = warn } = options
  const { interceptors, codecs, hello, exposeErrors } = options
  const limits = checkLimits(options.limits)
  const methods = new MethodTable(services.flatMap((service) => service.handlers))
  const framing = framingOf(limits)
  try {
    const connection = await connectTransport(target, {
      framing,
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    })
    const defaults = timeoutMs === undefined ? {} : { timeoutMs }
    const own = { interceptors, codecs, hello, exposeErrors }
    return new RpcConnection(connection, { isConnecting: true, methods, limits, defaults, onError, ...own })
  } catch (error) {
    if (!(error instanceof TransportError)) throw error
    const code = error.code === 'ABORTED' ? 'CANCELLED' : 'UNAVAILABLE'
    throw new RpcError(code, error.message, { notProcessed: true, cause: error })
  }
}
