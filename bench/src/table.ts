// The table a run prints: one row a cell, one column a contender, ratios against the baseline with their min and max, and
// how ours stands to its first target. A failed contender has the word "failed" where its numbers would be.
import type { Cell, Result } from './cell.ts'
import { BASELINE, OURS } from './contender.ts'

// Fewer rounds say nothing about noise.
const ROUNDS_FOR_A_VERDICT = 3

const WIDEST_RATE = '10,000,000'
const WIDEST_RATIO = '0.98 (0.95–1.01)'

interface Column {
  title: string
  width: number
  text(cell: Cell): string
}

export function tableColumns(contenders: readonly string[]): Column[] {
  const columns = [column('in flight', '', (cell) => count(cell.inFlight))]
  for (const contender of contenders) columns.push(rateColumn(contender))
  if (!contenders.includes(BASELINE)) return columns
  for (const contender of contenders) if (contender !== BASELINE) columns.push(ratioColumn(contender))
  if (contenders.includes(OURS)) columns.push(column('first target', '0.90 below, within noise', targetText))
  return columns
}

export function tableHead(columns: readonly Column[]): string {
  const rule = columns.map(({ width }) => '-'.repeat(width)).join('-|-')
  return `${line(columns, ({ title }) => title)}\n${rule}`
}

export function tableRow(columns: readonly Column[], cell: Cell): string {
  return line(columns, ({ text }) => text(cell))
}

/** Met or not by the median, and whether the rounds lie on both sides of the target. */
export function verdict(ratio: { median: number; min: number; max: number }, target: number): string {
  const met = ratio.median >= target ? 'ok' : 'below'
  return ratio.min < target && target <= ratio.max ? `${met}, within noise` : met
}

function rateColumn(contender: string): Column {
  return column(`${contender} calls/s`, WIDEST_RATE, (cell) => {
    const rate = resultOf(cell, contender)?.callsPerSecond
    return rate === undefined ? 'failed' : count(rate.median)
  })
}

function ratioColumn(contender: string): Column {
  return column(`${contender} ratio (min–max)`, WIDEST_RATIO, (cell) => {
    const ratio = resultOf(cell, contender)?.ratio
    return ratio === undefined ? '-' : `${fixed(ratio.median)} (${fixed(ratio.min)}–${fixed(ratio.max)})`
  })
}

function targetText(cell: Cell): string {
  const ours = resultOf(cell, OURS)
  if (cell.firstTarget === undefined || ours?.ratio === undefined) return '-'
  if (ours.rounds.length < ROUNDS_FOR_A_VERDICT) return `${fixed(cell.firstTarget)} (too few rounds)`
  return `${fixed(cell.firstTarget)} ${verdict(ours.ratio, cell.firstTarget)}`
}

function column(title: string, widest: string, text: (cell: Cell) => string): Column {
  return { title, width: Math.max(title.length, widest.length), text }
}

function resultOf(cell: Cell, contender: string): Result | undefined {
  return cell.results.find((result) => result.contender === contender)
}

function line(columns: readonly Column[], text: (column: Column) => string): string {
  return columns.map((column) => text(column).padStart(column.width)).join(' | ')
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function fixed(ratio: number): string {
  return ratio.toFixed(2)
}
