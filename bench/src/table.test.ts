import { expect, test } from 'vitest'
import type { Result } from './cell.ts'
import { BASELINE, OURS } from './contender.ts'
import { tableColumns, tableHead, tableRow, verdict } from './table.ts'

const columns = tableColumns([BASELINE, OURS])
const cells = (line: string): string[] => line.split('|').map((cell) => cell.trim())

function resultOf(contender: string, rounds: number[], ratio?: Result['ratio']): Result {
  const rate = { median: rounds[1] as number, min: 0, max: 0 }
  return { contender, rounds, failure: undefined, callsPerSecond: rate, ratio }
}

function rowOf(results: Result[]): string[] {
  return cells(tableRow(columns, { work: 'echo', payloadBytes: 32, inFlight: 1024, firstTarget: 0.45, results }))
}

test('a row has rates, the ratio with its spread, and the target', () => {
  const ratio = { median: 0.5, min: 0.48, max: 0.526 }
  const row = rowOf([resultOf(BASELINE, [1, 3_051_288.4, 2]), resultOf(OURS, [1, 1_525_644, 2], ratio)])
  expect(row).toEqual(['1,024', '3,051,288', '1,525,644', '0.50 (0.48–0.53)', '0.45 ok'])
  expect(cells(tableHead(columns).split('\n')[0] as string)[2]).toBe('framewire calls/s')
})

test('a failed contender shows no number', () => {
  const failed = { contender: OURS, rounds: [], failure: 'wrong echo', callsPerSecond: undefined, ratio: undefined }
  expect(rowOf([resultOf(BASELINE, [1, 2, 3]), failed])).toEqual(['1,024', '2', 'failed', '-', '-'])
})

test('a target is within noise when rounds lie on both sides of it', () => {
  expect(verdict({ median: 0.5, min: 0.46, max: 0.6 }, 0.45)).toBe('ok')
  expect(verdict({ median: 0.5, min: 0.44, max: 0.6 }, 0.45)).toBe('ok, within noise')
  expect(verdict({ median: 0.4, min: 0.3, max: 0.45 }, 0.45)).toBe('below, within noise')
  expect(verdict({ median: 0.4, min: 0.3, max: 0.44 }, 0.45)).toBe('below')
})

test('two rounds give no verdict', () => {
  const ours = resultOf(OURS, [1, 2], { median: 0.5, min: 0.5, max: 0.5 })
  expect(rowOf([resultOf(BASELINE, [1, 2]), ours])[4]).toBe('0.45 (too few rounds)')
})
