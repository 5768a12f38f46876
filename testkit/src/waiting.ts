// Waiting for events instead of sleeping: what a test or a row waits for comes within a deadline,
// or it says what did not come.

const DEADLINE_MS = 30_000

/** Settles as `promise` does; rejects when it has not settled at the deadline. */
export async function within<T>(what: string, promise: PromiseLike<T>, deadlineMs: number = DEADLINE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Lets turn after turn of the event loop pass until a condition holds. */
export async function until(what: string, isMet: () => boolean, deadlineMs: number = DEADLINE_MS): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!isMet()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${deadlineMs} ms`)
    await turn()
  }
}

/** One turn of the event loop: timers, sockets and immediates have run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The end of this tick: what was sent in it has been handed to the channel. */
export function endOfTick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}

/** What a promise was rejected with. */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await within('rejection', promise)
  } catch (error) {
    return error
  }
  throw new Error('the promise was resolved')
}

/** A promise that may be rejected before anybody looks. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

/** What a function threw. */
export function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** A promise that is settled by hand. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

export function defer<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

/** Resolves when the signal has aborted, with its reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  })
}
