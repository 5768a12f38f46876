// Runs one row in a process of its own and judges it. While it runs this process is idle: how late its timers are says
// how busy the machine is, and so much later may be what the row measured in time.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isMet, isTold } from './figure.ts'
import { LoopMeter } from './meters.ts'
import { whatIsMissing } from './needs.ts'
import type { Row } from './row.ts'
import type { RowResult } from './trial.ts'

export type Verdict = 'passed' | 'failed' | 'not run'

export interface Outcome extends RowResult {
  readonly row: Row
  readonly seed: number
  readonly verdict: Verdict
  /** Why it was not run. */
  readonly reason?: string
  readonly seconds: number
  /** How late an idle process was meanwhile, at worst. */
  readonly lateMs: number
}

export interface RunOptions {
  readonly seed: number
  readonly isNightly: boolean
  readonly minutes: number
}

const DEADLINE_MS = 120_000
/** After its report, or when it is told to give up, a row has so long to end by itself. */
const END_MS = 10_000

/** A row of which only times were missed is run once more: a machine can be busy for a moment. */
async function runRow(row: Row, options: RunOptions): Promise<Outcome> {
  const reason = whyNot(row, options)
  const nothing = { row, seed: options.seed, figures: [], violations: [], notes: [], seconds: 0, lateMs: 0 }
  if (reason !== undefined) return { ...nothing, verdict: 'not run', reason }
  const first = await runOnce(row, options)
  if (first.verdict === 'passed' || !isOnlyLate(first)) return first
  const second = await runOnce(row, options)
  return { ...second, notes: [...second.notes, 'the second run: times of the first were missed'] }
}

function whyNot(row: Row, { isNightly }: RunOptions): string | undefined {
  if (row.isNightly && !isNightly) return 'only with --nightly'
  return whatIsMissing(row.needs ?? [])
}

function isOnlyLate({ violations, figures, lateMs }: Outcome): boolean {
  return violations.length === 0 && figures.every((figure) => figure.kind !== 'count' || isMet(figure, lateMs))
}

async function runOnce(row: Row, { seed, isNightly, minutes }: RunOptions): Promise<Outcome> {
  const file = fileURLToPath(new URL('../dist/row-process.js', import.meta.url))
  const args = [row.id, String(seed), ...(isNightly ? [String(minutes)] : [])]
  const begin = performance.now()
  const loop = new LoopMeter()
  const child = fork(file, args, {
    execArgv: ['--expose-gc', '--no-warnings'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
  })
  const deadlineMs = (row.deadlineMs ?? DEADLINE_MS) * (isNightly ? 100 : 1)
  const force = () => void setTimeout(() => child.kill('SIGKILL'), END_MS).unref()
  const killer = setTimeout(() => {
    child.kill('SIGTERM')
    force()
  }, deadlineMs)
  let result: RowResult = {
    figures: [],
    violations: [`no report within ${deadlineMs} ms, or the process died`],
    notes: [],
  }
  let isOver = false
  child.stdio[4]?.once('data', () => {
    isOver = true
  })
  child.once('message', (report) => {
    result = report as RowResult
    clearTimeout(killer)
    force()
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  clearTimeout(killer)
  loop.stop()
  const when = isOver ? ', after its event loop had ended' : ''
  const end = code === 0 ? [] : [`I3 the process of the row ended with ${signal ?? code}${when}`]
  const nothing = result.figures.every(isTold) ? ['nothing was measured'] : []
  const violations = [...result.violations, ...end, ...nothing]
  const lateMs = Math.round(loop.worstMs)
  const isPassed = violations.length === 0 && result.figures.every((figure) => isMet(figure, lateMs))
  const seconds = (performance.now() - begin) / 1_000
  return { ...result, violations, row, seed, verdict: isPassed ? 'passed' : 'failed', seconds, lateMs }
}

/** Runs rows: those that mostly wait beside the others, where there are two cores. */
export async function runRows(
  rows: readonly Row[],
  options: RunOptions,
  onOutcome: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const outcomes = new Map<Row, Outcome>()
  const lane = async (list: readonly Row[]): Promise<void> => {
    for (const row of list) {
      const outcome = await runRow(row, options)
      outcomes.set(row, outcome)
      onOutcome(outcome)
    }
  }
  const isWide = availableParallelism() > 1
  const lanes = [(row: Row) => row.isIdle, (row: Row) => !row.isIdle && row.isQuiet, isLoud]
  if (isWide) await Promise.all(lanes.map((isIn) => lane(rows.filter(isIn))))
  else await lane(rows)
  return rows.flatMap((row) => outcomes.get(row) ?? [])
}

function isLoud({ isQuiet = false, isIdle = false }: Row): boolean {
  return !isQuiet && !isIdle
}
