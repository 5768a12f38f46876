// What a suite prints: which tables, in which order.
import type { Cell, Suite } from './cell.ts'
import { ROUNDS_FOR_A_VERDICT } from './rounds.ts'
import { scaleText } from './scale-table.ts'
import { againstTable, latencyTable, oursTable, rateTable, spreadText } from './table.ts'

/** The cells of one suite as text, tables one below the other. */
export function suiteText(suite: Suite, cells: readonly Cell[]): string {
  if (cells.length === 0) return ''
  if (suite === 'latency') return cells.map(latencyTable).join('\n\n')
  if (suite === 'fairness') return cells.map((cell) => `${latencyTable(cell)}\n${worseText(cell)}`).join('\n\n')
  if (suite === 'scale') return scaleText(cells)
  const tables = [rateTable(cells), oursTable(cells), suite === 'rpc' ? againstTable(cells) : '']
  return tables.filter((table) => table !== '').join('\n\n')
}

/** How many times as long the 99th percentile is as the baseline's; the target is the most it may be. */
function worseText({ baseline, firstTarget, results }: Cell): string {
  const lines = results.flatMap(({ contender, ratio, rounds }) => {
    if (ratio === undefined || firstTarget === undefined) return []
    const met = rounds.length < ROUNDS_FOR_A_VERDICT ? 'too few rounds' : ratio.median <= firstTarget ? 'ok' : 'above'
    return [`${contender}: p99 is ${spreadText(ratio)} times that of ${baseline}, at most ${firstTarget}: ${met}`]
  })
  return lines.join('\n')
}
