// The command line of the scorecard: read, checked once, never coerced.
import { parseArgs } from 'node:util'

export const USAGE = `npm run reliability -- [options]
  --only F12     only this row; may be repeated
  --seed N       the seed of every row (drawn from the time)
  --nightly      the long rows too, and the long forms of the others
  --minutes N    with --nightly: no row goes on for longer than about N minutes
  --report FILE  where the scorecard is written (RELIABILITY.md; with --only nowhere)`

export interface Options {
  only: readonly string[]
  seed: number
  isNightly: boolean
  /** How long a nightly row may go on. */
  minutes: number
  report: string | undefined
}

export function parseOptions(args: readonly string[], ids: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string' },
      nightly: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      report: { type: 'string' },
    },
  })
  const unknown = values.only.find((id) => !ids.includes(id))
  if (unknown !== undefined) throw new RangeError(`--only takes ${ids.join(', ')}, not "${unknown}"`)
  const report = values.report ?? (values.only.length === 0 ? 'RELIABILITY.md' : undefined)
  const { only, nightly: isNightly } = values
  if (values.minutes !== undefined && !isNightly) throw new RangeError('--minutes goes with --nightly')
  return { only, seed: seedOf(values.seed), isNightly, minutes: minutesOf(values.minutes), report }
}

function minutesOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  const minutes = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0
  if (minutes > 0) return minutes
  throw new RangeError(`--minutes takes a number above 0, not "${text}"`)
}

function seedOf(text: string | undefined): number {
  if (text === undefined) return Date.now() % 1_000_000
  const seed = /^\d+$/.test(text) ? Number(text) : -1
  if (seed < 0 || seed > 0xffff_ffff) throw new RangeError(`--seed takes whole numbers up to 4294967295, not "${text}"`)
  return seed
}
