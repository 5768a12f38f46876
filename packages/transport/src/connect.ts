// The way out: one socket to one address, or a TransportError that says why not.

import { connect as connectPlain, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectSecure, type ConnectionOptions as NodeTlsOptions, type TLSSocket } from 'node:tls'
import { type Address, formatAddress, type ParsedAddress, parseAddress } from './address.ts'
import { Connection } from './connection.ts'
import { traceConnect } from './diagnostics.ts'
import { type ConnectionOptions, checkMilliseconds, checkOptions } from './options.ts'
import { endpoints, KEEP_ALIVE_DELAY_MS, SocketChannel } from './socket-channel.ts'
import { TlsInfo } from './tls-info.ts'
import { type ClientTlsOptions, clientTls } from './tls-options.ts'
import { abortedError, isKernelTimeout, TransportError, toTransportError } from './transport-error.ts'

/** Options of `connect`: TLS, time limits, a signal, and those of every connection. */
export interface ConnectOptions extends ConnectionOptions {
  /** Speaks TLS, also where the address is `tcp://` or a unix socket. @default for `tls://` only, with Node's authorities */
  tls?: ClientTlsOptions | undefined
  /** For everything until the connection stands, name lookup and TLS included, in ms. @default 10000 */
  connectTimeoutMs?: number
  /** For the TLS handshake alone, in ms. @default 10000 */
  handshakeTimeoutMs?: number
  /** Gives up connecting. It has no meaning once the connection stands. */
  signal?: AbortSignal
}

/** Node gives every address of a name 250 ms, less than a distant handshake takes (nodejs/node#54359). */
const ADDRESS_ATTEMPT_MS = 1_000

/**
 * Connects over TCP, TLS or a unix socket. With TLS it resolves when the handshake is done and the server verified.
 * Rejects with a TransportError: CONNECT_REFUSED, CONNECT_TIMEOUT, CONNECT_FAILED, CONNECTION_RESET, TLS_ERROR, ABORTED.
 */
export async function connect(address: Address, options: ConnectOptions = {}): Promise<Connection> {
  const { signal, tls, connectTimeoutMs = 10_000, handshakeTimeoutMs = 10_000, ...connectionOptions } = options
  checkMilliseconds('connectTimeoutMs', connectTimeoutMs)
  checkMilliseconds('handshakeTimeoutMs', handshakeTimeoutMs)
  const checked = checkOptions(connectionOptions) as ConnectionOptions
  const target = parseAddress(address)
  const isSecure = target.tls ?? tls !== undefined
  const tlsOptions = isSecure ? clientTls(tls ?? {}, 'host' in target ? target.host : undefined) : undefined
  if (signal?.aborted) throw abortedError(signal, 'connect')
  const name = formatAddress(address)
  const attempt = { name, target, tlsOptions, checked, signal, connectTimeoutMs, handshakeTimeoutMs }
  return traceConnect(name, () => open(attempt))
}

interface Attempt {
  name: string
  target: ParsedAddress
  tlsOptions: object | undefined
  checked: ConnectionOptions
  signal: AbortSignal | undefined
  connectTimeoutMs: number
  handshakeTimeoutMs: number
}

function open(attempt: Attempt): Promise<Connection> {
  const { name, target, tlsOptions, checked, signal, connectTimeoutMs, handshakeTimeoutMs } = attempt
  const isSecure = tlsOptions !== undefined
  const socket = openSocket(target, tlsOptions)
  const channel = new SocketChannel(socket)
  return new Promise<Connection>((resolve, reject) => {
    const timers: NodeJS.Timeout[] = []
    let isTransportUp = false
    const give = (error: TransportError): void => {
      socket.destroy()
      settle(() => reject(error))
    }
    const onAbort = (): void => give(abortedError(signal as AbortSignal, 'connect'))
    const settle = (done: () => void): void => {
      for (const timer of timers) clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      done()
    }
    const giveAfter = (timeoutMs: number, what: string): void => {
      if (timeoutMs === Number.POSITIVE_INFINITY) return
      const text = `${name} did not ${what} within ${timeoutMs} ms`
      timers.push(setTimeout(() => give(new TransportError('CONNECT_TIMEOUT', text)), timeoutMs))
    }
    giveAfter(connectTimeoutMs, 'answer')
    channel.onClose = (error) => give(connectError(error, isTransportUp))
    socket.once('connect', () => {
      isTransportUp = true
      if (isSecure) giveAfter(handshakeTimeoutMs, 'finish its TLS handshake')
    })
    // The connection is made at once: bytes may follow the handshake in the same chunk.
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      const info = isSecure ? { tls: new TlsInfo(socket as TLSSocket) } : {}
      const connection = new Connection(channel, checked, { ...endpoints(socket, target), ...info })
      settle(() => resolve(connection))
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function openSocket({ tls: _, ...target }: ParsedAddress, tlsOptions: object | undefined): Socket {
  const options = {
    ...target,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
  }
  if (tlsOptions === undefined) return connectPlain(options as NetConnectOpts)
  return connectSecure({ ...tlsOptions, ...options } as NodeTlsOptions)
}

function connectError(error: Error | undefined, isTransportUp: boolean): TransportError {
  if (isTransportUp) return toTransportError(error, 'TLS_ERROR')
  return toTransportError(error, isKernelTimeout(error) ? 'CONNECT_TIMEOUT' : 'CONNECT_FAILED')
}
