// Waits until nothing is under way any more, or until there is no time left for it.

import { type Clock, type Connection, systemClock } from '@framewire/transport'

/** How long a connection that is given no time waits for the peer to end too. */
export const FIN_TIMEOUT_MS = 1_000

/** The same, with a time left: what the kernel has is still on its way, and lost if the peer speaks to a closed socket. */
export function finTimeoutMs(leftMs: number, silenceMs: number): number {
  return FIN_TIMEOUT_MS + Math.max(0, Math.min(leftMs, silenceMs))
}

export class DrainWait {
  readonly #clock: Clock
  readonly #waits = new Set<() => void>()

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** Resolves at `end`, or after `drainMs`. */
  wait(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#clock.clearTimeout(timer)
        this.#waits.delete(end)
        resolve()
      }
      const timer = this.#clock.setTimeout(end, Math.min(drainMs, 0x7fff_ffff))
      this.#waits.add(end)
    })
  }

  /** Resolves when all that was sent is with the kernel, at `end`, or after `leftMs`. */
  flush(connection: Connection, leftMs: number): Promise<void> {
    const end = (): void => this.end()
    connection.flush().then(end, end)
    return this.wait(leftMs)
  }

  /** Of handlers that were told, the connection being gone: at `end`, or after a second, less if there is less time. */
  settle(leftMs: number): Promise<void> {
    const ms = Math.min(FIN_TIMEOUT_MS, leftMs + FIN_TIMEOUT_MS)
    return ms > 0 ? this.wait(ms) : Promise.resolve()
  }

  end(): void {
    for (const end of this.#waits) end()
  }
}

/** A time that `close` may give the calls under way, and the reason that it tells. */
export function checkDrainMs(drainMs: number, reason = ''): number {
  if (typeof reason !== 'string') throw new TypeError(`reason must be a string, got ${typeof reason}`)
  if (typeof drainMs === 'number' && drainMs >= 0) return drainMs
  throw new RangeError(`drainMs must be 0 or more, got ${String(drainMs)}`)
}
