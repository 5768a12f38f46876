// What a row of the scorecard is: a fault, what is required while it lasts, and how it is made to happen. Rows are data;
// what judges and prints them knows nothing of what they do.
import type { Need } from './needs.ts'
import type { Trial } from './trial.ts'

export interface Row {
  /** As the design numbers it. */
  readonly id: string
  readonly fault: string
  /** How the fault is made. */
  readonly by: string
  /** What this machine must have for it. */
  readonly needs?: readonly Need[]
  /** In `npm test` too: done in a second or so, and judged by its counts alone. */
  readonly isShort?: boolean
  /** Only with --nightly. */
  readonly isNightly?: boolean
  /** Waits more than it works, so that another row may run beside it. */
  readonly isQuiet?: boolean
  /** Long, and hardly works at all: it may run beside all others. */
  readonly isIdle?: boolean
  /** After so long it has failed, in ms. @default 120000 */
  readonly deadlineMs?: number
  run(trial: Trial): Promise<void>
}
