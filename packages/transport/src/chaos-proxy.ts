// A TCP proxy on real sockets that does to connections what bad networks and peers do. What chance decides follows from
// the seed and the order of connections; when bytes arrive does not, as with any real socket.

import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { type Address, parseAddress } from './address.ts'
import type { Endpoint } from './endpoint.ts'
import { ProxiedConnection } from './proxied-connection.ts'
import { checkSeed, Random } from './random.ts'
import { checkToxic, type Toxic } from './toxics.ts'
import { toTransportError } from './transport-error.ts'

/** Where the proxy listens, and the seed of its chance. */
export interface ChaosProxyOptions {
  /** Where the proxy listens. @default 'tcp://127.0.0.1:0', any free port */
  listen?: Address
  /** For what chance decides: jitter, sizes of slices, corrupted bytes, toxicity. @default 0 */
  seed?: number
}

/** A toxic that works, until it is removed. */
export interface ActiveToxic {
  /** What it does, as it was given. */
  readonly toxic: Toxic
  /** Ends its work, on connections that stand as well. */
  remove(): void
}

/**
 * A proxy to `target`: connect to its `address` instead. TLS passes as the bytes it is. Rejects with a TransportError:
 * ADDRESS_IN_USE, LISTEN_FAILED.
 */
export async function chaosProxy(target: Address, options: ChaosProxyOptions = {}): Promise<ChaosProxy> {
  const { listen = 'tcp://127.0.0.1:0', seed = 0 } = options
  const proxy = new ChaosProxy(parseAddress(target), parseAddress(listen), new Random(checkSeed(seed)))
  await proxy.enable()
  return proxy
}

/** A proxy on real sockets that fails on purpose: connect to its `address` and add toxics. */
export class ChaosProxy implements AsyncDisposable {
  readonly #target: { path: string } | { host?: string; port: number }
  readonly #random: Random
  readonly #connections = new Set<ProxiedConnection>()
  #listensOn: { path: string } | { host?: string; port: number }
  #server: Server | undefined
  #toxics: readonly Toxic[] = []
  #accepted = 0

  /** Made by `chaosProxy`. */
  constructor(
    target: { path: string } | { host?: string; port: number },
    listensOn: { path: string } | { host?: string; port: number },
    random: Random,
  ) {
    this.#target = target
    this.#listensOn = listensOn
    this.#random = random
  }

  /** Where to connect. It stays the same while the proxy is disabled. */
  get address(): Endpoint {
    if ('path' in this.#listensOn) return this.#listensOn
    return { host: this.#listensOn.host ?? 'localhost', port: this.#listensOn.port }
  }

  /** The connections that stand. */
  get connections(): ReadonlySet<ProxiedConnection> {
    return this.#connections
  }

  /** What is done to connections now, in the order of adding. */
  get toxics(): readonly Toxic[] {
    return this.#toxics
  }

  /** Whether it listens; see `disable` and `enable`. */
  get isEnabled(): boolean {
    return this.#server !== undefined
  }

  /** Meddles with all connections, those that stand too. Throws TypeError or RangeError for what can not be meant. */
  addToxic(toxic: Toxic): ActiveToxic {
    const added = checkToxic(toxic)
    this.#change([...this.#toxics, added])
    return { toxic: added, remove: () => this.#change(this.#toxics.filter((other) => other !== added)) }
  }

  /** Lets everything pass as it is. What is on its way arrives now. */
  removeToxics(): void {
    this.#change([])
  }

  /** Is down: whoever connects is refused, and every connection is gone. */
  async disable(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const connection of this.#connections) connection.destroy()
    if (server === undefined) return
    await new Promise<void>((resolve) => void server.close(() => resolve()))
  }

  /** Is up again, at the same address. Rejects as `chaosProxy` does. */
  async enable(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
    this.#server = server
    try {
      server.listen(this.#listensOn)
      await once(server, 'listening')
    } catch (error) {
      this.#server = undefined
      throw toTransportError(error, 'LISTEN_FAILED')
    }
    server.on('error', () => {})
    const address = server.address()
    if (address !== null && typeof address === 'object') this.#listensOn = { host: address.address, port: address.port }
  }

  /** Ends every connection and stops listening. */
  async close(): Promise<void> {
    await this.disable()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #accept(socket: Socket): void {
    const connection = new ProxiedConnection(++this.#accepted, socket, this.#target, this.#random.fork(), () => {
      this.#connections.delete(connection)
    })
    this.#connections.add(connection)
    connection.applyToxics(this.#toxics)
  }

  #change(toxics: readonly Toxic[]): void {
    this.#toxics = toxics
    for (const connection of this.#connections) connection.applyToxics(toxics)
  }
}
