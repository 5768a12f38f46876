// A clock that stands still until a test moves it. Timers run in the order of their times, each at its own time.

import { turn } from '@framewire/testkit'
import type { Clock, Timer } from '../src/clock.ts'

interface VirtualTimer extends Timer {
  at: number
  isRef: boolean
  callback: () => void
}

export class VirtualClock implements Clock {
  readonly #timers = new Set<VirtualTimer>()
  #now = 0

  /** The timers that have not run. */
  get timers(): readonly { at: number; isRef: boolean }[] {
    return [...this.#timers]
  }

  now(): number {
    return this.#now
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const timer: VirtualTimer = {
      at: this.#now + delayMs,
      isRef: true,
      callback,
      ref: () => {
        timer.isRef = true
      },
      unref: () => {
        timer.isRef = false
      },
    }
    this.#timers.add(timer)
    return timer
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#timers.delete(timer as VirtualTimer)
  }

  setImmediate(callback: () => void): void {
    setImmediate(callback)
  }

  /** Lets `ms` pass. After each timer everything that follows from it has happened before the next one runs. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const next = this.#earliest()
      if (next === undefined || next.at > end) break
      this.#now = next.at
      this.#timers.delete(next)
      next.callback()
      await turn()
    }
    this.#now = end
  }

  #earliest(): VirtualTimer | undefined {
    let earliest: VirtualTimer | undefined
    for (const timer of this.#timers) if (earliest === undefined || timer.at < earliest.at) earliest = timer
    return earliest
  }
}
