import { expect, test } from 'vitest'
import { type Cell, resultsOf } from './cell.ts'
import { decodingTitle, ENCODING_TITLE } from './codec-cells.ts'
import { BASELINE, OURS } from './contender.ts'
import { type Gate, judged, readGate } from './gate.ts'
import { gatePlan, titleOf } from './plan.ts'

const gate: Gate = {
  quickShare: 0.5,
  thresholds: [{ suite: 'rpc', cell: '32 B @128', contender: OURS, against: BASELINE, by: 'rate', atLeast: 0.5 }],
}

function cellOf(rates: number[], change: Partial<Cell> = {}): Cell {
  const samples = [
    { contender: BASELINE, rounds: [100, 100, 100] },
    { contender: OURS, rounds: rates },
  ]
  const results = resultsOf(samples, BASELINE)
  return { suite: 'rpc', title: '32 B @128', unit: 'calls/s', baseline: BASELINE, results, ...change }
}

const isMet = (cells: Cell[], isQuick = false) => judged(gate, cells, isQuick).map((judgement) => judgement.isMet)

test('a ratio is compared by its median', () => {
  expect(isMet([cellOf([50, 10, 60])])).toEqual([true])
  expect(isMet([cellOf([49, 90, 10])])).toEqual([false])
})

test('a quick run has a wider margin', () => {
  expect(isMet([cellOf([25, 25, 25])], true)).toEqual([true])
  expect(isMet([cellOf([24, 24, 24])], true)).toEqual([false])
})

test('of several attempts the best counts', () => {
  expect(isMet([cellOf([10, 10, 10]), cellOf([55, 55, 55]), cellOf([20, 20, 20])])).toEqual([true])
})

test('processor time counts where the threshold says so, whatever the rates were', () => {
  const cpu: Gate = { ...gate, thresholds: gate.thresholds.map((threshold) => ({ ...threshold, by: 'cpu' })) }
  const costing = (micros: number): Cell => {
    const cell = cellOf([1, 1, 1])
    const results = cell.results.map((result) => {
      const clientCpuMicros = result.contender === OURS ? micros : 2
      return { ...result, cost: { clientCpuMicros, serverCpuMicros: 1, clientPeakMemory: 1, serverPeakMemory: 1 } }
    })
    return { ...cell, results }
  }
  expect(judged(cpu, [costing(5)], false)).toMatchObject([{ ratio: 0.5, isMet: true }])
  expect(judged(cpu, [costing(6)], false)).toMatchObject([{ ratio: 3 / 7, isMet: false }])
  expect(judged(cpu, [cellOf([99, 99, 99])], false)).toMatchObject([{ ratio: undefined, isMet: false }])
})

test('what was not measured is not passed', () => {
  expect(isMet([])).toEqual([false])
  expect(isMet([cellOf([90, 90, 90], { suite: 'streams' })])).toEqual([false])
  const failed = cellOf([90, 90, 90])
  failed.results = failed.results.map(({ contender }) => ({ contender, rounds: [], failure: 'wrong echo' }))
  expect(isMet([failed])).toEqual([false])
})

test('every recorded threshold is about a cell that both forms of the gate measure', async () => {
  const { thresholds, quickShare } = await readGate()
  expect(quickShare).toBeLessThan(1)
  for (const plan of [gatePlan(true), gatePlan(false)]) {
    const titles = plan.map((step) => `${step.suite} ${titleOf(step)}`)
    expect(thresholds.map(({ suite, cell }) => `${suite} ${cell}`).filter((title) => !titles.includes(title))).toEqual(
      [],
    )
  }
  expect(titleOf(gatePlan(true)[0] as never)).toBe(decodingTitle(16))
  expect(ENCODING_TITLE).toBe('encode 64 B')
})
