// How far the sending is: a bar on a terminal, else one plain line that grows by quarters. The bar leaves the cursor and
// the line wrapping alone, so there is nothing to restore when the demo is stopped in the middle of it.
import cliProgress from 'cli-progress'
import { formatBytes } from './figure.ts'
import { isTerminal, rowStart } from './screen.ts'

export interface Progress {
  /** `done` = bytes so far. */
  update(done: number): void
  stop(): void
}

export function showProgress(total: number): Progress {
  return isTerminal ? bar(total) : line(total)
}

function bar(total: number): Progress {
  const bar = new cliProgress.SingleBar({
    stream: process.stdout,
    format: `${rowStart('sending')}{bar} {percentage} %, {done} of {all}`,
    barsize: 32,
    barCompleteChar: '\u2588',
    barIncompleteChar: '\u2591',
    clearOnComplete: true,
    linewrap: true,
    emptyOnZero: true,
  })
  const texts = (done: number): { done: string; all: string } => ({ done: formatBytes(done), all: formatBytes(total) })
  bar.start(total, 0, texts(0))
  return { update: (done) => bar.update(done, texts(done)), stop: () => bar.stop() }
}

function line(total: number): Progress {
  let quarters = 0
  process.stdout.write(rowStart('sending'))
  return {
    update(done) {
      for (; quarters < 4 && done * 4 >= total * (quarters + 1); quarters++) {
        process.stdout.write(`${quarters === 0 ? '' : ' .. '}${(quarters + 1) * 25} %`)
      }
    },
    stop: () => process.stdout.write('\n'),
  }
}
