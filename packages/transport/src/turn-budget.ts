// What one connection may do before everything else in the process gets its turn. It is counted over turns that do little
// and starts anew with a turn of the event loop, so that it costs next to nothing while nobody is greedy.

import type { Clock } from './clock.ts'

export class TurnBudget {
  readonly #clock: Clock
  readonly #most: number
  readonly #onTurn: () => void
  #spent = 0
  #isCounting = false // a turn is asked for
  #isWaiting = false // somebody was told to wait for it

  /** `onTurn` is called after the turn that somebody was told to wait for. */
  constructor(clock: Clock, most: number, onTurn: () => void) {
    this.#clock = clock
    this.#most = most
    this.#onTurn = onTurn
  }

  /** Takes `amount`. False = it was the last: stop, and go on when `onTurn` is called. */
  spend(amount: number): boolean {
    this.#spent += amount
    // A turn costs 0.7 us: it is asked for once in a quarter of the budget, not for every message.
    if (this.#spent * 4 < this.#most) return true
    if (!this.#isCounting) {
      this.#isCounting = true
      this.#clock.setImmediate(() => this.#turn())
    }
    if (this.#spent < this.#most) return true
    this.#isWaiting = true
    return false
  }

  #turn(): void {
    this.#spent = 0
    this.#isCounting = false
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.#onTurn()
  }
}
