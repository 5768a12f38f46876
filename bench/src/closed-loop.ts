// The load: N calls in flight for a given time, a new one begun when one comes back. Every echo is checked before it is
// counted: length and the four sequence bytes always, every byte in one call of 64. One wrong echo fails the whole run.
import { setTimeout as delay } from 'node:timers/promises'
import type { Caller } from './contender.ts'

export interface Load {
  payloadBytes: number
  inFlight: number
  /** Time before the counting begins, in milliseconds. */
  warmupMs: number
  measureMs: number
  /** How long a silence may last before the run fails: a shared machine may stall for longer than a round. @default 5000 */
  patienceMs?: number
}

const FULL_COMPARE_MASK = 63
const DEFAULT_PATIENCE_MS = 5_000

interface Run {
  begun: number
  completed: number
  stopped: boolean
}

/** Returns calls a second. Throws on a wrong echo, a failed call and calls that never come back. */
export async function closedLoop(caller: Caller, load: Load): Promise<number> {
  const run: Run = { begun: 0, completed: 0, stopped: false }
  const loops: Promise<void>[] = []
  for (let slot = 0; slot < load.inFlight; slot++) {
    loops.push(keepCalling(caller, payloadOf(slot, load.payloadBytes), run))
  }
  const ended = Promise.all(loops)
  try {
    return await Promise.race([measure(run, load), ended.then(() => Promise.reject(new Error('ended early')))])
  } finally {
    run.stopped = true
    await drained(ended, load.patienceMs ?? DEFAULT_PATIENCE_MS)
  }
}

async function measure(run: Run, load: Load): Promise<number> {
  await delay(load.warmupMs)
  const completedBefore = run.completed
  const begin = performance.now()
  let elapsedMs = 0
  do {
    await delay(load.measureMs)
    elapsedMs = performance.now() - begin
  } while (run.completed === completedBefore && !run.stopped && elapsedMs < (load.patienceMs ?? DEFAULT_PATIENCE_MS))
  const completed = run.completed - completedBefore
  if (completed === 0) throw new Error(`no call came back within ${Math.round(elapsedMs)} ms`)
  return completed / (elapsedMs / 1000)
}

async function drained(ended: Promise<unknown>, patienceMs: number): Promise<void> {
  const abort = new AbortController()
  const late = delay(patienceMs, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`calls still in flight ${patienceMs} ms after the run`)
  })
  late.catch(() => {})
  await Promise.race([ended, late]).finally(() => abort.abort())
}

async function keepCalling(caller: Caller, payload: Uint8Array, run: Run): Promise<void> {
  while (!run.stopped) {
    const sequence = run.begun++
    stamp(payload, sequence)
    const echo = await caller.call(payload)
    if (!matches(echo, payload, (sequence & FULL_COMPARE_MASK) === 0)) throw wrongEcho(echo, payload, run)
    run.completed++
  }
}

// Random enough that no two slots share a payload and no layer can guess it; the first four bytes change with each call.
function payloadOf(slot: number, bytes: number): Uint8Array {
  const payload = new Uint8Array(bytes)
  let state = slot + 1
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    payload[at] = state >>> 24
  }
  return payload
}

function stamp(payload: Uint8Array, sequence: number): void {
  payload[0] = sequence >>> 24
  payload[1] = sequence >>> 16
  payload[2] = sequence >>> 8
  payload[3] = sequence
}

function matches(echo: Uint8Array, payload: Uint8Array, whole: boolean): boolean {
  if (echo.length !== payload.length) return false
  const compared = whole ? payload.length : Math.min(4, payload.length)
  for (let at = 0; at < compared; at++) if (echo[at] !== payload[at]) return false
  return true
}

function wrongEcho(echo: Uint8Array, payload: Uint8Array, run: Run): Error {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 32)).toString('hex')
  return new Error(
    `wrong echo after ${run.completed} right ones: sent ${payload.length} B ${hex(payload)}, got ${echo.length} B ${hex(echo)}`,
  )
}
