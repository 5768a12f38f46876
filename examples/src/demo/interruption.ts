// What may end the demo at any time: a signal, a closed terminal or pipe, or its own time limit. It only tells; the one
// who waits for it cleans up. Signals that follow the first change nothing: cleaning up takes milliseconds.
import { constants } from 'node:os'
import { DemoError } from './demo-error.ts'

/** For a defect that makes something wait for ever. */
const MAX_SECONDS = 60

/** Rejects with a DemoError when the demo has to end, and never resolves. */
export function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    const end = (reason: string, exitCode: number): void => reject(new DemoError(exitCode, reason))
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => end(`stopped by ${signal}`, 128 + constants.signals[signal]))
    }
    process.stdout.on('error', (error) => end(`cannot write: ${error.message}`, 128 + constants.signals.SIGPIPE))
    setTimeout(() => end(`not done after ${MAX_SECONDS} seconds`, 1), MAX_SECONDS * 1_000).unref()
  })
}
