// Pictures of cells as SVG text, drawn without a browser. Every picture names its unit and what is better, and none shows a
// contender that failed.
import * as Plot from '@observablehq/plot'
import { type Cell, processorMicros } from './cell.ts'
import { type Chart, chart, drawn, lines, MiB, measured, plainNumber, ROLES, ROW, rateBars, role } from './drawing.ts'
import { PALETTE } from './palette.ts'
import { scaleCharts } from './scale-charts.ts'

const PERCENTILES = ['p50', 'p90', 'p99', 'p999'] as const
const PERCENTILE_NAMES = { p50: 'p50', p90: 'p90', p99: 'p99', p999: 'p99.9' }

/** All pictures for which there are cells. */
export function chartsOf(cells: readonly Cell[]): Chart[] {
  const echoes = cells.filter(({ suite }) => suite === 'rpc')
  return [
    ...echoes.filter(({ results }) => measured(results).length > 2).map(rateBars),
    ...growth(echoes),
    ...cells.filter(({ suite }) => suite === 'latency' || suite === 'fairness').map(latencyDots),
    ...echoes
      .filter(({ results }) => results.filter(({ cost }) => cost).length > 2)
      .slice(0, 1)
      .map(memoryBars),
    ...cells.filter(({ suite }) => ['streams', 'transport', 'codec'].includes(suite)).map(rateBars),
    ...scaleCharts(cells.filter(({ suite }) => suite === 'scale')),
  ]
}

/** The picture as a file of its own, with its colours, readable wherever it is put. */
export function standalone({ svg, title }: Chart): string {
  const height = Number(/ height="(\d+)"/.exec(svg)?.[1] ?? 0)
  const paper = `<style>${PALETTE}</style><rect width="100%" height="100%" fill="var(--paper)"/>`
  const body = svg
    .replace(/^<svg /, `<svg xmlns="http://www.w3.org/2000/svg" role="img" `)
    .replace(/>/, `><title>${escaped(title)}</title>${paper}<g color="var(--ink)" fill="var(--ink)">`)
    .replace(/<\/svg>$/, '</g></svg>')
  return `${height > 0 ? body : svg}\n`
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

function latencyDots(cell: Cell): Chart {
  const rows = cell.results.flatMap(({ contender, latency }) =>
    latency === undefined
      ? []
      : PERCENTILES.map((key) => ({ contender, percentile: PERCENTILE_NAMES[key], ms: latency[key], key })),
  )
  const marks = [
    Plot.ruleY(rows, Plot.groupY({ x1: 'min', x2: 'max' }, { x: 'ms', y: 'contender', stroke: 'var(--line)' })),
    Plot.dot(rows, { x: 'ms', y: 'contender', r: 5, fill: ({ contender }) => role(contender), fillOpacity: 0.9 }),
    ...[-11, 13].map((dy) =>
      // The two highest are often close: their names stand on opposite sides.
      Plot.text(rows, {
        x: 'ms',
        y: 'contender',
        text: 'percentile',
        filter: ({ key }) => (key === 'p999') === dy > 0,
        dy,
        fill: 'var(--faint)',
        fontSize: 9,
      }),
    ),
  ]
  const names = [...new Set(rows.map(({ contender }) => contender))]
  const x = { type: 'log' as const, label: 'milliseconds (each step is a factor)', grid: true, tickFormat: plainNumber }
  const height = names.length * ROW * 1.5 + 74
  const svg = drawn(height, { x, y: { label: null, domain: names }, color: ROLES, marks })
  const caption =
    'From p50 (half of all calls were faster) to p99.9 (one of a thousand was slower). Further left is better.'
  return chart('latency', cell, `time of a call, ${cell.title}`, caption, svg)
}

function memoryBars(cell: Cell): Chart {
  const rows = cell.results.flatMap(({ contender, cost }) =>
    cost === undefined
      ? []
      : [
          { contender, side: 'client', mebibytes: cost.clientPeakMemory / MiB },
          { contender, side: 'server', mebibytes: cost.serverPeakMemory / MiB },
        ],
  )
  const marks = [
    Plot.barX(rows, {
      x: 'mebibytes',
      y: 'contender',
      fill: ({ contender }) => role(contender),
      fillOpacity: sideOpacity,
      sort: { y: 'x' },
    }),
    Plot.text(
      rows,
      Plot.stackX({
        x: 'mebibytes',
        y: 'contender',
        text: ({ side, mebibytes }) => `${side} ${mebibytes.toFixed(0)}`,
        fill: 'var(--ink)',
      }),
    ),
    Plot.ruleX([0], { stroke: 'var(--ink)' }),
  ]
  const svg = drawn((rows.length / 2) * ROW + 74, {
    x: { label: 'MiB', grid: true },
    y: { label: null },
    color: ROLES,
    marks,
  })
  const caption =
    'The most memory that client and server ever had; an empty Node has 40 to 50 MiB each. Shorter is better.'
  return chart('memory', cell, `peak memory, ${cell.title}`, caption, svg)
}

const sideOpacity = ({ side }: { side: string }): number => (side === 'client' ? 0.85 : 0.5)

/** How rates and costs change as more calls are in flight, and costs as payloads grow. */
function growth(echoes: readonly Cell[]): Chart[] {
  const small = echoes.filter(({ payloadBytes }) => payloadBytes === 32)
  const sizes = echoes.filter(({ title }) => /^(32 B @128|1 KiB @128|64 KiB @16|1 MiB @1)$/.test(title))
  const depth = (cell: Cell): number => cell.inFlight ?? 0
  const size = (cell: Cell): number => cell.payloadBytes ?? 0
  const more = 'Both axes go up by factors.'
  return [
    lines('rate-by-depth', 'calls a second as more are in flight, 32 B', `Higher is better. ${more}`, small, {
      x: depth,
      label: 'calls in flight',
      y: ({ value }) => value?.median,
      unit: 'calls/s',
    }),
    lines('cost-by-depth', 'processor time a call as more are in flight, 32 B', `Lower is better. ${more}`, small, {
      x: depth,
      label: 'calls in flight',
      y: processorMicros,
      unit: 'µs of client and server',
    }),
    lines('cost-by-size', 'processor time a call as payloads grow', `Lower is better. ${more}`, sizes, {
      x: size,
      label: 'bytes of payload',
      y: processorMicros,
      unit: 'µs of client and server',
    }),
  ].filter((made) => made !== undefined)
}
