// The TLS options of both ends: Node's own names, safe defaults. TLS 1.2 is the least, the peer is verified, and what a
// callback of the application throws fails one handshake instead of the process (CVE-2026-21637).

import { isIP } from 'node:net'
import {
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type SecureContextOptions,
  type TlsOptions,
} from 'node:tls'
import { callbackError } from './transport-error.ts'

/** Certificate, key, authorities and ciphers, with Node's names; `minVersion` is TLSv1.2 or TLSv1.3. */
export interface TlsContextOptions
  extends Omit<SecureContextOptions, 'minVersion' | 'secureProtocol' | 'ALPNCallback'> {
  /** @default 'TLSv1.2' */
  minVersion?: 'TLSv1.2' | 'TLSv1.3'
}

/** TLS of a server. `cert` and `key` (or `pfx`) are needed, unless `SNICallback` finds one for every name. */
export interface ServerTlsOptions extends TlsContextOptions {
  /** Asks clients for a certificate by one of `ca` (mutual TLS). @default true if `ca` is given */
  requestCert?: boolean
  /** Refuses clients whose certificate is not by one of `ca`. @default true */
  rejectUnauthorized?: boolean
  /** Protocols in order of preference; a client that offers none of them is refused. */
  ALPNProtocols?: readonly string[]
  /** Instead of ALPNProtocols: picks one of the client's, or undefined to refuse it. */
  ALPNCallback?: (offer: { servername: string; protocols: string[] }) => string | undefined
  /** The certificate for a name; what it throws refuses that client. */
  SNICallback?: (servername: string, done: (error: Error | null, context?: SecureContext) => void) => void
}

/** TLS of a client. */
export interface ClientTlsOptions extends TlsContextOptions {
  /** The name the server must have a certificate for. @default the host of the address, unless that is an IP address */
  servername?: string
  /** Refuses servers whose certificate is not valid. @default true, whatever NODE_TLS_REJECT_UNAUTHORIZED says */
  rejectUnauthorized?: boolean
  /** Protocols to offer, in order of preference. */
  ALPNProtocols?: readonly string[]
  /** A session of an earlier connection, to resume. */
  session?: Buffer
  /** Checks the name in a certificate that is valid; an Error refuses it. @default Node's checkServerIdentity */
  checkServerIdentity?: (hostname: string, certificate: PeerCertificate) => Error | undefined
}

/** What `tls.createServer` takes. Throws TypeError or RangeError for options that can not be meant. */
export function serverTls(options: ServerTlsOptions): TlsOptions {
  checkContext(options)
  const { ca, pfx, cert, SNICallback, ALPNCallback } = options
  const requestCert = options.requestCert ?? ca !== undefined
  const rejectUnauthorized = options.rejectUnauthorized ?? true
  if (cert === undefined && pfx === undefined && SNICallback === undefined) {
    throw new TypeError('tls of a server needs cert and key, pfx, or SNICallback')
  }
  // Without, the certificates of all public authorities would be taken.
  if (requestCert && rejectUnauthorized && ca === undefined && pfx === undefined) {
    throw new TypeError('tls.requestCert needs tls.ca: whose client certificates are taken')
  }
  return {
    ...(options as TlsOptions),
    minVersion: options.minVersion ?? 'TLSv1.2',
    requestCert,
    rejectUnauthorized,
    ...(SNICallback ? { SNICallback: guardSni(SNICallback) } : {}),
    ...(ALPNCallback ? { ALPNCallback: guardAlpn(ALPNCallback) } : {}),
  } as TlsOptions
}

/** What `tls.connect` takes besides the address. Throws as `serverTls` does. */
export function clientTls(options: ClientTlsOptions, host: string | undefined): object {
  checkContext(options)
  const named = host !== undefined && isIP(host) === 0 ? host : undefined
  const servername = options.servername ?? named
  const check = options.checkServerIdentity ?? checkServerIdentity
  return {
    ...options,
    minVersion: options.minVersion ?? 'TLSv1.2',
    rejectUnauthorized: options.rejectUnauthorized ?? true,
    ...(servername === undefined ? {} : { servername }),
    checkServerIdentity: (name: string, certificate: PeerCertificate) => {
      try {
        return check(name, certificate)
      } catch (error) {
        return callbackError(error)
      }
    },
  }
}

/** Throws for a certificate, key or version that cannot be used, before anything is opened. */
export function checkContext(options: TlsContextOptions): void {
  if (typeof options !== 'object' || options === null) throw new TypeError('tls must be an object of options')
  const { minVersion, secureProtocol } = options as SecureContextOptions
  if (minVersion !== undefined && minVersion !== 'TLSv1.2' && minVersion !== 'TLSv1.3') {
    throw new RangeError(`tls.minVersion must be TLSv1.2 or TLSv1.3, got ${minVersion}`)
  }
  if (secureProtocol !== undefined) throw new TypeError('tls.secureProtocol is not taken: use minVersion, maxVersion')
  try {
    createSecureContext(options)
  } catch (error) {
    throw new TypeError(`tls: ${(error as Error).message}`, { cause: error })
  }
}

function guardSni(callback: NonNullable<ServerTlsOptions['SNICallback']>): NonNullable<TlsOptions['SNICallback']> {
  return (servername, done) => {
    let isDone = false
    const once = (error: Error | null, context?: SecureContext): void => {
      if (!isDone) done(error, context)
      isDone = true
    }
    guard(
      () => callback(servername, once),
      (error) => once(error),
    )
  }
}

function guardAlpn(callback: NonNullable<ServerTlsOptions['ALPNCallback']>): NonNullable<TlsOptions['ALPNCallback']> {
  return (offer) => {
    let chosen: string | undefined
    guard(
      () => {
        chosen = callback(offer)
      },
      (error) => process.emitWarning(error),
    )
    // Node throws where nobody can catch it for anything that was not offered.
    return chosen !== undefined && offer.protocols.includes(chosen) ? chosen : undefined
  }
}

/** Runs a callback of the application, async or not. */
function guard(run: () => unknown, failed: (error: Error) => void): void {
  try {
    const answer = run()
    if (answer instanceof Promise) answer.catch((error) => failed(callbackError(error)))
  } catch (error) {
    failed(callbackError(error))
  }
}
