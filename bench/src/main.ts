// `npm run bench`: measures what the options ask for, prints the tables and writes the page. An interrupted run shows what
// it has. Ends with 1 when a contender failed, with 2 on a wrong option, with 130 when it was interrupted.
import { SUITES } from './cell.ts'
import { canPin, describeMachine, machineLine } from './machine.ts'
import { type Options, parseOptions, USAGE } from './options.ts'
import { planOf } from './plan.ts'
import { progressBar } from './progress-bar.ts'
import { type RunRecord, savedPath, writeRecord } from './run-record.ts'
import { reasons, suiteText } from './table.ts'
import { tour } from './tour.ts'

const INTERRUPTED = 130

async function run(options: Options): Promise<void> {
  const machine = describeMachine(options.pin && canPin())
  const startedAt = new Date().toISOString()
  console.log(machineLine(machine))
  console.log('One loopback connection, two processes, alternating rounds; medians (min–max over rounds).')
  const begin = performance.now()
  const plan = planOf(options)
  const progress = progressBar(plan.length)
  const { cells, isInterrupted } = await tour(plan, { pinned: machine.pinned, signal: interruption() }, progress)
  progress.stop()
  const seconds = (performance.now() - begin) / 1000
  const record: RunRecord = { startedAt, seconds, machine, args: process.argv.slice(2), isInterrupted, cells }
  print(record)
  for (const file of [options.json, options.isSaved ? savedPath(record) : undefined]) {
    if (file === undefined) continue
    await writeRecord(record, file)
    console.log(`every round: ${file}`)
  }
  if (isInterrupted) process.exitCode = INTERRUPTED
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
