import { expect, test } from 'vitest'
import { type Cell, resultsOf } from './cell.ts'
import { BASELINE, OURS } from './contender.ts'
import type { Sample } from './rounds.ts'
import { againstTable, latencyTable, oursTable, rateTable, reasons, shortenings, textTable, verdict } from './table.ts'

const cellOf = (title: string, samples: Sample[]): Cell => ({
  suite: 'rpc',
  title,
  unit: 'calls/s',
  baseline: BASELINE,
  firstTarget: 0.45,
  results: resultsOf(samples, BASELINE),
})
const rowsOf = (table: string): string[][] =>
  table.split('\n').map((line) => line.split('|').map((text) => text.trim()))

const floor = { contender: BASELINE, rounds: [1000, 2000, 3_051_288.4] }
const ours = { contender: OURS, rounds: [500, 1040, 1_525_644] }
const ws = { contender: 'ws', rounds: [250, 2000, 1000] }
const missing = { contender: 'grpc-js', rounds: [], notRun: 'not installed' }
const liar = { contender: 'liar', rounds: [], failure: 'wrong echo' }

test('columns are as wide as they must be', () => {
  expect(textTable(['a', 'longer'], [['text', '1']])).toBe('a    | longer\n-----|-------\ntext |      1')
})

test('rates stand by contender and cell, baseline and ours first, the others by speed', () => {
  const cells = [cellOf('@16', [floor, ws, { contender: 'slow', rounds: [1, 1, 1] }, ours]), cellOf('@1', [floor])]
  expect(rowsOf(rateTable(cells))).toEqual([
    ['calls/s', '@16', '@1'],
    [expect.any(String), expect.any(String), expect.any(String)],
    [BASELINE, '2,000', '2,000'],
    [OURS, '1,040', '-'],
    ['ws', '1,000', '-'],
    ['slow', '1', '-'],
  ])
})

test('one that failed or did not run is in no table, and its reason is told', () => {
  const cells = [cellOf('@16', [floor, ours, missing, liar])]
  expect(rateTable(cells)).not.toMatch(/grpc-js|liar/)
  expect(againstTable(cells)).toBe('')
  expect(reasons(cells, 'notRun')).toEqual(['not run: grpc-js: not installed (rpc @16)'])
  expect(reasons(cells, 'failure')).toEqual(['failed: liar: wrong echo (rpc @16)'])
})

test('what peers got less than planned is told, and by how much', () => {
  const cells = [{ ...cellOf('@16', [floor, ours]), peerShare: 0.4321 }, cellOf('@1', [floor])]
  expect(shortenings(cells)).toEqual(['shortened: warm-up and rounds of the peers in rpc @16 to 43 %, to end in time'])
})

test('ours has its ratio with the spread, and the target', () => {
  const row = rowsOf(oursTable([cellOf('@16', [floor, ours])])).at(-1)
  expect(row).toEqual(['@16', BASELINE, '0.50 (0.50–0.52)', '0.45 ok'])
})

test('against a peer that is faster in one round and slower in another the word is noise', () => {
  const row = rowsOf(againstTable([cellOf('@16', [floor, ours, ws])])).at(-1)
  expect(row?.[0]).toBe('ws')
  expect(row?.[1]).toMatch(/, within noise$/)
})

test('without a baseline there is no ratio', () => {
  expect(oursTable([cellOf('@16', [{ ...floor, rounds: [], failure: 'died' }, ours])])).toBe('')
})

test('a target is within noise when rounds lie on both sides of it', () => {
  expect(verdict({ median: 0.5, min: 0.46, max: 0.6 }, 0.45, 3)).toBe('ok')
  expect(verdict({ median: 0.5, min: 0.44, max: 0.6 }, 0.45, 3)).toBe('ok, within noise')
  expect(verdict({ median: 0.4, min: 0.3, max: 0.45 }, 0.45, 3)).toBe('below, within noise')
  expect(verdict({ median: 0.4, min: 0.3, max: 0.44 }, 0.45, 3)).toBe('below')
  expect(verdict({ median: 0.5, min: 0.5, max: 0.5 }, 0.45, 2)).toBe('too few rounds')
})

test('times are in milliseconds', () => {
  const latency = { count: 10, p50: 0.1, p90: 0.2, p99: 3, p999: 4, max: 5 }
  const cell = { ...cellOf('5,000 calls/s', []), results: [{ ...ours, latency }] }
  expect(rowsOf(latencyTable(cell)).at(-1)).toEqual([OURS, '0.100', '0.200', '3.000', '4.000'])
})
