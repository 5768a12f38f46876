// Goes through a plan, cell by cell, until it is done or interrupted, and keeps what was measured until then.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Budget } from './budget.ts'
import type { Cell, Setting } from './cell.ts'
import type { CodecOrder } from './codec-process.ts'
import { SERVER_CPU } from './machine.ts'
import type { Step } from './plan.ts'
import { unlessAborted } from './rounds.ts'
import { echoCell, openCell, sharedCell, streamCell } from './rpc-cells.ts'
import { scaleCell } from './scale.ts'
import { transportCell } from './transport-cells.ts'

export interface Tour {
  cells: Cell[]
  isInterrupted: boolean
}

export interface Progress {
  begin(step: Step): void
  done(cell: Cell): void
}

export async function tour(
  plan: readonly Step[],
  setting: Pick<Setting, 'pinned'> & { signal: AbortSignal },
  progress: Progress,
  budgetSeconds = Number.POSITIVE_INFINITY,
): Promise<Tour> {
  const cells: Cell[] = []
  const budget = new Budget(plan, budgetSeconds)
  const begin = performance.now()
  for (const [number, step] of plan.entries()) {
    if (setting.signal.aborted) break
    progress.begin(step)
    const peerShare = budget.shareOf(number, (performance.now() - begin) / 1_000)
    const { rounds, seconds } = step
    const cell = await cellOf(step, { ...setting, rounds, seconds, peerShare }).catch((error) => {
      if (setting.signal.aborted) return undefined
      throw error
    })
    if (cell === undefined || cell.results.length === 0) continue
    cells.push(peerShare < 1 ? { ...cell, peerShare } : cell)
    progress.done(cell)
  }
  return { cells, isInterrupted: setting.signal.aborted }
}

function cellOf(step: Step, setting: Setting): Promise<Cell> {
  switch (step.suite) {
    case 'codec':
      return codecCell(step, setting)
    case 'transport':
      return transportCell(step, undefined, setting)
    case 'rpc':
      return echoCell(step, setting)
    case 'latency':
      return openCell(step, setting)
    case 'streams':
      return streamCell(step, setting)
    case 'fairness':
      return sharedCell(step.uploadBytes, setting)
    case 'scale':
      return scaleCell(step, setting)
  }
}

/** Measured in a process of its own, so that nothing here disturbs it. */
async function codecCell({ size, rounds }: CodecOrder, { pinned, signal }: Setting): Promise<Cell> {
  const file = fileURLToPath(new URL('../dist/codec-process.js', import.meta.url))
  const pin = pinned ? ['taskset', '-c', String(SERVER_CPU)] : []
  const [command = '', ...args] = [...pin, process.execPath, ...process.execArgv, file]
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  try {
    child.send({ size, rounds } satisfies CodecOrder)
    const answer = await unlessAborted(cellFrom(child), signal)
    if ('failure' in answer) throw new Error(`codec: ${answer.failure}`)
    return answer.cell
  } finally {
    if (child.connected) child.disconnect()
  }
}

async function cellFrom(child: ChildProcess): Promise<{ cell: Cell } | { failure: string }> {
  const ended = once(child, 'exit').then(([code]) => ({ failure: `the process ended with ${code}` }))
  const answered = once(child, 'message').then(([answer]) => answer as { cell: Cell })
  return Promise.race([answered, ended])
}
