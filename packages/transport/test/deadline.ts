// Waiting for events instead of sleeping: everything a test waits for comes within a deadline, or the test says what did
// not come.

const DEADLINE_MS = 20_000

/** Settles as `promise` does; rejects when it has not settled at the deadline. */
export async function within<T>(what: string, promise: Promise<T>, deadlineMs: number = DEADLINE_MS): Promise<T> {
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
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await within('rejection', promise)
  } catch (error) {
    return error
  }
  throw new Error('the promise was resolved')
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
