// That the checker of the simulated runs can fail: it finds every planted bug within a few seeds, and nothing without.

import { describe, expect, test } from 'vitest'
import { PLANTS } from './planted-bugs.ts'
import { type Plant, runSeed } from './simulated-run.ts'

const MOST_SEEDS = 100

/** The first seed whose run has violations, and the first of them. */
async function firstFound(plant: Plant) {
  for (let seed = 0; seed < MOST_SEEDS; seed++) {
    const { violations } = await runSeed(seed, { plant })
    if (violations.length > 0) return { seed, violations }
  }
  return undefined
}

describe('the simulation finds a connection that', () => {
  test.each([...PLANTS])(`%s, within ${MOST_SEEDS} seeds`, async (_, plant) => {
    const found = await firstFound(plant)
    expect(found?.violations[0]).toMatch(/^I[123] /)
  })
})

test('the simulation finds nothing in the same seeds where no bug is planted', async () => {
  expect(await firstFound((channel) => channel)).toBeUndefined()
})
