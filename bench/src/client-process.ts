// Child process: `node dist/client-process.js NAME PORT` holds one connection and drives one closed loop for each load
// its parent sends. It ends when the IPC channel does, so it never outlives its parent.
import { closedLoop, type Load } from './closed-loop.ts'
import { loadContender } from './roster.ts'

/** What the client answers to a load: a rate, or why there is none. */
export type Outcome = { callsPerSecond: number } | { failure: string }

const contender = await loadContender(process.argv[2] ?? '')
const caller = await contender.connect(Number(process.argv[3]))

async function drive(load: Load): Promise<Outcome> {
  try {
    return { callsPerSecond: await closedLoop(caller, load) }
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}

process.on('message', async (load: Load) => {
  const outcome = await drive(load)
  if (process.connected) process.send?.(outcome)
})
process.once('disconnect', async () => {
  setTimeout(() => process.exit(1), 2_000).unref()
  await caller.close()
  process.exit(0)
})
process.send?.({ connected: true })
