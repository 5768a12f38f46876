// Seed after seed of simulated runs. `npm test` tries a share in two files, which run side by side; all of them are
// `npm run simulate -w packages/rpc -- --seeds 10000 --from 0`.

import { expect } from 'vitest'
import { type RunResult, runSeed } from './simulated-run.ts'

const { FRAMEWIRE_SEEDS: seeds = '1500', FRAMEWIRE_FROM: start = '0' } = process.env

/** Failures that are told before the rest is not tried any more. */
const MOST_TOLD = 5
/** Events that are told of each, when several seeds are tried. */
const FEW_EVENTS = 40

/** Tries half of the seeds: the first half or the second. */
export async function checkHalf(isSecond: boolean): Promise<void> {
  const first = Math.ceil(Number(seeds) / 2)
  const from = Number(start) + (isSecond ? first : 0)
  await checkSeeds(from, isSecond ? Number(seeds) - first : first)
}

async function checkSeeds(from: number, count: number): Promise<void> {
  const failures: string[] = []
  const sums = { calls: 0, handled: 0, succeeded: 0, broken: 0, timeMs: 0 }
  const strays: unknown[] = []
  const onStray = (error: unknown) => void strays.push(error)
  const events = ['unhandledRejection', 'uncaughtException', 'warning'] as const
  for (const event of events) process.on(event, onStray)
  const before = process.cpuUsage()
  for (let seed = from; seed < from + count && failures.length < MOST_TOLD; seed++) {
    const result = await runSeed(seed)
    const stray = strays.splice(0).map((error) => `nobody handled ${String((error as Error)?.stack ?? error)}`)
    const found = [...result.violations, ...stray]
    if (found.length > 0) failures.push(await describeFailure(seed, found, result, count === 1))
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += result[name]
  }
  for (const event of events) process.off(event, onStray)
  const { user, system } = process.cpuUsage(before)
  if (process.env.FRAMEWIRE_SEEDS !== undefined && count > 0) {
    console.log(
      `seeds ${from} to ${from + count - 1}: ${((user + system) / 1e6).toFixed(1)} s, ${JSON.stringify(sums)}`,
    )
  }
  expect(failures.join('\n')).toBe('')
  if (count < 400) return
  // The runs are worth something: many connections broke, and many calls came through.
  expect(sums.broken).toBeGreaterThan(count / 10)
  expect(sums.succeeded).toBeGreaterThan(count * 3)
  expect(sums.calls - sums.succeeded).toBeGreaterThan(count)
}

/** What was found, the last events before, and whether the same seed gives the same run again. One seed alone: all of it. */
async function describeFailure(
  seed: number,
  found: readonly string[],
  { notes, trace, traceHash }: RunResult,
  isAlone: boolean,
): Promise<string> {
  const alone = `npm run simulate -w packages/rpc -- --seeds 1 --from ${seed}`
  const second = await runSeed(seed)
  const again = second.traceHash === traceHash ? 'the same again' : `another run: ${second.traceHash}, not ${traceHash}`
  const told = isAlone ? [...notes, '', ...trace] : trace.slice(-FEW_EVENTS)
  return [`seed ${seed} (${again}; alone: ${alone})`, ...found.slice(0, 10), ...told.map((line) => `  ${line}`)].join(
    '\n  ',
  )
}
