// The command line of the scorecard: read, checked once, never coerced.
import { parseArgs } from 'node:util'

export const USAGE = `npm run reliability -- [options]
  --only F12     only this row; may be repeated
  --seed N       the seed of every row (drawn from the time)
  --nightly      the long rows too, and the long forms of the others
  --report FILE  where the scorecard is written (RELIABILITY.md; with --only nowhere)`

export interface Options {
  only: readonly string[]
  seed: number
  isNightly: boolean
  report: string | undefined
}

export function parseOptions(args: readonly string[], ids: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string' },
      nightly: { type: 'boolean', default: false },
      report: { type: 'string' },
    },
  })
  const unknown = values.only.find((id) => !ids.includes(id))
  if (unknown !== undefined) throw new RangeError(`--only takes ${ids.join(', ')}, not "${unknown}"`)
  const report = values.report ?? (values.only.length === 0 ? 'RELIABILITY.md' : undefined)
  return { only: values.only, seed: seedOf(values.seed), isNightly: values.nightly, report }
}

function seedOf(text: string | undefined): number {
  if (text === undefined) return Date.now() % 1_000_000
  const seed = /^\d+$/.test(text) ? Number(text) : -1
  if (seed < 0 || seed > 0xffff_ffff) throw new RangeError(`--seed takes whole numbers up to 4294967295, not "${text}"`)
  return seed
}
