// Child process: one row. `node --expose-gc dist/row-process.js F12 SEED [MINUTES, if nightly]` reports to its
// parent and must then
// end by itself, with nothing left behind (I3). It measures its own memory before and after (I4).
import { writeSync } from 'node:fs'
import { liveBytes, MiB } from './meters.ts'
import { findRow } from './rows.ts'
import { Trial } from './trial.ts'
import { sleep } from './waiting.ts'

const BACK_MS = 5_000
/** The pipe that its parent made behind the channel of messages. */
const LAST_WORD_FD = 4
/** It should have ended by then. */
const END_MS = 5_000
/** What code that has been run and tables that have grown keep, whatever the row did. */
const KEPT_BYTES = 16 * MiB

const [id = '', seed = '1', minutes] = process.argv.slice(2)
const row = findRow(id)
const trial = new Trial(Number(seed), { isNightly: minutes !== undefined, minutes: Number(minutes) })
let isReported = false
for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => {
    const what = `I3 nobody handled ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    trial.violations.push(what)
    if (!isReported) return
    console.error(what)
    process.exitCode = 1
  })
}
// Whoever ends a row before its time, or has gone: what it made goes with it.
for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(event, giveUp)
const before = liveBytes()
try {
  await row.run(trial)
} catch (error) {
  trial.violations.push(
    `the row itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  )
}
await trial[Symbol.asyncDispose]()

let after = liveBytes()
for (const end = performance.now() + BACK_MS; after > 1.2 * before + KEPT_BYTES && performance.now() < end; ) {
  await sleep(100)
  after = liveBytes()
}
if (after > 1.2 * before + KEPT_BYTES) {
  trial.violations.push(
    `I4 ${Math.round(before / MiB)} MiB before and ${Math.round(after / MiB)} MiB 5 s after the fault`,
  )
}
isReported = true
setTimeout(() => {
  console.error(`${id} is reported and does not end: ${process.getActiveResourcesInfo().join(', ')}`)
}, END_MS).unref()
// Nothing is left behind by then, whatever the runtime still does.
if (process.connected) process.once('exit', () => void writeSync(LAST_WORD_FD, 'over'))
process.send?.(trial.result, () => process.disconnect())

async function giveUp(): Promise<void> {
  if (isReported) return
  await trial[Symbol.asyncDispose]()
  process.exit(1)
}
