// How pictures are drawn: as SVG text without a browser, in colours that the page names. Bars and lines serve several suites.
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { type Cell, type Result, sizeText } from './cell.ts'
import { BASELINE, OURS, STREAM_BASELINE } from './contender.ts'

export interface Chart {
  /** A file name without its ending. */
  name: string
  title: string
  /** What is seen, and what is better. */
  caption: string
  svg: string
}

const WIDTH = 760
export const ROW = 24
export const MiB = 1024 * 1024
export function rateBars(cell: Cell): Chart {
  const rows = measured(cell.results).map(({ contender, value }) => ({
    contender,
    ...(value as NonNullable<typeof value>),
  }))
  const most = Math.max(...rows.map(({ max }) => max))
  const marks = [
    Plot.barX(rows, { x: 'median', y: 'contender', fill: ({ contender }) => role(contender), sort: { y: '-x' } }),
    Plot.ruleY(rows, { x1: 'min', x2: 'max', y: 'contender', stroke: 'var(--ink)', strokeOpacity: 0.6 }),
    Plot.text(rows, {
      x: 'max',
      y: 'contender',
      text: ({ median }) => count(median),
      textAnchor: 'start',
      dx: 5,
      fill: 'var(--ink)',
    }),
    Plot.ruleX([0], { stroke: 'var(--ink)' }),
  ]
  const x = { label: cell.unit, domain: [0, most * 1.14], tickFormat: 's', grid: true }
  const svg = drawn(rows.length * ROW + 74, { x, y: { label: null }, color: ROLES, marks })
  const what = cell.suite === 'rpc' ? `calls a second, ${cell.title}` : `${cell.suite}, ${cell.title}: ${cell.unit}`
  return chart(
    'rate',
    cell,
    what,
    'Median of the rounds; the thin line goes from the slowest to the fastest. Longer is better.',
    svg,
  )
}

export interface Axes {
  x(cell: Cell): number
  label: string
  y(result: Result, cell: Cell): number | undefined
  unit: string
}

export function lines(
  name: string,
  title: string,
  caption: string,
  cells: readonly Cell[],
  axes: Axes,
): Chart | undefined {
  const points = cells.flatMap((cell) =>
    measured(cell.results).flatMap((result) => {
      const y = axes.y(result, cell)
      return y === undefined ? [] : [{ contender: result.contender, x: axes.x(cell), y }]
    }),
  )
  const isLine = ({ contender }: { contender: string }): boolean =>
    points.filter((point) => point.contender === contender).length > 1
  const rows = points.filter(isLine).toSorted((left, right) => left.x - right.x)
  const ticks = [...new Set(rows.map(({ x }) => x))]
  if (ticks.length < 2) return undefined
  const line = { x: 'x', y: 'y', z: 'contender' }
  const stroke = ({ contender }: { contender: string }): string => role(contender)
  const marks = [
    Plot.lineY(rows, { ...line, stroke, strokeWidth: 2, marker: 'dot' }),
    Plot.text(
      rows,
      Plot.selectLast({
        ...line,
        text: 'contender',
        textAnchor: 'start',
        dx: 8,
        fill: 'var(--ink)',
      }),
    ),
  ]
  const x = { type: 'log' as const, base: 2, label: axes.label, ticks, tickFormat: axisNumber(axes.label) }
  const y = { type: 'log' as const, label: axes.unit, grid: true, tickFormat: plainNumber }
  const svg = drawn(320, { marginLeft: 70, marginRight: 120, x, y, color: ROLES, marks })
  return { name, title, caption, svg }
}

const axisNumber = (label: string) => (value: number) => (label.startsWith('bytes') ? sizeText(value) : count(value))
export const plainNumber = (value: number): string => (value >= 1 ? count(value) : String(Number(value.toPrecision(2))))

export const ROLES = { domain: ['ours', 'floor', 'peer'], range: ['var(--ours)', 'var(--floor)', 'var(--peer)'] }

export function role(contender: string): string {
  // By runtime all bars are ours.
  if (contender.startsWith(OURS) || /^(beside upload|node \d+|bun|deno)$/.test(contender)) return 'ours'
  if (contender.startsWith(BASELINE)) return 'floor'
  return [STREAM_BASELINE, 'floor', 'copy', 'by hand', 'idle'].includes(contender) ? 'floor' : 'peer'
}

export function chart(kind: string, cell: Cell, title: string, caption: string, svg: string): Chart {
  const name = `${kind}-${cell.suite}-${cell.title}`.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return { name, title, caption, svg }
}

export function drawn(height: number, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html></html>')
  const style = { background: 'transparent', fontSize: '12px' }
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height: Math.round(height),
    marginLeft: 170,
    marginRight: 70,
    marginBottom: 44,
    style,
    ...options,
  })
  return plot.outerHTML
}

export function measured(results: readonly Result[]): Result[] {
  return results.filter(({ value }) => value !== undefined)
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
