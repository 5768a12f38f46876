// The calling side: a connection, and a peer on it.

import { lengthField } from '@framewire/codec'
import { type Address, connect as connectTransport, TransportError } from '@framewire/transport'
import type { Service } from './implement.ts'
import { checkLimits, type Limits } from './limits.ts'
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
  limits?: Limits
  /** Gets what a handler threw that was no RpcError, and its method. @default a process warning */
  onError?: (error: unknown, method: string) => void
}

/**
 * Connects to a peer: `tcp://host:port` or `unix:/path`. Calls may be made at once, they travel right behind the
 * handshake. Rejects with RpcError UNAVAILABLE (cause: the TransportError), or CANCELLED by `signal`.
 */
export async function connect(target: Address, options: ConnectOptions = {}): Promise<Peer> {
  const { services = [], timeoutMs, connectTimeoutMs, signal, onError = warn } = options
  const limits = checkLimits(options.limits)
  const methods = new MethodTable(services.flatMap((service) => service.handlers))
  const framing = lengthField({ maxFrameLength: limits.maxFrame })
  try {
    const connection = await connectTransport(target, {
      framing,
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    })
    const defaults = timeoutMs === undefined ? {} : { timeoutMs }
    return new RpcConnection(connection, { isConnecting: true, methods, limits, defaults, onError })
  } catch (error) {
    if (!(error instanceof TransportError)) throw error
    const code = error.code === 'ABORTED' ? 'CANCELLED' : 'UNAVAILABLE'
    throw new RpcError(code, error.message, { notProcessed: true, cause: error })
  }
}

/** Where errors go that nobody asked for: seen, and not fatal. */
export function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
