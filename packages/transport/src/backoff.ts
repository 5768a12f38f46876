// How long to wait before the next attempt. Full jitter: any time from nothing to a bound that doubles with each failure, so
// the clients of a server that went away do not all come back at the same moment. Never below the floor, never above the
// highest bound.

/** How long to wait between attempts: full jitter below a bound that doubles. */
export interface BackoffOptions {
  /** The bound of the first delay, in ms; it doubles with each that follows. @default 100 */
  baseDelayMs?: number
  /** The bound stops growing here, in ms. @default 10000 */
  maxDelayMs?: number
  /** The least delay, in ms: chance alone must not make a busy loop. @default 20 */
  minDelayMs?: number
  /** Answers a number from 0 to 1; for tests. @default Math.random */
  random?: () => number
}

/** setTimeout takes no longer delay. */
const MAX_TIMER_MS = 0x7fff_ffff

export class Backoff {
  readonly #baseDelayMs: number
  readonly #maxDelayMs: number
  readonly #minDelayMs: number
  readonly #random: () => number
  #failures = 0

  /** Throws RangeError for delays that no timer can wait, or that contradict each other. */
  constructor(options: BackoffOptions = {}) {
    const { baseDelayMs = 100, maxDelayMs = 10_000, minDelayMs = 20, random = Math.random } = options
    for (const [name, value] of Object.entries({ baseDelayMs, maxDelayMs, minDelayMs })) checkDelay(name, value)
    if (minDelayMs > maxDelayMs) throw new RangeError(`minDelayMs ${minDelayMs} exceeds maxDelayMs ${maxDelayMs}`)
    if (typeof random !== 'function') throw new TypeError(`random must be a function, got ${String(random)}`)
    this.#baseDelayMs = baseDelayMs
    this.#maxDelayMs = maxDelayMs
    this.#minDelayMs = minDelayMs
    this.#random = random
  }

  /** The next delay, in ms; the bound of the one after it is twice as high. */
  next(): number {
    const bound = Math.min(this.#maxDelayMs, this.#baseDelayMs * 2 ** this.#failures)
    const share = this.#random()
    if (!(share >= 0 && share <= 1)) throw new RangeError(`random must answer 0 to 1, got ${String(share)}`)
    this.#failures++
    return Math.max(this.#minDelayMs, share * bound)
  }

  /** Begins again at the first bound. */
  reset(): void {
    this.#failures = 0
  }
}

/** Infinity is refused as well: a client that waits for ever is closed, not waiting. */
function checkDelay(name: string, value: number): void {
  if (Number.isFinite(value) && value > 0 && value <= MAX_TIMER_MS) return
  throw new RangeError(`${name} must be above 0 and at most ${MAX_TIMER_MS} ms; got ${String(value)}`)
}
