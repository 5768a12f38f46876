// The tables a run prints. A contender that failed or did not run has a dash where its numbers would be; why stands below.
import { type Cell, processorRatio, type Result } from './cell.ts'
import { OURS } from './contender.ts'
import { isWithinNoise, pairedRatio, ROUNDS_FOR_A_VERDICT, type Spread } from './rounds.ts'

const MiB = 1024 * 1024
const NOTHING = '-'

/** Columns as wide as they must be; the first is text, the others are numbers. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const pad = (text: string, column: number): string =>
    column === 0 ? text.padEnd(widths[column] as number) : text.padStart(widths[column] as number)
  const line = (cells: readonly string[]): string => cells.map(pad).join(' | ').trimEnd()
  return [line(head), widths.map((width) => '-'.repeat(width)).join('-|-'), ...rows.map(line)].join('\n')
}

/** What every contender reached in every cell of a suite; the fastest of the first cell on top, baseline and ours before. */
export function rateTable(cells: readonly Cell[]): string {
  const first = cells[0] as Cell
  const names = [...new Set(cells.flatMap(({ results }) => results.map(({ contender }) => contender)))]
  const rank = (name: string): number => {
    if (name === first.baseline) return Number.POSITIVE_INFINITY
    return name === OURS ? Number.MAX_VALUE : (resultOf(first, name)?.value?.median ?? 0)
  }
  const rows = names
    .filter((name) => cells.some((cell) => resultOf(cell, name)?.value !== undefined))
    .toSorted((left, right) => rank(right) - rank(left) || 0)
    .map((name) => [name, ...cells.map((cell) => valueText(cell, resultOf(cell, name)?.value))])
  return textTable([first.unit, ...cells.map(({ title }) => title)], rows)
}

/** How ours stands to the baseline and to its first target, and what a call costs. */
export function oursTable(cells: readonly Cell[]): string {
  const rows = cells.flatMap((cell) =>
    cell.results
      .filter((result) => result.contender !== cell.baseline && isOurs(result) && result.ratio !== undefined)
      .map((result) => [
        `${cell.title}${result.contender === OURS ? '' : `, ${result.contender.replace(`${OURS} `, '')}`}`,
        cell.baseline,
        spreadText(result.ratio as Spread),
        processorRatio(cell, result.contender, cell.baseline)?.toFixed(2) ?? NOTHING,
        targetText(cell, result),
        ...costTexts(result),
      ]),
  )
  if (rows.length === 0) return ''
  const costs = ['client µs', 'server µs', 'client MiB', 'server MiB', 'p50 ms', 'p99 ms']
  return withoutEmptyColumns(['framewire', 'against', 'ratio (min–max)', 'by cpu', 'first target', ...costs], rows)
}

/** How many times as fast as each peer ours is, paired by rounds. */
export function againstTable(cells: readonly Cell[]): string {
  const names = [...new Set(cells.flatMap((cell) => peersOf(cell)))]
  const used = cells.filter((cell) => peersOf(cell).length > 0)
  if (used.length === 0) return ''
  const rows = names.map((name) => [name, ...used.map((cell) => againstText(cell, name))])
  return textTable(['framewire is so many times as fast as', ...used.map(({ title }) => title)], rows)
}

/** Times in milliseconds of the contenders of one cell. */
export function latencyTable(cell: Cell): string {
  const ms = (value: number): string => value.toFixed(3)
  const rows = cell.results.flatMap(({ contender, latency }) =>
    latency === undefined ? [] : [[contender, ...[latency.p50, latency.p90, latency.p99, latency.p999].map(ms)]],
  )
  return textTable([`${cell.title}, ms`, 'p50', 'p90', 'p99', 'p99.9'], rows)
}

/** One line for each contender that failed or did not run, with its reason and cells. */
export function reasons(cells: readonly Cell[], kind: 'failure' | 'notRun'): string[] {
  const found = new Map<string, string[]>()
  for (const { suite, title, results } of cells) {
    for (const result of results) {
      const reason = result[kind]
      if (reason === undefined) continue
      const line = `${kind === 'failure' ? 'failed' : 'not run'}: ${result.contender}: ${reason}`
      found.set(line, [...(found.get(line) ?? []), `${suite} ${title}`])
    }
  }
  return [...found].map(([line, where]) => `${line} (${where.length > 3 ? `${where.length} cells` : where.join('; ')})`)
}

/** What peers got less than planned, so that the tour ended in time. */
export function shortenings(cells: readonly Cell[]): string[] {
  return cells.flatMap(({ suite, title, peerShare }) => {
    if (peerShare === undefined) return []
    const percent = Math.round(peerShare * 100)
    return [`shortened: warm-up and rounds of the peers in ${suite} ${title} to ${percent} %, to end in time`]
  })
}

/** Met or not by the median, and whether the rounds lie on both sides of the target. */
export function verdict(ratio: Spread, target: number, rounds: number): string {
  if (rounds < ROUNDS_FOR_A_VERDICT) return 'too few rounds'
  const met = ratio.median >= target ? 'ok' : 'below'
  return isWithinNoise(ratio, target, rounds) ? `${met}, within noise` : met
}

/** "12.3 (11.0–13.1)", with a word when one round says faster and another slower. */
function againstText(cell: Cell, peer: string): string {
  const [ours, theirs] = [resultOf(cell, OURS), resultOf(cell, peer)]
  if (ours?.value === undefined || theirs?.value === undefined) return NOTHING
  const ratio = pairedRatio(ours.rounds, theirs.rounds)
  const rounds = Math.min(ours.rounds.length, theirs.rounds.length)
  return `${spreadText(ratio)}${isWithinNoise(ratio, 1, rounds) ? ', within noise' : ''}`
}

export function resultOf(cell: Cell, contender: string): Result | undefined {
  return cell.results.find((result) => result.contender === contender)
}

function isOurs({ contender }: Result): boolean {
  return contender.startsWith(OURS)
}

function peersOf(cell: Cell): string[] {
  const names = cell.results.filter((result) => !isOurs(result) && result.value !== undefined)
  return names.map(({ contender }) => contender).filter((name) => name !== cell.baseline)
}

function targetText({ firstTarget }: Cell, { ratio, rounds }: Result): string {
  if (firstTarget === undefined || ratio === undefined) return NOTHING
  return `${firstTarget.toFixed(2)} ${verdict(ratio, firstTarget, rounds.length)}`
}

function costTexts({ cost, latency }: Result): string[] {
  const micros = (value: number | undefined): string => value?.toFixed(2) ?? NOTHING
  const memory = (value: number | undefined): string => (value === undefined ? NOTHING : (value / MiB).toFixed(0))
  return [
    micros(cost?.clientCpuMicros),
    micros(cost?.serverCpuMicros),
    memory(cost?.clientPeakMemory),
    memory(cost?.serverPeakMemory),
    latency?.p50.toFixed(3) ?? NOTHING,
    latency?.p99.toFixed(3) ?? NOTHING,
  ]
}

function withoutEmptyColumns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isUsed = (_: string, column: number): boolean => rows.some((row) => row[column] !== NOTHING)
  return textTable(
    head.filter(isUsed),
    rows.map((row) => row.filter(isUsed)),
  )
}

function valueText({ unit }: Cell, value: Spread | undefined): string {
  if (value === undefined) return NOTHING
  return unit.startsWith('ms') ? value.median.toFixed(3) : Math.round(value.median).toLocaleString('en-US')
}

export function spreadText({ median, min, max }: Spread): string {
  const digits = max >= 100 ? 0 : max >= 10 ? 1 : 2
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}
