// The serving side of TLS: an accepted socket goes in, an encrypted one comes out, or the reason why not. One context for
// all sockets of a server, so a new certificate holds for every handshake from then on.

import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { checkContext, type ServerTlsOptions, serverTls, type TlsContextOptions } from './tls-options.ts'

type Done = (error: Error | undefined, socket?: TLSSocket) => void

/** Node's own limit can not be turned off; ours is shorter. */
const NO_TIMEOUT = 0x7fff_ffff

export class TlsAcceptor {
  readonly #server: Server
  readonly #waiting = new WeakMap<Socket, Done>()
  #options: ServerTlsOptions

  /** Throws TypeError or RangeError for options that can not be meant. */
  constructor(options: ServerTlsOptions) {
    this.#options = options
    // It never listens: sockets are given to it, as Node's documentation of its 'connection' event allows.
    this.#server = createServer({ ...serverTls(options), handshakeTimeout: NO_TIMEOUT })
    this.#server.on('secureConnection', (socket) => {
      // From here on the errors of the socket are ours.
      socket.on('error', () => {})
      socket.allowHalfOpen = true
      this.#settle(socket, undefined)
    })
    this.#server.on('tlsClientError', (error, socket) => this.#settle(socket, error))
    this.#server.on('error', () => {})
  }

  /** Begins a handshake; `done` is called once at most, and not when `socket` just closes. */
  accept(socket: Socket, done: Done): void {
    this.#waiting.set(socket, done)
    // Who ends within the handshake is gone; only with half-open off Node tells of it before the deadline.
    socket.allowHalfOpen = false
    this.#server.emit('connection', socket)
  }

  /** New certificates for handshakes from now on. Throws as the constructor does, and keeps the old ones. */
  update(options: TlsContextOptions): void {
    const given = Object.entries(options).filter(([, value]) => value !== undefined)
    const updated: ServerTlsOptions = { ...this.#options, ...Object.fromEntries(given) }
    checkContext(updated)
    this.#server.setSecureContext({ ...updated, minVersion: updated.minVersion ?? 'TLSv1.2' })
    this.#options = updated
  }

  #settle(socket: TLSSocket, error: Error | undefined): void {
    const plain = plainSocketOf(socket)
    const done = plain && this.#waiting.get(plain)
    if (plain) this.#waiting.delete(plain)
    // Whose socket this is nobody knows then, nor who may use it.
    if (done === undefined) socket.destroy()
    else done(error, socket)
  }
}

/** The socket that carries an encrypted one. Node keeps it there and has no public name for it. */
function plainSocketOf(socket: TLSSocket): Socket | undefined {
  return (socket as unknown as { _parent?: Socket })._parent
}
