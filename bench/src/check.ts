// `npm run bench:check`: measures ratios to the floors in one run and ends with 1 when one is below its recorded threshold.
// A cell below is measured again, twice at most: a slower program stays below, a machine that was busy does not.
import { parseArgs } from 'node:util'
import type { Cell } from './cell.ts'
import { type Gate, isAbout, type Judgement, judged, readGate, type Threshold } from './gate.ts'
import { canPin, describeMachine, machineLine } from './machine.ts'
import { gatePlan, type Step, titleOf } from './plan.ts'
import { progressBar } from './progress-bar.ts'
import { argsWithoutFiles, savedPath, writeRecord } from './run-record.ts'
import { reasons, textTable } from './table.ts'
import { type Tour, tour } from './tour.ts'

const ATTEMPTS = 3

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    thresholds: { type: 'string' },
    json: { type: 'string' },
    save: { type: 'boolean', default: false },
    'no-pin': { type: 'boolean', default: false },
  },
})
const machine = describeMachine(!options['no-pin'] && canPin())
const interruption = new AbortController()
process.on('SIGINT', () => interruption.abort(new Error('interrupted')))

/** Measures until all is met or the attempts are used up; later attempts measure only what is below. */
async function measured(gate: Gate): Promise<Tour & { judgements: Judgement[] }> {
  const cells: Cell[] = []
  let plan = stepsFor(gate.thresholds)
  for (let attempt = 1; ; attempt++) {
    const progress = progressBar(plan.length)
    const found = await tour(plan, { pinned: machine.pinned, signal: interruption.signal }, progress)
    progress.stop()
    cells.push(...found.cells)
    const judgements = judged(gate, cells, options.quick)
    const below = judgements.filter(({ isMet }) => !isMet)
    if (below.length === 0 || found.isInterrupted || attempt === ATTEMPTS) return { ...found, cells, judgements }
    plan = stepsFor(below.map(({ threshold }) => threshold))
    console.error(`${below.length} below; measured again: ${plan.map(titleOf).join('; ')}`)
  }
}

function stepsFor(thresholds: readonly Threshold[]): Step[] {
  return gatePlan(options.quick).filter((step) =>
    thresholds.some((threshold) => isAbout(threshold, { suite: step.suite, title: titleOf(step) })),
  )
}

function row({ threshold, limit, ratio, spread, isMet }: Judgement): string[] {
  const { suite, cell, contender, against, by } = threshold
  const rates = spread && `${spread.median.toFixed(2)} (${spread.min.toFixed(2)}–${spread.max.toFixed(2)})`
  const verdict = isMet ? 'ok' : ratio === undefined ? 'NOT MEASURED' : 'BELOW'
  return [`${suite} ${cell}`, contender, against, rates ?? '-', by, ratio?.toFixed(2) ?? '-', limit.toFixed(2), verdict]
}

console.log(machineLine(machine))
const startedAt = new Date().toISOString()
const begin = performance.now()
const { cells, isInterrupted, judgements } = await measured(await readGate(options.thresholds))
const seconds = (performance.now() - begin) / 1000
console.log(
  textTable(['cell', 'contender', 'against', 'rates (min–max)', 'by', 'ratio', 'at least', ''], judgements.map(row)),
)
for (const line of reasons(cells, 'failure')) console.error(line)
const record = { startedAt, seconds, machine, args: argsWithoutFiles(process.argv.slice(2)), isInterrupted, cells }
for (const file of [options.json, options.save ? savedPath(record, 'check') : undefined]) {
  if (file !== undefined) await writeRecord(record, file)
}
if (isInterrupted) process.exitCode = 130
else if (judgements.some(({ isMet }) => !isMet)) process.exitCode = 1
