// The tables of scale: a row an amount, ours beside the floor, and what a call costs more than with the smaller amounts of
// the same run.
import {
  type Cell,
  type Memory,
  processorMicros,
  processorRatio,
  type Result,
  SERIES_NAMES,
  type Series,
  sizeText,
} from './cell.ts'
import { BASELINE, OURS } from './contender.ts'
import { resultOf, spreadText, textTable } from './table.ts'

const KiB = 1024
const MiB = 1024 * KiB
const NOTHING = '-'
/** A call may cost so much more than the cheapest one of a smaller amount. */
const FLAT = 1.1

export function scaleText(cells: readonly Cell[]): string {
  const parts = SERIES_NAMES.flatMap((series) => {
    const found = cells.filter(({ growth }) => growth?.of === series)
    return found.length === 0 ? [] : [seriesText(series, found)]
  })
  const byRuntime = cells.filter(({ growth }) => growth === undefined)
  if (byRuntime.length > 0) parts.push(runtimeTable(byRuntime))
  return parts.join('\n\n')
}

/** Processor time of a call, or of a MiB, against the cheapest of a smaller amount; undefined for the first. */
export function growthOf(cells: readonly Cell[], cell: Cell, contender: string): number | undefined {
  const costOf = (other: Cell): number | undefined => {
    const result = resultOf(other, contender)
    const cost = result && processorMicros(result)
    return cost && cost / (other.growth?.of === 'payload' ? other.growth.value : 1)
  }
  const own = costOf(cell)
  const smaller = cells.filter(({ growth }) => (growth?.value ?? 0) < (cell.growth?.value ?? 0))
  const before = smaller.map(costOf).filter((cost) => cost !== undefined)
  return own === undefined || before.length === 0 ? undefined : own / Math.min(...before)
}

function seriesText(series: Series, cells: readonly Cell[]): string {
  if (series === 'payload') return payloadTable(cells)
  if (series.startsWith('server processes')) return serversTable(series, cells)
  const memory = cells.some(({ results }) => results.some(({ idleConnection }) => idleConnection))
  const tables = [callsTable(series, cells), ...(memory ? [memoryTable(cells)] : [])]
  return [...tables, verdicts(series, cells).join('\n')].join('\n\n')
}

const NAMES = [BASELINE, OURS]
const SHORT: Readonly<Record<string, string>> = { [BASELINE]: 'floor', [OURS]: 'framewire' }
const heads = (unit: string): string[] => NAMES.map((name) => `${SHORT[name]} ${unit}`)
const each = (cell: Cell, text: (result: Result) => string | undefined): string[] =>
  NAMES.map((name) => {
    const result = resultOf(cell, name)
    return (result?.value && text(result)) ?? NOTHING
  })

const rate = ({ value }: Result): string => count(value?.median ?? 0)
const micros = (result: Result): string | undefined => digits(processorMicros(result))

function ratios(cell: Cell): string[] {
  const { ratio } = resultOf(cell, OURS) ?? {}
  return [ratio ? spreadText(ratio) : NOTHING, processorRatio(cell, OURS, BASELINE)?.toFixed(2) ?? NOTHING]
}

function callsTable(series: Series, cells: readonly Cell[]): string {
  const head = [series, ...heads('calls/s'), 'ratio (min–max)', 'by cpu', ...heads('µs'), ...heads('grew')]
  const rows = cells.map((cell) => [
    amountOf(cell),
    ...each(cell, rate),
    ...ratios(cell),
    ...each(cell, micros),
    ...NAMES.map((name) => growthOf(cells, cell, name)?.toFixed(2) ?? NOTHING),
  ])
  return textTable(head, rows)
}

function payloadTable(cells: readonly Cell[]): string {
  const rateHeads = [...heads('MiB/s'), 'ratio (min–max)', 'by cpu']
  const head = ['payload', ...rateHeads, ...heads('µs a call'), ...heads('µs a MiB'), ...heads('peak MiB')]
  const rows = cells.map((cell) => {
    const mebibytes = (cell.payloadBytes ?? 0) / MiB
    const perMiB = (result: Result): string => digits((processorMicros(result) ?? 0) / mebibytes)
    return [
      amountOf(cell),
      ...each(cell, ({ value }) => digits((value?.median ?? 0) * mebibytes)),
      ...ratios(cell),
      ...each(cell, micros),
      ...each(cell, perMiB),
      ...each(
        cell,
        ({ cost }) => cost && bothEnds({ client: cost.clientPeakMemory, server: cost.serverPeakMemory }, MiB),
      ),
    ]
  })
  const legend = "A MiB there and back counts once. Peak: client + server, Node's own included."
  return [textTable(head, rows), legend, verdicts('payload', cells).join('\n')].join('\n\n')
}

function memoryTable(cells: readonly Cell[]): string {
  const head = ['KiB a connection, client + server', ...heads('idle'), ...heads('after calls')]
  const rows = cells.flatMap((cell) => {
    const idle = each(cell, ({ idleConnection }) => idleConnection && bothEnds(idleConnection, KiB))
    const used = each(cell, ({ usedConnection }) => usedConnection && bothEnds(usedConnection, KiB))
    return [...idle, ...used].every((text) => text === NOTHING) ? [] : [[amountOf(cell), ...idle, ...used]]
  })
  return textTable(head, rows)
}

function serversTable(series: Series, cells: readonly Cell[]): string {
  const names = [...new Set(cells.flatMap(({ results }) => results.filter(({ value }) => value).map(nameOf)))]
  const rows = cells.map((cell) => {
    const found = names.map((name) => cell.results.find((result) => nameOf(result) === name))
    const texts = found.map((result) => (result?.value ? `${rate(result)}, ${micros(result) ?? NOTHING} µs` : NOTHING))
    return [amountOf(cell), ...texts]
  })
  return [textTable([`${series}: calls/s, µs a call`, ...names], rows), cells[0]?.note ?? ''].join('\n\n')
}

function runtimeTable(cells: readonly Cell[]): string {
  const names = [...new Set(cells.flatMap(({ results }) => results.filter(({ value }) => value).map(nameOf)))]
  const rows = names.map((name) => [
    name,
    ...cells.map((cell) => {
      const result = cell.results.find((other) => nameOf(other) === name)
      return result?.value ? `${rate(result)}, ${micros(result) ?? NOTHING} µs` : NOTHING
    }),
  ])
  const titles = cells.map(({ title }) => title.replace(' by runtime', ''))
  return textTable(['framewire: calls/s, µs a call', ...titles], rows)
}

/** With the version, where it is another one than the bench runs on. */
function nameOf({ contender, version }: Result): string {
  if (version === undefined) return contender
  return /^(node|bun|deno)\b/.test(contender)
    ? `${contender.split(' ')[0]} ${version}`
    : `${contender} (Node ${version})`
}

function verdicts(series: Series, cells: readonly Cell[]): string[] {
  return cells.flatMap((cell) => {
    const [floor, ours] = NAMES.map((name) => growthOf(cells, cell, name))
    if (ours === undefined) return []
    const verdict = ours <= FLAT ? 'ok' : 'above'
    const beside = floor === undefined ? '' : `, that of the floor ${floor.toFixed(2)}`
    const unit = series === 'payload' ? 'MiB' : 'call'
    const said = `a ${unit} costs ${ours.toFixed(2)} times the cheapest with less${beside}`
    return [`${amountOf(cell)} ${series}: ${said}; at most ${FLAT.toFixed(2)}: ${verdict}`]
  })
}

function amountOf({ growth }: Cell): string {
  const value = growth?.value ?? 0
  return growth?.of === 'payload' ? sizeText(value) : count(value)
}

function bothEnds({ client, server }: Memory, unit: number): string {
  return `${digits(client / unit)} + ${digits(server / unit)}`
}

/** Three digits of what is small, all of what is large. */
function digits(value: number | undefined): string {
  if (value === undefined) return NOTHING
  if (Math.abs(value) >= 100) return count(value)
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
