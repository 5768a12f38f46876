// How many times in 10 s a peer may do what costs this side more than it costs the peer. Over budget the connection ends.

import { type Clock, systemClock } from '@framewire/transport'
import { ProtocolError } from './protocol-error.ts'

const WINDOW_MS = 10_000

export class Budget {
  readonly #limit: number
  readonly #what: string
  readonly #windowMs: number
  readonly #clock: Clock
  #spent = 0
  #until = 0

  constructor(limit: number, what: string, windowMs: number = WINDOW_MS, clock: Clock = systemClock) {
    this.#limit = limit
    this.#what = what
    this.#windowMs = windowMs
    this.#clock = clock
  }

  /** Throws a ProtocolError 'enhance your calm' when there is nothing left. */
  spend(): void {
    const now = this.#clock.now()
    if (now >= this.#until) {
      this.#until = now + this.#windowMs
      this.#spent = 0
    }
    if (++this.#spent <= this.#limit) return
    const text = `more than ${this.#limit} ${this.#what} within ${this.#windowMs} ms`
    throw new ProtocolError('enhance your calm', text)
  }

  /** Useful work buys one more, until the window ends. */
  earn(): void {
    this.#spent--
  }
}
