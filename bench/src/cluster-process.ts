// Child process: `node dist/cluster-process.js NAME WORK TERMS COUNT` runs one contender's server in COUNT workers of
// node:cluster, which share a port: this process takes the connections and hands them out in turn. To its parent it is one
// server: its answers are those of all its workers and its own together.
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Question } from './server-process.ts'
import { settledMemory, type Usage, usageSoFar } from './usage.ts'

const [, , name = '', work = '', terms = '', count = '1'] = process.argv
cluster.setupPrimary({
  exec: fileURLToPath(new URL('./server-process.js', import.meta.url)),
  args: [name, work, terms],
})

async function startWorker(): Promise<{ worker: Worker; port: number }> {
  const worker = cluster.fork()
  const [{ port }] = (await once(worker, 'message')) as [{ port: number }]
  return { worker, port }
}

async function answerOf(worker: Worker, question: Question): Promise<Usage | number> {
  const answered = once(worker, 'message')
  worker.send(question)
  return (await answered)[0] as Usage | number
}

async function answerTo(question: Question): Promise<Usage | number> {
  const answers = await Promise.all(workers.map(({ worker }) => answerOf(worker, question)))
  if (question === 'memory') return (answers as number[]).reduce((sum, bytes) => sum + bytes, settledMemory())
  return (answers as Usage[]).reduce((sum, usage) => {
    return { cpuMicros: sum.cpuMicros + usage.cpuMicros, peakMemory: sum.peakMemory + usage.peakMemory }
  }, usageSoFar())
}

// A worker that dies takes all of it along: fewer servers than were asked for are no measurement.
cluster.on('exit', (_, code, signal) => {
  console.error(`Error: a worker ended (${signal ?? code})`)
  process.exit(1)
})
process.on('SIGINT', () => {})
process.once('disconnect', () => process.exit(0))
const workers = await Promise.all(Array.from({ length: Number(count) }, startWorker))
process.on('message', async (question: Question) => {
  const answer = await answerTo(question)
  if (process.connected) process.send?.(answer)
})
process.send?.({ port: workers[0]?.port })
