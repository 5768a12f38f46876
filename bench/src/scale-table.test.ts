import { expect, test } from 'vitest'
import { type Cell, type Growth, type Result, resultsOf } from './cell.ts'
import { BASELINE, OURS } from './contender.ts'
import { growthOf, scaleText } from './scale-table.ts'

const KiB = 1024

/** Processor time of a call, floor and ours, half of it on each side. */
function cellOf(growth: Growth, micros: [number, number], more: Partial<Result> = {}): Cell {
  const samples = [BASELINE, OURS].map((contender, index) => ({
    contender,
    rounds: [1000, 1100, 1200].map((rate) => rate / (index + 1)),
  }))
  const results = resultsOf(samples, BASELINE).map((result, index): Result => {
    const half = (micros[index] ?? 0) / 2
    const cost = { clientCpuMicros: half, serverCpuMicros: half, clientPeakMemory: 80e6, serverPeakMemory: 60e6 }
    return { ...result, cost, ...more }
  })
  const title = `${growth.value} ${growth.of}`
  return { suite: 'scale', title, unit: 'calls/s', baseline: BASELINE, payloadBytes: 32, growth, results }
}
const connections = (value: number, micros: [number, number], more?: Partial<Result>) =>
  cellOf({ of: 'connections', value }, micros, more)
const rowsOf = (text: string): string[][] =>
  text.split('\n').map((line) => line.split('|').map((column) => column.trim()))

test('growth is against the cheapest of fewer, not against the one before', () => {
  const cells = [connections(1, [10, 12]), connections(10, [30, 48]), connections(100, [20, 18])]
  expect(cells.map((cell) => growthOf(cells, cell, OURS))).toEqual([undefined, 4, 1.5])
  expect(growthOf(cells, cells[2] as Cell, BASELINE)).toBe(2)
})

test('a row has both, their ratio and how they grew, and a sentence says whether that is flat', () => {
  const text = scaleText([connections(10, [10, 12]), connections(1_000, [10.5, 18])])
  const row = rowsOf(text).find(([first]) => first === '1,000')
  expect(row).toEqual(['1,000', '1,100', '550', '0.50 (0.50–0.50)', '0.58', '10.5', '18.0', '1.05', '1.50'])
  expect(text).toContain(
    '1,000 connections: a call costs 1.50 times the cheapest with less, that of the floor 1.05; at most 1.10: above',
  )
})

test('payloads are compared by the MiB', () => {
  const payload = (value: number, micros: number): Cell => ({
    ...cellOf({ of: 'payload', value }, [micros, micros]),
    payloadBytes: value,
  })
  const text = scaleText([payload(64 * KiB, 100), payload(1024 * KiB, 1_600), payload(4096 * KiB, 9_600)])
  expect(text).toMatch(/^1 MiB payload: a MiB costs 1.00 .*: ok$/m)
  expect(text).toMatch(/^4 MiB payload: a MiB costs 1.50 .*: above$/m)
})

test('memory of a connection stands where it was weighed', () => {
  const idleConnection = { client: 6 * KiB, server: 12_345 }
  const cells = [connections(1, [1, 1]), connections(1_000, [1, 1], { idleConnection, usedConnection: idleConnection })]
  const rows = rowsOf(scaleText(cells)).filter((row) => row.some((text) => text.includes('+')))
  expect(rows.at(-1)?.slice(0, 3)).toEqual(['1,000', '6.00 + 12.1', '6.00 + 12.1'])
  expect(scaleText(cells.slice(0, 1))).not.toContain('KiB a connection')
})

test('one that did not run is in no row, and nothing is compared with it', () => {
  const dead: Cell = {
    ...connections(10_000, [1, 1]),
    results: [{ contender: OURS, rounds: [], notRun: 'no descriptors' }],
  }
  const text = scaleText([connections(10, [10, 12]), dead])
  expect(rowsOf(text).find(([first]) => first === '10,000')).toEqual(['10,000', ...Array(8).fill('-')])
  expect(text).not.toContain('10,000 connections:')
})

test('servers and runtimes have a column and a row each, with their versions', () => {
  const { growth: _, ...cell } = connections(1, [1, 1.5])
  const [, ours] = cell.results
  const by = (contender: string, version?: string): Result => ({
    ...(ours as Result),
    contender,
    ...(version && { version }),
  })
  const missing: Result = { contender: 'deno', rounds: [], notRun: 'not installed' }
  const byRuntime = {
    ...cell,
    title: '32 B @1 by runtime',
    results: [by('node 22', '22.1.0'), by('bun', '1.4.5'), missing],
  }
  const rows = rowsOf(scaleText([byRuntime]))
  expect(rows[0]).toEqual(['framewire: calls/s, µs a call', '32 B @1'])
  expect(rows.slice(2)).toEqual([
    ['node 22.1.0', '550, 1.50 µs'],
    ['bun 1.4.5', '550, 1.50 µs'],
  ])
  const servers = cellOf({ of: 'server processes, echo', value: 2 }, [3, 4])
  const shared = { ...servers, note: '2 cores', results: [...servers.results, by(`${OURS}, reusePort`, '22.1.0')] }
  const text = scaleText([shared])
  expect(rowsOf(text)[0]?.at(-1)).toBe('framewire, reusePort (Node 22.1.0)')
  expect(text).toMatch(/\n\n2 cores$/)
})
