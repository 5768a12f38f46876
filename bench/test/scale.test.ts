// Cells of scale with real processes, so small that they say nothing about speed: what is measured is what was asked for.
import { expect, test } from 'vitest'
import type { Cell, Growth, Setting } from '../src/cell.ts'
import { BASELINE, OURS } from '../src/contender.ts'
import { descriptorLimit } from '../src/descriptors.ts'
import { runtimesWork, serversWork } from '../src/process-cells.ts'
import { RUNTIME_NAMES, runtimeOf } from '../src/runtime.ts'
import { scaleCell } from '../src/scale.ts'
import { growthWork } from '../src/scale-cells.ts'

const setting: Setting = { rounds: 1, seconds: 0.05, pinned: false }
const PATIENCE_MS = 120_000

async function grown(of: Growth['of'], value: number): Promise<Cell> {
  const [work] = growthWork(of, [value])
  return scaleCell(work as NonNullable<typeof work>, setting)
}

function bothHaveNumbers({ results }: Cell): void {
  expect(results.map(({ contender, failure, notRun }) => [contender, failure ?? notRun])).toEqual([
    [BASELINE, undefined],
    [OURS, undefined],
  ])
  for (const { value, cost } of results) {
    expect(value?.median).toBeGreaterThan(0)
    expect(cost?.clientCpuMicros).toBeGreaterThan(0)
    expect(cost?.serverCpuMicros).toBeGreaterThan(0)
  }
}

test(
  'a payload above the default limits is echoed',
  async () => bothHaveNumbers(await grown('payload', 5 * 1024 * 1024)),
  PATIENCE_MS,
)

test(
  'connections have a call in flight each',
  async () => {
    const cell = await grown('connections', 20)
    bothHaveNumbers(cell)
    expect(cell.inFlight).toBe(20)
  },
  PATIENCE_MS,
)

test.each([
  ['calls made', 0],
  ['calls made', 2_000],
  ['open streams', 3],
] as const)('%s: %i', async (of, value) => bothHaveNumbers(await grown(of, value)), PATIENCE_MS)

test.skipIf(descriptorLimit() > 1_999_999_999)(
  'more connections than this machine has descriptors are not run, and the cell is kept',
  async () => {
    const { results } = await grown('connections', 2_000_000_000)
    expect(results.map(({ contender }) => contender)).toEqual([BASELINE, OURS])
    for (const { value, notRun } of results) {
      expect(value).toBeUndefined()
      expect(notRun).toContain('2000000000 connections need')
    }
  },
  PATIENCE_MS,
)

test(
  'workers of a cluster share a port, and what they use is counted together',
  async () => {
    const [work] = serversWork('server processes, busy handlers', [2], ['cluster'])
    const cell = await scaleCell(work as NonNullable<typeof work>, setting)
    bothHaveNumbers(cell)
    // Three processes: each has more than this by itself.
    for (const { cost } of cell.results) expect(cost?.serverPeakMemory).toBeGreaterThan(3 * 30e6)
  },
  PATIENCE_MS,
)

test(
  'a runtime that is not installed is not run, the others are',
  async () => {
    await expect(runtimeOf('node 3')).rejects.toThrow('no runtime')
    const [work] = runtimesWork([[32, 16]])
    const { results, title } = await scaleCell(work as NonNullable<typeof work>, setting)
    expect(title).toBe('32 B @16 by runtime')
    expect(results.map(({ contender }) => contender)).toEqual(RUNTIME_NAMES)
    for (const { value, notRun, version } of results) {
      if (value === undefined) expect(notRun).not.toBe('')
      else expect(version).toMatch(/^\d+\.\d+/)
    }
  },
  PATIENCE_MS,
)
