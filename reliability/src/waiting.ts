// Waiting for what can only be seen by looking: within a deadline, or the row says what did not come.

const DEADLINE_MS = 30_000

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
