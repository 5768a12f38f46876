// `npm run bench`: measures what the options ask for, prints the tables and writes the page. An interrupted run shows what
// it has. Ends with 1 when a contender failed, with 2 on a wrong option, with 130 when it was interrupted.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SUITES } from './cell.ts'
import { chartsOf, standalone } from './charts.ts'
import { canPin, describeMachine, machineLine } from './machine.ts'
import { type Options, parseOptions, USAGE } from './options.ts'
import { pageOf } from './page.ts'
import { budgetOf, planOf } from './plan.ts'
import { progressBar } from './progress-bar.ts'
import { argsWithoutFiles, type RunRecord, readRecord, savedPath, writeRecord } from './run-record.ts'
import { suiteText } from './suite-text.ts'
import { reasons, shortenings } from './table.ts'
import { tour } from './tour.ts'

const INTERRUPTED = 130

async function run(options: Options): Promise<void> {
  const record = options.from === undefined ? await measured(options) : await readRecord(options.from)
  print(record)
  await write(record, options)
  if (record.isInterrupted) process.exitCode = INTERRUPTED
}

async function measured(options: Options): Promise<RunRecord> {
  const machine = describeMachine(options.pin && canPin())
  const startedAt = new Date().toISOString()
  console.log(machineLine(machine))
  console.log(
    'Loopback, server and client apart, one connection unless said, alternating rounds; medians (min–max of rounds).',
  )
  const begin = performance.now()
  const plan = planOf(options)
  const progress = progressBar(plan.length)
  const setting = { pinned: machine.pinned, signal: interruption() }
  const { cells, isInterrupted } = await tour(plan, setting, progress, budgetOf(options))
  progress.stop()
  const seconds = (performance.now() - begin) / 1000
  return { startedAt, seconds, machine, args: argsWithoutFiles(process.argv.slice(2)), isInterrupted, cells }
}

async function write(record: RunRecord, { json, isSaved, report, pictures }: Options): Promise<void> {
  for (const file of [json, isSaved ? savedPath(record, 'bench') : undefined]) {
    if (file === undefined) continue
    await writeRecord(record, file)
    console.log(`every round: ${file}`)
  }
  if (report !== undefined) {
    await writeFile(report, pageOf(record))
    console.log(`the page: ${report}`)
  }
  if (pictures === undefined) return
  await mkdir(pictures, { recursive: true })
  for (const chart of chartsOf(record.cells)) await writeFile(join(pictures, `${chart.name}.svg`), standalone(chart))
}

function print({ cells, isInterrupted, seconds }: RunRecord): void {
  for (const suite of SUITES) {
    const text = suiteText(
      suite,
      cells.filter((cell) => cell.suite === suite),
    )
    if (text !== '') console.log(`\n## ${suite}\n\n${text}`)
  }
  console.log('')
  for (const line of shortenings(cells)) console.log(line)
  for (const line of reasons(cells, 'notRun')) console.log(line)
  for (const line of reasons(cells, 'failure')) {
    console.error(line)
    process.exitCode = 1
  }
  console.log(`${isInterrupted ? 'interrupted: only what was measured until then; ' : ''}${seconds.toFixed(0)} s`)
}

/** Aborts on the first Ctrl-C; the second ends the process at once. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED)
      controller.abort(new Error('interrupted'))
    })
  }
  return controller.signal
}

function optionsOrUsage(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`)
    process.exitCode = 2
    return undefined
  }
}

const options = optionsOrUsage()
if (options !== undefined) await run(options)
