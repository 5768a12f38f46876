// One timer for all deadlines of a connection, set for the earliest. Most calls end long before theirs, so a call costs a
// comparison instead of a timer of its own.

import { type Clock, systemClock, type Timer } from '@framewire/transport'

/** The longest wait of a Node timer, in ms. */
const MAX_DELAY_MS = 0x7fff_ffff

export class DeadlineTimer {
  readonly #sweep: (now: number, lagMs: number) => number
  #clock: Clock
  #timer: Timer | undefined
  #due = Number.POSITIVE_INFINITY

  /**
   * `sweep` ends what is late and returns the earliest deadline that is left, or Infinity. `lagMs`: how late the timer
   * itself was, which is how long the event loop was busy.
   */
  constructor(sweep: (now: number, lagMs: number) => number, clock: Clock = systemClock) {
    this.#sweep = sweep
    this.#clock = clock
  }

  /** Makes sure that a sweep comes at this time, on the clock of the connection. */
  watch(deadline: number): void {
    if (deadline < this.#due) this.#set(deadline)
  }

  /** For good: nothing is watched any more. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#due = Number.NEGATIVE_INFINITY
  }

  #set(deadline: number): void {
    this.#clock.clearTimeout(this.#timer)
    this.#due = deadline
    if (deadline === Number.POSITIVE_INFINITY) return
    const delay = Math.min(Math.max(1, Math.ceil(deadline - this.#clock.now())), MAX_DELAY_MS)
    const dueAt = this.#clock.now() + delay
    this.#timer = this.#clock.setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY
      const now = this.#clock.now()
      // A sweep may start calls, and so watch a deadline itself: the earlier one counts.
      this.watch(this.#sweep(now, Math.max(0, now - dueAt)))
    }, delay)
    // The socket keeps the process alive; a deadline alone must not.
    this.#timer.unref()
  }
}
