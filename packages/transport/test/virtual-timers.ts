// A clock whose time passes only when a test says so.

import type { Clock, Timer } from '../src/clock.ts'

interface Waiting extends Timer {
  at: number
  callback: () => void
}

export class VirtualTimers implements Clock {
  /** Every delay that was asked for. */
  readonly delays: number[] = []
  readonly #waiting = new Set<Waiting>()
  #now = 0

  now(): number {
    return this.#now
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const timer: Waiting = { at: this.#now + delayMs, callback, ref: () => timer, unref: () => timer }
    this.delays.push(delayMs)
    this.#waiting.add(timer)
    return timer
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#waiting.delete(timer as Waiting)
  }

  setImmediate(callback: () => void): void {
    setImmediate(callback)
  }

  advance(ms: number): void {
    this.#now += ms
    for (const timer of this.#waiting) {
      if (timer.at > this.#now) continue
      this.#waiting.delete(timer)
      timer.callback()
    }
  }

  /** Timers that wait. */
  get size(): number {
    return this.#waiting.size
  }
}
