// Child process: `node dist/client-process.js NAME WORK PORT [TERMS]` holds one connection, or as many as it is told to, and
// carries out one order of its parent after the other. It ends when the IPC channel does, so it never outlives its parent.

import { CallerPool } from './caller-pool.ts'
import { closedLoop, type Load, type Throughput } from './closed-loop.ts'
import type { Terms, Work } from './contender.ts'
import { type Latency, LatencyRecorder } from './latency.ts'
import { type OpenLoad, openLoop } from './open-loop.ts'
import { loadContender } from './roster.ts'
import { type Shared, sharedConnection } from './shared-connection.ts'
import { type StreamLoad, type StreamRate, streamLoop } from './stream-loop.ts'
import { settledMemory, type Usage, usageSoFar } from './usage.ts'

export interface Orders {
  warm: { order: Load; answer: Throughput }
  closed: { order: Load; answer: Throughput }
  open: { order: OpenLoad; answer: Latency }
  stream: { order: StreamLoad; answer: StreamRate }
  shared: { order: Shared; answer: Latency }
  /** So many connections instead of those that there are; none of the old ones is kept. */
  connections: { order: number; answer: number }
  /** At least so many calls. */
  calls: { order: { load: Load; count: number }; answer: number }
  /** So many streams that nobody reads, besides those that there are. */
  streams: { order: number; answer: number }
  /** Bytes that this process holds, after a garbage collection. */
  memory: { order: undefined; answer: number }
  /** The times of all calls of all closed loops since the start, warm ones not counted. */
  latency: { order: undefined; answer: Latency | undefined }
}

export type Order = { [Kind in keyof Orders]: { kind: Kind; order: Orders[Kind]['order'] } }[keyof Orders]

/** What the client answers: a result and what it has used, or why there is none. */
export type Outcome = { result: Orders[keyof Orders]['answer']; usage: Usage } | { failure: string }

/** Times of what was asked for, where others have the processor. */
const LONGEST_WARMUP = 4
/** Shorter loops begin and end more than they run. */
const SHORTEST_LOOP_MS = 50

const [, , name = '', work = 'bytes', port = '0', terms = '{}'] = process.argv
const contender = await loadContender(name)
const pool = new CallerPool(() => contender.connect(Number(port), work as Work, JSON.parse(terms) as Terms))
await pool.hold(1)
const recorder = new LatencyRecorder()

async function obey({ kind, order }: Order): Promise<Orders[keyof Orders]['answer']> {
  switch (kind) {
    case 'warm':
      return warmed(order)
    case 'closed':
      return closedLoop(pool.callers, order, recorder)
    case 'open':
      return openLoop(pool.first, order)
    case 'stream':
      return streamLoop(pool.first, order)
    case 'shared':
      return sharedConnection(pool.first, order)
    case 'connections':
      return pool.hold(order)
    case 'calls':
      return called(order)
    case 'streams':
      return pool.stall(order)
    case 'memory':
      return settledMemory()
    case 'latency':
      return recorder.summary()
  }
}

/** Until this process has had the processor for as long as the order says: code is compiled by use, not by waiting. */
async function warmed(load: Load): Promise<Throughput> {
  const begin = performance.now()
  const cpuMs = (): number => usageSoFar().cpuMicros / 1_000
  const enoughMs = cpuMs() + load.measureMs
  for (let missingMs = load.measureMs; ; ) {
    const last = await closedLoop(pool.callers, { ...load, measureMs: Math.max(SHORTEST_LOOP_MS, missingMs) })
    missingMs = enoughMs - cpuMs()
    if (missingMs <= 0 || performance.now() - begin >= load.measureMs * LONGEST_WARMUP) return last
  }
}

async function called({ load, count }: Orders['calls']['order']): Promise<number> {
  let made = 0
  while (made < count) made += (await closedLoop(pool.callers, load)).calls
  return made
}

/** With what it came from: "the connection ended" alone helps nobody. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}

async function outcomeOf(order: Order): Promise<Outcome> {
  try {
    return { result: await obey(order), usage: usageSoFar() }
  } catch (error) {
    return { failure: reasonOf(error) }
  }
}

process.on('SIGINT', () => {})
process.on('message', async (order: Order) => {
  const outcome = await outcomeOf(order)
  if (process.connected) process.send?.(outcome)
})
process.once('disconnect', async () => {
  setTimeout(() => process.exit(1), 2_000).unref()
  await pool.close()
  process.exit(0)
})
process.send?.({ connected: true })
