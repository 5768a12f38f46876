// Seed after seed of simulated runs. `npm test` tries 10,000 in two files, which run side by side; a longer run is
// `npm run simulate -w packages/transport -- --seeds 1000000 --from 0`.

import { expect } from 'vitest'
import { runSeed } from './simulated-run.ts'

const { FRAMEWIRE_SEEDS: seeds = '10000', FRAMEWIRE_FROM: start = '0' } = process.env

/** Failures that are told before the rest is not tried any more. */
const MOST_TOLD = 5

/** Tries half of the seeds: the first half or the second. */
export async function checkHalf(isSecond: boolean): Promise<void> {
  const first = Math.ceil(Number(seeds) / 2)
  const from = Number(start) + (isSecond ? first : 0)
  await checkSeeds(from, isSecond ? Number(seeds) - first : first)
}

async function checkSeeds(from: number, count: number): Promise<void> {
  const failures: string[] = []
  const sums = { received: 0, links: 0, broken: 0, virtualMs: 0 }
  const strays: unknown[] = []
  const onStray = (error: unknown) => void strays.push(error)
  const events = ['unhandledRejection', 'uncaughtException', 'warning'] as const
  for (const event of events) process.on(event, onStray)
  const before = performance.now()
  for (let seed = from; seed < from + count && failures.length < MOST_TOLD; seed++) {
    const { violations, received, links, broken, timeMs } = await runSeed(seed)
    const found = [...violations, ...strays.splice(0).map((error) => `I3 nobody handled ${String(error)}`)]
    if (found.length > 0) failures.push(describeFailure(seed, found))
    sums.received += received
    sums.links += links
    sums.broken += broken
    sums.virtualMs += timeMs
  }
  for (const event of events) process.off(event, onStray)
  const seconds = (performance.now() - before) / 1000
  if (process.env.FRAMEWIRE_SEEDS !== undefined) {
    console.log(`seeds ${from} to ${from + count - 1}: ${seconds.toFixed(1)} s, ${JSON.stringify(sums)}`)
  }
  expect(failures.join('\n')).toBe('')
  if (count < 1000) return
  // The runs are worth something: many connections broke, and many messages came through.
  expect(sums.broken).toBeGreaterThan(count / 10)
  expect(sums.links - sums.broken).toBeGreaterThan(count / 10)
  expect(sums.received).toBeGreaterThan(count)
}

function describeFailure(seed: number, found: readonly string[]): string {
  const alone = `npm run simulate -w packages/transport -- --seeds 1 --from ${seed}`
  return `seed ${seed} (alone: ${alone})\n  ${found.slice(0, 10).join('\n  ')}`
}
