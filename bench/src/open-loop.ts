// The open loop: a call is due every so often, whether or not earlier ones came back, and its time counts from when it was
// due. A stall delays all calls that were due meanwhile, and all of them say so: no coordinated omission.
import { setImmediate as turn } from 'node:timers/promises'
import { drained } from './closed-loop.ts'
import type { Caller, Work } from './contender.ts'
import { type Latency, LatencyRecorder } from './latency.ts'
import { type Probe, probeOf, shown } from './probe.ts'

export interface OpenLoad {
  work: Work
  payloadBytes: number
  callsPerSecond: number
  /** Calls due in this time are not recorded. */
  warmupMs: number
  measureMs: number
  /** Above this the contender does not keep the rate, and the run fails. @default 10000 */
  maxInFlight?: number
  /** @default 5000 */
  patienceMs?: number
}

const DEFAULT_MAX_IN_FLIGHT = 10_000
const DEFAULT_PATIENCE_MS = 5_000

/** Throws on a wrong echo, a failed call, and when the calls in flight exceed the bound. */
export async function openLoop(caller: Caller, load: OpenLoad): Promise<Latency> {
  const loop = new OpenLoop(caller, load)
  await loop.run()
  const latency = loop.recorder.summary()
  if (latency === undefined) throw new Error(`no call was due in ${load.measureMs} ms`)
  return latency
}

class OpenLoop {
  readonly recorder = new LatencyRecorder()
  readonly #caller: Caller
  readonly #load: OpenLoad
  readonly #free: Probe[] = []
  #inFlight = 0
  #probes = 0
  #failure: unknown
  #idle = (): void => {}

  constructor(caller: Caller, load: OpenLoad) {
    this.#caller = caller
    this.#load = load
  }

  async run(): Promise<void> {
    const { callsPerSecond, warmupMs, measureMs, patienceMs = DEFAULT_PATIENCE_MS } = this.#load
    const intervalMs = 1_000 / callsPerSecond
    const count = Math.floor((warmupMs + measureMs) / intervalMs)
    const begin = performance.now()
    for (let next = 0; next < count && this.#failure === undefined; await turn()) {
      // A timer wakes up to a millisecond late; the loop stays awake instead.
      for (const now = performance.now(); next < count && begin + next * intervalMs <= now; next++) {
        this.#begin(next, begin + next * intervalMs, next * intervalMs >= warmupMs)
      }
    }
    const ended = new Promise<void>((resolve) => {
      this.#idle = resolve
      if (this.#inFlight === 0) resolve()
    })
    if (this.#failure === undefined) await drained(ended, patienceMs)
    if (this.#failure !== undefined) throw this.#failure
  }

  #begin(sequence: number, dueAt: number, isRecorded: boolean): void {
    const { work, payloadBytes, callsPerSecond, maxInFlight = DEFAULT_MAX_IN_FLIGHT } = this.#load
    if (this.#inFlight >= maxInFlight) {
      this.#failure ??= new Error(`it does not keep ${callsPerSecond} calls/s: ${maxInFlight} calls are in flight`)
      return
    }
    this.#inFlight++
    const probe = this.#free.pop() ?? probeOf(work, this.#probes++, payloadBytes)
    probe.prepare(sequence)
    this.#finish(probe, dueAt, isRecorded).catch((error) => {
      this.#failure ??= error
      this.#idle()
    })
  }

  async #finish(probe: Probe, dueAt: number, isRecorded: boolean): Promise<void> {
    const echo = await this.#caller.call(probe.value)
    if (isRecorded) this.recorder.record(performance.now() - dueAt)
    if (!probe.isEcho(echo, true)) throw new Error(`wrong echo: sent ${shown(probe.value)}, got ${shown(echo)}`)
    this.#free.push(probe)
    if (--this.#inFlight === 0) this.#idle()
  }
}
