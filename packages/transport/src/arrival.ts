// A socket from accept to the moment it may become a connection: whose it is by its PROXY header, then its TLS handshake.
// Each step has a deadline, so a peer that says nothing does not stay. Who fails a step is for the caller to destroy.

import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock, Timer } from './clock.ts'
import type { ProxyHeader } from './proxy-header.ts'
import { PROXY_TIMEOUT_MS, proxyError, type TrustedProxies, takeProxyHeader } from './proxy-source.ts'
import type { TlsAcceptor } from './tls-acceptor.ts'
import { TransportError } from './transport-error.ts'

/** Takes the PROXY header off `socket`, which is paused then. Rejects with PROXY_PROTOCOL_ERROR. */
export function learnSource(socket: Socket, proxies: TrustedProxies, clock: Clock): Promise<ProxyHeader> {
  if (!proxies.includes(socket.remoteAddress)) {
    const from = socket.remoteAddress ?? 'a unix socket'
    return Promise.reject(proxyError(`${from} is not in proxyProtocol.trusted`))
  }
  return step<ProxyHeader>(socket, clock, {
    timeoutMs: PROXY_TIMEOUT_MS,
    late: () => proxyError(`no whole PROXY header within ${PROXY_TIMEOUT_MS} ms`),
    lost: () => proxyError('the connection was lost before its PROXY header was whole'),
    begin: (settle) => takeProxyHeader(socket, settle),
  })
}

/** Does the TLS handshake. Rejects with TLS_ERROR; the message keeps OpenSSL's words. */
export function encrypt(socket: Socket, tls: TlsAcceptor, clock: Clock, timeoutMs: number): Promise<TLSSocket> {
  return step<TLSSocket>(socket, clock, {
    timeoutMs,
    late: () => tlsError(`not done within ${timeoutMs} ms`),
    lost: () => tlsError('broken off, or no valid client certificate'),
    begin: (settle) => tls.accept(socket, (error, secure) => settle(error && tlsError(error.message, error), secure)),
  })
}

interface Step<T> {
  timeoutMs: number
  /** The error of a peer that is too slow, */
  late: () => TransportError
  /** and of a socket that is closed on the way. */
  lost: () => TransportError
  begin: (settle: (error: TransportError | undefined, value?: T) => void) => void
}

function step<T>(socket: Socket, clock: Clock, { timeoutMs, late, lost, begin }: Step<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clock.clearTimeout(timer)
      socket.off('close', onLost)
    }
    const fail = (error: TransportError): void => {
      end()
      reject(error)
    }
    const onLost = (): void => fail(lost())
    const timer: Timer | undefined =
      timeoutMs === Number.POSITIVE_INFINITY ? undefined : clock.setTimeout(() => fail(late()), timeoutMs)
    socket.once('close', onLost)
    if (socket.destroyed) return onLost()
    begin((error, value) => {
      if (error) return fail(error)
      end()
      resolve(value as T)
    })
  })
}

function tlsError(message: string, cause?: Error): TransportError {
  return new TransportError('TLS_ERROR', `TLS handshake: ${message}`, cause === undefined ? undefined : { cause })
}
