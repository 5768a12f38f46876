// Waiting for what must come: within a deadline, or the row says what did not come.

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

/** Looks every few ms until a condition holds. */
export async function until(
  what: string,
  isMet: () => boolean | Promise<boolean>,
  deadlineMs: number = DEADLINE_MS,
): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await isMet())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${deadlineMs} ms`)
    await sleep(2)
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** One turn of the event loop: timers, sockets and immediates have run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
