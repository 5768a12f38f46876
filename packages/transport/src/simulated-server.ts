// A name that a simulated network listens on, and the connections it accepted. It has the face of a Server as far as
// programs use it.

import { Connection } from './connection.ts'
import type { CloseInfo } from './connection-state.ts'
import type { Endpoint } from './endpoint.ts'
import type { MemoryChannel } from './memory-channel.ts'
import { type ConnectionOptions, checkMilliseconds, checkOptions } from './options.ts'
import { callbackError, TransportError } from './transport-error.ts'

/** Listens on a name of a simulated network until it is closed. */
export class SimulatedServer implements AsyncDisposable {
  /** What is connected to. */
  readonly name: string
  readonly #options: ConnectionOptions
  readonly #onConnection: (connection: Connection) => unknown
  readonly #onStopped: () => void
  readonly #connections = new Set<Connection>()
  #closing: Promise<void> | undefined

  /** Made by `listen` of a simulation. */
  constructor(
    name: string,
    options: ConnectionOptions,
    onConnection: (connection: Connection) => unknown,
    onStopped: () => void,
  ) {
    checkOptions(options)
    this.name = name
    this.#options = options
    this.#onConnection = onConnection
    this.#onStopped = onStopped
  }

  /** The connections that are not closed. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections
  }

  /** Takes no more connections, closes those it has in good order, and cuts off at the deadline those that did not end. */
  close(options: { drainTimeoutMs?: number } = {}): Promise<void> {
    const timeoutMs = checkMilliseconds('drainTimeoutMs', options.drainTimeoutMs ?? 30_000)
    this.#onStopped()
    this.#closing ??= closeAll(this.#connections, timeoutMs)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Called by the simulation. */
  accept(channel: MemoryChannel, ends: { local: Endpoint; remote: Endpoint }): Connection {
    const connection = new Connection(channel, this.#options, ends)
    this.#connections.add(connection)
    void connection.closed.then(() => this.#connections.delete(connection))
    void this.#tell(connection)
    return connection
  }

  /** What the program throws, at once or later, ends that connection only. */
  async #tell(connection: Connection): Promise<void> {
    try {
      await this.#onConnection(connection)
    } catch (error) {
      if (connection.state !== 'closed') connection.destroy(callbackError(error))
      else if (!(error instanceof TransportError)) process.emitWarning(callbackError(error))
    }
  }
}

async function closeAll(connections: Iterable<Connection>, timeoutMs: number): Promise<void> {
  const ends: Promise<CloseInfo>[] = [...connections].map((connection) => connection.close({ timeoutMs }))
  await Promise.all(ends)
}
