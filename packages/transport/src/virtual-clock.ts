// Time that passes only when somebody takes the next event. Events run in the order of their times, and in the order in
// which they were asked for where the times are equal.

import type { Clock, Timer } from './clock.ts'

interface Event {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined // undefined = cancelled
  readonly isTimer: boolean
  isRef: boolean
}

export class VirtualClock implements Clock {
  /** The same time for what is no timer of the program: bytes on their way. */
  readonly network: Clock
  #now = 0
  #order = 0
  #heap: Event[] = []
  #timers = 0
  #keepingEvents = 0 // those that a process would stay alive for

  constructor() {
    this.network = {
      now: () => this.#now,
      setTimeout: (callback, delayMs) => this.#add(callback, Math.max(0, delayMs), false),
      clearTimeout: (timer) => this.clearTimeout(timer),
      setImmediate: (callback) => void this.#add(callback, 0, false),
    }
  }

  now(): number {
    return this.#now
  }

  /** As in Node a timer waits 1 ms at least, and no longer for a delay that it can not wait. */
  setTimeout(callback: () => void, delayMs: number): Timer {
    return this.#add(callback, delayMs >= 1 && delayMs <= 0x7fff_ffff ? delayMs : 1, true)
  }

  clearTimeout(timer: Timer | undefined): void {
    if (timer instanceof VirtualTimer) this.#release(timer.event)
  }

  setImmediate(callback: () => void): void {
    this.#add(callback, 0, false)
  }

  /** Timers that were set and neither ran nor were cleared. */
  get pendingTimers(): number {
    return this.#timers
  }

  /** Whether there is an event that keeps a process alive, as an unref'd timer does not. */
  get isBusy(): boolean {
    return this.#keepingEvents > 0
  }

  /** Takes the next event up to `limit`: time moves to it, and it runs. False = there is none. */
  runNext(limit: number = Number.POSITIVE_INFINITY): boolean {
    for (let [event] = this.#heap; event !== undefined && event.at <= limit; [event] = this.#heap) {
      this.#take()
      const { run } = event
      if (run === undefined) continue
      this.#release(event)
      this.#now = event.at
      run()
      return true
    }
    return false
  }

  /** Lets time pass in which nothing happens. */
  moveTo(time: number): void {
    this.#now = Math.max(this.#now, time)
  }

  #add(callback: () => void, delayMs: number, isTimer: boolean): Timer {
    const event: Event = { at: this.#now + delayMs, order: this.#order++, run: callback, isTimer, isRef: true }
    if (isTimer) this.#timers++
    this.#keepingEvents++
    this.#push(event)
    return new VirtualTimer(event, (change) => {
      this.#keepingEvents += change
    })
  }

  #release(event: Event): void {
    if (event.run === undefined) return
    event.run = undefined
    if (event.isTimer) this.#timers--
    if (event.isRef) this.#keepingEvents--
  }

  #push(event: Event): void {
    const heap = this.#heap
    let index = heap.push(event) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(event, heap[parent] as Event)) break
      heap[index] = heap[parent] as Event
      index = parent
    }
    heap[index] = event
  }

  #take(): Event | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (heap.length === 0 || last === undefined) return first
    let index = 0
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, heap[child] as Event)) child++
      if (!isBefore(heap[child] as Event, last)) break
      heap[index] = heap[child] as Event
      index = child
    }
    heap[index] = last
    return first
  }
}

class VirtualTimer implements Timer {
  readonly event: Event
  readonly #changed: (change: number) => void

  constructor(event: Event, changed: (change: number) => void) {
    this.event = event
    this.#changed = changed
  }

  ref(): this {
    return this.#set(true)
  }

  unref(): this {
    return this.#set(false)
  }

  #set(isRef: boolean): this {
    if (this.event.run !== undefined && this.event.isRef !== isRef) this.#changed(isRef ? 1 : -1)
    this.event.isRef = isRef
    return this
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
