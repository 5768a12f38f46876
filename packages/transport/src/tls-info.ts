// What TLS knows about a connection. A certificate is parsed when it is first asked for, and kept.

import type { PeerCertificate, TLSSocket } from 'node:tls'

/** The TLS side of a connection, as it was agreed on in the handshake. */
export class TlsInfo {
  /** Whether the peer's certificate was asked for and is valid. */
  readonly authorized: boolean
  /** Why it is not; undefined if it is, or was not asked for. */
  readonly authorizationError: string | undefined
  /** `'TLSv1.2'` or `'TLSv1.3'`. */
  readonly protocol: string | undefined
  /** What both ends agreed on (RFC 7301); undefined = nothing. */
  readonly alpnProtocol: string | undefined
  /** The name the client asked for (SNI); undefined = none. */
  readonly servername: string | undefined
  readonly #socket: TLSSocket
  #peerCertificate: PeerCertificate | undefined

  /** Made by `connect` and `listen`, from a socket whose handshake is done. */
  constructor(socket: TLSSocket) {
    const { authorizationError, alpnProtocol } = socket
    const { servername } = socket as { servername?: string | false | null }
    this.#socket = socket
    this.authorized = socket.authorized
    this.authorizationError = authorizationError ? String(authorizationError) : undefined
    this.protocol = socket.getProtocol() ?? undefined
    this.alpnProtocol = alpnProtocol || undefined
    this.servername = servername || undefined
  }

  /** The cipher suite by its IANA name. */
  get cipher(): string | undefined {
    return this.#socket.getCipher()?.standardName
  }

  /** The peer's certificate; undefined if it has none, or if it is first asked for after the connection was closed. */
  get peerCertificate(): PeerCertificate | undefined {
    if (this.#peerCertificate === undefined && !this.#socket.destroyed) {
      const certificate = this.#socket.getPeerCertificate()
      if (certificate?.raw !== undefined) this.#peerCertificate = certificate
    }
    return this.#peerCertificate
  }
}
