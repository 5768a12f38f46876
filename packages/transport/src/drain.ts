// The last part of a server's life: every connection ends in good order, or is cut off at the deadline. A connection is
// not closed over the head of an application that still owes answers on it: `beforeClose` has its time first.

import type { Clock, Timer } from './clock.ts'
import type { Connection } from './connection.ts'
import type { CloseInfo } from './connection-state.ts'
import { callbackError, TransportError } from './transport-error.ts'

/** How a server ended. */
export interface ServerCloseInfo {
  /** Connections that ended in good order after `close` was called. */
  drained: number
  /** Connections that were cut off at the deadline, idle ones too, or failed on the way. */
  destroyed: number
}

export class Drain {
  readonly #connections: ReadonlySet<Connection>
  readonly #clock: Clock
  readonly #beforeClose: ((connection: Connection) => unknown) | undefined
  readonly #cutOff = new Set<Connection>()
  #deadline = Number.POSITIVE_INFINITY
  #timer: Timer | undefined

  /** Of the connections that stand in the set when `run` is called; they leave it when they are closed. */
  constructor(
    connections: ReadonlySet<Connection>,
    clock: Clock,
    beforeClose: ((connection: Connection) => unknown) | undefined,
  ) {
    this.#connections = connections
    this.#clock = clock
    this.#beforeClose = beforeClose
  }

  /** Of several deadlines the earliest holds. */
  setDeadline(timeoutMs: number): void {
    const deadline = this.#clock.now() + timeoutMs
    if (deadline >= this.#deadline) return
    this.#deadline = deadline
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => this.#cut(timeoutMs), timeoutMs)
  }

  async run(): Promise<ServerCloseInfo> {
    const isDrained = await Promise.all([...this.#connections].map((connection) => this.#end(connection)))
    this.#clock.clearTimeout(this.#timer)
    const drained = isDrained.filter(Boolean).length
    return { drained, destroyed: isDrained.length - drained }
  }

  /** Whether it ended in good order. */
  async #end(connection: Connection): Promise<boolean> {
    if (this.#beforeClose !== undefined && connection.state === 'open') {
      try {
        await Promise.race([this.#beforeClose(connection), connection.closed])
      } catch (thrown) {
        endFor(thrown, connection)
      }
    }
    const { error, unsentBytes }: CloseInfo = await connection.close({ timeoutMs: Number.POSITIVE_INFINITY })
    return error === undefined && unsentBytes === 0 && !this.#cutOff.has(connection)
  }

  #cut(timeoutMs: number): void {
    for (const connection of this.#connections) {
      const unsent = connection.bufferedAmount
      const text = `${unsent} bytes were not sent within ${timeoutMs} ms of the server's close`
      this.#cutOff.add(connection)
      connection.destroy(unsent > 0 ? new TransportError('WRITE_TIMEOUT', text) : undefined)
    }
  }
}

/** Ends a connection for what a callback threw about it. When it has ended before, a new mistake is a warning. */
export function endFor(thrown: unknown, connection: Connection): void {
  if (connection.state !== 'closed') connection.destroy(callbackError(thrown))
  else if (!(thrown instanceof TransportError)) process.emitWarning(callbackError(thrown))
}
