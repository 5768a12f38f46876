// Pictures of scale: what a call costs, how fast it goes and what memory it takes as one thing grows.
import { type Cell, type Memory, processorMicros, type Result, type Series } from './cell.ts'
import { type Axes, type Chart, lines, MiB, rateBars } from './drawing.ts'

const KiB = 1024
const LOWER = 'Lower is better. Both axes go up by factors.'
const HIGHER = 'Higher is better. Both axes go up by factors.'

export function scaleCharts(cells: readonly Cell[]): Chart[] {
  const byProcesses = cells.filter(({ growth }) => growth === undefined || growth.of.startsWith('server processes'))
  return [...connections(cells), ...payloads(cells), ...byProcesses.map(rateBars)]
}

function connections(cells: readonly Cell[]): Chart[] {
  const found = of(cells, 'connections')
  return drawable([
    lines(
      'cost-by-connections',
      'processor time a call as connections grow, one call in flight on each',
      LOWER,
      found,
      {
        ...along('connections'),
        y: processorMicros,
        unit: 'µs of client and server',
      },
    ),
    lines('rate-by-connections', 'calls a second as connections grow, one call in flight on each', HIGHER, found, {
      ...along('connections'),
      y: ({ value }) => value?.median,
      unit: 'calls/s',
    }),
    lines('memory-by-connections', 'memory of a connection that has made calls', LOWER, found, {
      ...along('connections'),
      y: ({ usedConnection }) => usedConnection && total(usedConnection) / KiB,
      unit: 'KiB of client and server',
    }),
  ])
}

function payloads(cells: readonly Cell[]): Chart[] {
  const found = of(cells, 'payload')
  return drawable([
    lines('cost-by-payload', 'processor time a call as payloads grow, one call in flight', LOWER, found, {
      ...along('bytes of payload'),
      y: processorMicros,
      unit: 'µs of client and server',
    }),
    lines('rate-by-payload', 'payload a second as payloads grow, one call in flight', HIGHER, found, {
      ...along('bytes of payload'),
      y: ({ value }, cell) => value && (value.median * (cell.payloadBytes ?? 0)) / MiB,
      unit: 'MiB/s',
    }),
    lines('memory-by-payload', 'peak memory as payloads grow, one call in flight', LOWER, found, {
      ...along('bytes of payload'),
      y: peak,
      unit: 'MiB of client and server',
    }),
  ])
}

function of(cells: readonly Cell[], series: Series): Cell[] {
  return cells.filter(({ growth }) => growth?.of === series)
}

function along(label: string): Pick<Axes, 'x' | 'label'> {
  return { x: ({ growth }) => growth?.value ?? 0, label }
}

function peak({ cost }: Result): number | undefined {
  return cost && (cost.clientPeakMemory + cost.serverPeakMemory) / MiB
}

const total = ({ client, server }: Memory): number => client + server

function drawable(charts: readonly (Chart | undefined)[]): Chart[] {
  return charts.filter((made) => made !== undefined)
}
