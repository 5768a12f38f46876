// The closed loop: N calls in flight for a given time, a new one begun when one comes back. Every echo is checked before it
// is counted: length and sequence number always, everything in one call of 64. One wrong echo fails the whole run.
import { setTimeout as delay } from 'node:timers/promises'
import type { Caller, Work } from './contender.ts'
import type { LatencyRecorder } from './latency.ts'
import { type Probe, probeOf, shown } from './probe.ts'

export interface Load {
  work: Work
  payloadBytes: number
  inFlight: number
  /** Time before the counting begins, in milliseconds. */
  warmupMs: number
  measureMs: number
  /** How long a silence may last before the run fails: a shared machine may stall for longer than a round. @default 5000 */
  patienceMs?: number
}

export interface Throughput {
  callsPerSecond: number
  /** All calls of the run, those before the counting too. */
  calls: number
}

const FULL_COMPARE_MASK = 63
const DEFAULT_PATIENCE_MS = 5_000
// Two looks at the clock cost 80 ns, a quarter of the floor's fastest call: deep loops time one call of 17, a prime, so
// that it is not always the same place in a batch.
const TIMED_ALWAYS_UP_TO = 16
const TIMED_EVERY = 17

interface Run {
  begun: number
  completed: number
  stopped: boolean
  isCounting: boolean
  timedEvery: number
  recorder: LatencyRecorder | undefined
}

/**
 * Throws on a wrong echo, a failed call and calls that never come back. Times of calls go to the recorder, if any. Several
 * callers share the calls in flight evenly.
 */
export async function closedLoop(
  callers: Caller | readonly Caller[],
  load: Load,
  recorder?: LatencyRecorder,
): Promise<Throughput> {
  const all = [callers].flat() as Caller[]
  const timedEvery = load.inFlight <= TIMED_ALWAYS_UP_TO ? 1 : TIMED_EVERY
  const run: Run = { begun: 0, completed: 0, stopped: false, isCounting: false, timedEvery, recorder }
  const loops: Promise<void>[] = []
  for (let slot = 0; slot < load.inFlight; slot++) {
    loops.push(keepCalling(all[slot % all.length] as Caller, probeOf(load.work, slot, load.payloadBytes), run))
  }
  const ended = Promise.all(loops)
  let callsPerSecond = 0
  try {
    const early = ended.then(() => Promise.reject(new Error('ended early')))
    callsPerSecond = await Promise.race([measure(run, load), early])
  } finally {
    run.stopped = true
    await drained(ended, load.patienceMs ?? DEFAULT_PATIENCE_MS)
  }
  return { callsPerSecond, calls: run.completed }
}

async function measure(run: Run, load: Load): Promise<number> {
  await delay(load.warmupMs)
  const completedBefore = run.completed
  const begin = performance.now()
  run.isCounting = true
  let elapsedMs = 0
  do {
    await delay(load.measureMs)
    elapsedMs = performance.now() - begin
  } while (run.completed === completedBefore && !run.stopped && elapsedMs < (load.patienceMs ?? DEFAULT_PATIENCE_MS))
  const completed = run.completed - completedBefore
  if (completed === 0) throw new Error(`no call came back within ${Math.round(elapsedMs)} ms`)
  return completed / (elapsedMs / 1000)
}

/** Waits for the last calls; rejects when they do not come. */
export async function drained(ended: Promise<unknown>, patienceMs: number): Promise<void> {
  const abort = new AbortController()
  const late = delay(patienceMs, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`calls still in flight ${patienceMs} ms after the run`)
  })
  late.catch(() => {})
  await Promise.race([ended, late]).finally(() => abort.abort())
}

async function keepCalling(caller: Caller, probe: Probe, run: Run): Promise<void> {
  while (!run.stopped) {
    const sequence = run.begun++
    probe.prepare(sequence)
    const begin = run.isCounting && sequence % run.timedEvery === 0 ? performance.now() : 0
    const echo = await caller.call(probe.value)
    if (begin !== 0) run.recorder?.record(performance.now() - begin)
    if (!probe.isEcho(echo, (sequence & FULL_COMPARE_MASK) === 0)) throw wrongEcho(echo, probe, run)
    run.completed++
  }
}

function wrongEcho(echo: unknown, probe: Probe, run: Run): Error {
  return new Error(`wrong echo after ${run.completed} right ones: sent ${shown(probe.value)}, got ${shown(echo)}`)
}
