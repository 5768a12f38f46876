// The way out: one socket to one address, or a TransportError that says why not.

import { connect as connectSocket, type NetConnectOpts } from 'node:net'
import { type Address, formatAddress, parseAddress } from './address.ts'
import { Connection } from './connection.ts'
import { type ConnectionOptions, checkMilliseconds, checkOptions } from './options.ts'
import { endpoints, KEEP_ALIVE_DELAY_MS, SocketChannel } from './socket-channel.ts'
import { abortedError, TransportError, toTransportError } from './transport-error.ts'

export interface ConnectOptions extends ConnectionOptions {
  /** For everything until the connection stands, name lookup included, in ms. @default 10000 */
  connectTimeoutMs?: number
  /** Gives up connecting. It has no meaning once the connection stands. */
  signal?: AbortSignal
}

/** Node gives every address of a name 250 ms, less than a distant handshake takes (nodejs/node#54359). */
const ADDRESS_ATTEMPT_MS = 1_000

/**
 * Connects over TCP or a unix socket. Rejects with a TransportError: CONNECT_REFUSED, CONNECT_TIMEOUT, CONNECT_FAILED,
 * ABORTED.
 */
export async function connect(address: Address, options: ConnectOptions = {}): Promise<Connection> {
  const { signal, connectTimeoutMs = 10_000, ...connectionOptions } = options
  checkMilliseconds('connectTimeoutMs', connectTimeoutMs)
  checkOptions(connectionOptions)
  const target: NetConnectOpts = parseAddress(address)
  if (signal?.aborted) throw abortedError(signal, 'connect')
  const socket = connectSocket({
    ...target,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
  })
  const channel = new SocketChannel(socket)
  await new Promise<void>((resolve, reject) => {
    const give = (error: TransportError): void => {
      socket.destroy()
      settle(() => reject(error))
    }
    const onAbort = (): void => give(abortedError(signal as AbortSignal, 'connect'))
    const settle = (done: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      done()
    }
    const onTimeout = (): void => {
      give(
        new TransportError('CONNECT_TIMEOUT', `${formatAddress(address)} did not answer within ${connectTimeoutMs} ms`),
      )
    }
    const timer = connectTimeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(onTimeout, connectTimeoutMs)
    channel.onClose = (error) => give(toTransportError(error, 'CONNECT_FAILED'))
    socket.once('connect', () => settle(resolve))
    signal?.addEventListener('abort', onAbort, { once: true })
  })
  return new Connection(channel, connectionOptions, endpoints(socket, target))
}
