// Where times come from. Monotonic, so a wall clock that is set forward or back changes nothing; and replaceable, so that a
// test decides when time passes.

/** What `setTimeout` of a clock answers; a timer that is unref'd does not keep the process alive. */
export interface Timer {
  /** Lets it keep the process alive, as it does from the start. */
  ref(): unknown
  /** Lets the process end although it has not fired. */
  unref(): unknown
}

/** Monotonic time and timers: those of the process, or those of a test. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number
  /** Calls `callback` once, `delayMs` from now or a little later. */
  setTimeout(callback: () => void, delayMs: number): Timer
  /** Keeps a timer from firing; undefined, and one that has fired, are fine. */
  clearTimeout(timer: Timer | undefined): void
  /** Calls `callback` after what has arrived by now was read. */
  setImmediate(callback: () => void): void
}

/** The clock of the process: `performance.now()` and Node's timers. */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  setTimeout: (callback: () => void, delayMs: number) => setTimeout(callback, delayMs),
  clearTimeout: (timer: Timer | undefined) => clearTimeout(timer as NodeJS.Timeout | undefined),
  setImmediate: (callback: () => void) => void setImmediate(callback),
})
