// The counters of a server. They add up: every socket is pending, or was dropped, or became a connection; and every
// connection is live or closed.

import type { CloseInfo } from './connection-state.ts'
import type { TransportErrorCode } from './transport-error.ts'

/** What happened to the sockets that arrived so far. */
export interface ServerStats {
  /** Sockets that are not connections yet: their PROXY header or TLS handshake is awaited. */
  pending: number
  /** Connections that are not closed. */
  live: number
  /** Unsent bytes of all connections together. */
  bytesQueued: number
  /** Sockets that became connections. */
  accepted: number
  /** Sockets that did not, by reason. */
  dropped: Partial<Record<TransportErrorCode, number>>
  /** Connections that ended, by the code of their error; CLEAN = without one. */
  closed: Partial<Record<TransportErrorCode | 'CLEAN', number>>
}

export class ServerCounters {
  readonly #stats: Omit<ServerStats, 'bytesQueued'> = { pending: 0, live: 0, accepted: 0, dropped: {}, closed: {} }

  arrived(): void {
    this.#stats.pending++
  }

  dropped(code: TransportErrorCode): void {
    this.#stats.pending--
    increment(this.#stats.dropped, code)
  }

  accepted(): void {
    this.#stats.pending--
    this.#stats.accepted++
    this.#stats.live++
  }

  closed({ error }: CloseInfo): void {
    this.#stats.live--
    increment(this.#stats.closed, error?.code ?? 'CLEAN')
  }

  /** The counters as they stand now, a copy. */
  copy(): Omit<ServerStats, 'bytesQueued'> {
    return { ...this.#stats, dropped: { ...this.#stats.dropped }, closed: { ...this.#stats.closed } }
  }
}

function increment<K extends string>(counts: Partial<Record<K, number>>, key: K): void {
  counts[key] = (counts[key] ?? 0) + 1
}
