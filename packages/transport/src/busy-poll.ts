// Keeps the event loop awake for a moment after each message. With one call in flight most of its time goes into falling
// asleep and being woken (2 x 57 us on Linux); a loop that still spins sees the answer at once. A quiet process sleeps.

import type { Clock } from './clock.ts'

export class BusyPoll {
  readonly #clock: Clock
  readonly #spinMs: number
  #until = 0
  #isSpinning = false

  constructor(clock: Clock, micros: number) {
    this.#clock = clock
    this.#spinMs = micros / 1_000
  }

  /** Something arrived: more may follow soon. */
  stayAwake(): void {
    this.#until = this.#clock.now() + this.#spinMs
    if (this.#isSpinning) return
    this.#isSpinning = true
    this.#spin()
  }

  #spin(): void {
    this.#clock.setImmediate(() => {
      if (this.#clock.now() < this.#until) this.#spin()
      else this.#isSpinning = false
    })
  }
}
