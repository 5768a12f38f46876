// A clock that a test moves by hand. Timers run in order of time; immediates run when the test lets a turn pass.

import type { Clock, Timer } from '../src/clock.ts'

interface FakeTimer extends Timer {
  at: number
  callback: () => void
}

export class FakeClock implements Clock {
  /** What stands on the clock, in ms. */
  time = 1_000
  /** Of the delays that were asked for. */
  longestDelayMs = 0
  readonly #timers = new Set<FakeTimer>()
  #immediates: (() => void)[] = []

  now(): number {
    return this.time
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const timer: FakeTimer = { at: this.time + delayMs, callback, ref: () => timer, unref: () => timer }
    this.longestDelayMs = Math.max(this.longestDelayMs, delayMs)
    if (Number.isFinite(delayMs)) this.#timers.add(timer)
    return timer
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#timers.delete(timer as FakeTimer)
  }

  setImmediate(callback: () => void): void {
    this.#immediates.push(callback)
  }

  /** Timers that have not run. */
  get timers(): number {
    return this.#timers.size
  }

  /** Time passes; `frozen` = all at once, as for a process that was stopped: timers run late and before anything else. */
  pass(ms: number, frozen = false): void {
    const end = this.time + ms
    if (frozen) this.time = end
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.time = Math.max(this.time, next.at)
      this.#timers.delete(next)
      next.callback()
      if (!frozen) this.turn()
    }
    this.time = end
  }

  /** What was to run after this turn runs. */
  turn(): void {
    const immediates = this.#immediates
    this.#immediates = []
    for (const callback of immediates) callback()
  }

  #next(end: number): FakeTimer | undefined {
    const [first] = [...this.#timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)
    return first
  }
}
