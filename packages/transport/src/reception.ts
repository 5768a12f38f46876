// Between a listening socket and a connection: who may come in, whose the socket is, its handshake. Every socket leaves
// here exactly once, as ready or as dropped, and whatever a peer does, nothing is thrown.

import type { Socket } from 'node:net'
import { Admission } from './admission.ts'
import { encrypt, learnSource } from './arrival.ts'
import type { Clock } from './clock.ts'
import type { Endpoint } from './endpoint.ts'
import type { Listener } from './listener.ts'
import type { ProxyHeader } from './proxy-header.ts'
import type { CheckedServerOptions } from './server-options.ts'
import { endpoints } from './socket-channel.ts'
import { TlsInfo } from './tls-info.ts'
import { TransportError, toTransportError } from './transport-error.ts'

/** The two ends of a connection that is to be, and what TLS knows about it. */
export interface Ends {
  local: Endpoint
  remote: Endpoint
  tls?: TlsInfo
}

/** What the reception asks of its server. */
export interface ReceptionOwner {
  onArrival(): void
  onReady(socket: Socket, ends: Ends): void
  onDrop(reason: TransportError, remote: Endpoint): void
}

export class Reception {
  readonly #options: CheckedServerOptions
  readonly #owner: ReceptionOwner
  readonly #admission: Admission
  readonly #clock: Clock
  readonly #waiting = new Set<Socket>()
  #isClosed = false
  #onEmpty: () => void = ignore

  constructor(options: CheckedServerOptions, owner: ReceptionOwner) {
    this.#options = options
    this.#owner = owner
    this.#admission = new Admission(options)
    this.#clock = options.clock
  }

  /** Nobody comes in any more: sockets that are not ready yet are dropped. Resolves when all of them are. */
  close(): Promise<void> {
    this.#isClosed = true
    for (const socket of this.#waiting) socket.destroy()
    return new Promise((resolve) => {
      this.#onEmpty = resolve
      if (this.#waiting.size === 0) resolve()
    })
  }

  /** A socket was accepted. */
  async take(socket: Socket, listener: Listener): Promise<void> {
    // First and for life: a socket without one can take the process down (CVE-2025-59465).
    socket.on('error', ignore)
    this.#owner.onArrival()
    const ends = endpoints(socket, listener.endpoint ?? {})
    let header: ProxyHeader | undefined
    try {
      this.#enter(socket)
      this.#waiting.add(socket)
      const { proxies, tls, handshakeTimeoutMs } = this.#options
      if (proxies) header = await learnSource(socket, proxies, this.#clock)
      this.#enterAddress(socket, header?.source ?? ends.remote)
      const isSecure = tls !== undefined && listener.target.tls !== false
      const secure = isSecure ? await encrypt(socket, tls, this.#clock, handshakeTimeoutMs) : undefined
      const local = header?.destination ?? ends.local
      const remote = header?.source ?? ends.remote
      if (this.#isClosed || (secure ?? socket).destroyed) throw new TransportError('CONNECTION_RESET', 'closed at once')
      this.#owner.onReady(secure ?? socket, { local, remote, ...(secure ? { tls: new TlsInfo(secure) } : {}) })
    } catch (error) {
      socket.destroy()
      const reason = this.#isClosed ? closing() : toTransportError(error, 'CONNECTION_RESET')
      this.#owner.onDrop(reason, header?.source ?? ends.remote)
    } finally {
      this.#waiting.delete(socket)
      if (this.#waiting.size === 0) this.#onEmpty()
    }
  }

  #enter(socket: Socket): void {
    this.#admission.enter()
    socket.once('close', () => this.#admission.leave())
  }

  /** Unix sockets have no address, and are not counted by it. */
  #enterAddress(socket: Socket, remote: Endpoint): void {
    if ('path' in remote) return
    const { host } = remote
    this.#admission.enterAddress(host)
    socket.once('close', () => this.#admission.leaveAddress(host))
  }
}

function closing(): TransportError {
  return new TransportError('CONNECTION_CLOSED', 'the server is closing')
}

function ignore(): void {}
