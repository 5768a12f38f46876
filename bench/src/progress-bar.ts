// How far a run is: a bar on a terminal, a line a cell elsewhere. It writes to stderr; stdout belongs to the tables.
import cliProgress from 'cli-progress'
import type { Cell } from './cell.ts'
import { titleOf } from './plan.ts'
import type { Progress } from './tour.ts'

/** The bar, and what takes it away. */
export function progressBar(total: number): Progress & { stop(): void } {
  return process.stderr.isTTY ? bar(total) : lines(total)
}

function bar(total: number): Progress & { stop(): void } {
  const shown = new cliProgress.SingleBar({
    format: '{bar} {value}/{total} | {what} | {duration_formatted}',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    fps: 4,
  })
  shown.start(total, 0, { what: '' })
  return {
    begin: (step) => shown.update({ what: `${step.suite} ${titleOf(step)}` }),
    done: () => shown.increment(),
    stop: () => shown.stop(),
  }
}

function lines(total: number): Progress & { stop(): void } {
  let done = 0
  return {
    begin() {},
    done: ({ suite, title }: Cell) => console.error(`${++done}/${total} ${suite} ${title}`),
    stop() {},
  }
}
