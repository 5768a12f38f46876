// Child process: `node dist/server-process.js NAME WORK` runs one contender's server. Started with an IPC channel it
// reports its port there, answers every message with what it has used, and ends when the channel does, so it never outlives
// its parent; without one it prints the port and ends on a signal.
import type { Work } from './contender.ts'
import { loadContender } from './roster.ts'
import { usageSoFar } from './usage.ts'

const contender = await loadContender(process.argv[2] ?? '')
const server = await contender.serve((process.argv[3] ?? 'bytes') as Work)

async function stop(): Promise<void> {
  setTimeout(() => process.exit(1), 2_000).unref()
  await server.close()
  process.exit(0)
}

process.once('SIGTERM', stop)
if (process.send === undefined) {
  process.once('SIGINT', stop)
  console.log(server.port)
} else {
  // Ctrl-C in a terminal reaches the whole group: the parent decides what ends.
  process.on('SIGINT', () => {})
  process.once('disconnect', stop)
  process.on('message', () => process.connected && process.send?.(usageSoFar()))
  process.send({ port: server.port })
}
