// Child process: `node dist/server-process.js NAME WORK [TERMS]` runs one contender's server. Started with an IPC channel it
// reports its port there, answers every message with what it has used or holds, and ends when the channel does, so it never
// outlives its parent; without one it prints the port and ends on a signal.
import type { Terms, Work } from './contender.ts'
import { loadContender } from './roster.ts'
import { settledMemory, type Usage, usageSoFar } from './usage.ts'

/** What the server is asked: `memory` is counted after a garbage collection. */
export type Question = 'usage' | 'memory'

const [, , name = '', work = 'bytes', terms = '{}'] = process.argv
const contender = await loadContender(name)
const server = await contender.serve(work as Work, JSON.parse(terms) as Terms)

function answerTo(question: Question): Usage | number {
  return question === 'memory' ? settledMemory() : usageSoFar()
}

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
  process.on('message', (question: Question) => process.connected && process.send?.(answerTo(question)))
  process.send({ port: server.port })
}
