// What a process holds and how late it is: memory (I4), event loop (I5), descriptors, CPU time.
import { openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { createHistogram } from 'node:perf_hooks'

export const KiB = 1024
export const MiB = 1024 * KiB

/** Collects what is garbage, as far as the process was started with --expose-gc. */
function collect(): void {
  for (let round = 0; round < 2; round++) (globalThis as { gc?: () => void }).gc?.()
}

/** What is in use: the heap of JavaScript and what it holds outside, after a collection. */
export function liveBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Resident memory after a collection. */
export function residentBytes(): number {
  collect()
  return process.memoryUsage.rss()
}

/** The most that was ever resident. */
export function peakBytes(): number {
  return process.resourceUsage().maxRSS * KiB
}

/** Open file descriptors; undefined where the system does not say. */
export function descriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}

/** I4 for so many connections at the limits of the test. */
export function memoryBound(connections: number, maxFrameLength: number, highWaterMark: number): number {
  return connections * (maxFrameLength + highWaterMark + 128 * KiB) + 64 * MiB
}

/**
 * How long the main thread of a process was ready to run and had no core, in ms since it began; 0 where nobody knows. Other
 * threads do not count: several wait at the same time, and their sum is more than the time that has passed.
 */
export function coreWaitMs(pid: number | 'self'): number {
  try {
    return waitOf(readFileSync(`/proc/${pid}/schedstat`, 'latin1'))
  } catch {
    return 0
  }
}

/**
 * The same of this process, a thousand times a second if need be: of its main thread, or of all it has by now, because
 * while one that collects garbage has no core, the main thread waits for it.
 */
export function ownCoreWait(threads: 'main' | 'all'): () => number {
  const paths = threads === 'all' ? threadFiles('self') : threadFiles('self').slice(0, 1)
  const files = paths.map((path) => ({ file: openSync(path, 'r'), waited: 0 }))
  const text = Buffer.alloc(64)
  let sum = 0
  return () => {
    // Threads wait at the same time: the longest of these waits is time that has passed, and their sum is not.
    let longest = 0
    for (const each of files) {
      const waited = waitOf(text.toString('latin1', 0, readSync(each.file, text, 0, 64, 0)))
      longest = Math.max(longest, waited - each.waited)
      each.waited = waited
    }
    sum += longest
    return sum
  }
}

function threadFiles(pid: number | 'self'): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .sort((one, other) => Number(one) - Number(other))
      .map((thread) => `/proc/${pid}/task/${thread}/schedstat`)
  } catch {
    return []
  }
}

/** Three numbers: ns on a core, ns that it waited for one, and how often. */
function waitOf(schedstat: string): number {
  return Number(schedstat.split(' ')[1] ?? 0) / 1e6
}

const SAMPLE_MS = 5

/**
 * How late the timers of this process are: what its event loop makes every connection wait. With `isOwnOnly` the time does
 * not count in which the process was ready to run and others had the cores. It takes no more memory the longer it goes on:
 * its own would be the slope of a soak.
 */
export class LoopMeter {
  readonly #coreWait: () => number
  readonly #lateMicros = createHistogram()
  readonly #timer: NodeJS.Timeout
  #dueAt: number

  constructor({ isOwnOnly = false }: { isOwnOnly?: boolean } = {}) {
    this.#coreWait = isOwnOnly ? ownCoreWait('all') : () => 0
    this.#dueAt = this.#now() + SAMPLE_MS
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS)
    this.#timer.unref()
  }

  get worstMs(): number {
    return this.#lateMicros.count === 0 ? 0 : this.#lateMicros.max / 1_000
  }

  /** All but so many of a hundred timers were no later. */
  percentileMs(percent: number): number {
    return this.#lateMicros.count === 0 ? 0 : this.#lateMicros.percentile(percent) / 1_000
  }

  /** Forgets what was so far. */
  reset(): void {
    this.#lateMicros.reset()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #now(): number {
    return performance.now() - this.#coreWait()
  }

  #sample(): void {
    const now = this.#now()
    // A histogram has no 0.
    this.#lateMicros.record(Math.max(1, Math.round((now - this.#dueAt) * 1_000)))
    this.#dueAt = now + SAMPLE_MS
  }
}

export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) return 0
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] as number
}

/** Least squares: how much a value grows in an hour, by samples of [ms, value]. */
export function slopeAnHour(samples: readonly (readonly [atMs: number, value: number])[]): number {
  const count = samples.length
  const meanAt = samples.reduce((sum, [at]) => sum + at, 0) / count
  const meanValue = samples.reduce((sum, [, value]) => sum + value, 0) / count
  let [covariance, variance] = [0, 0]
  for (const [at, value] of samples) {
    covariance += (at - meanAt) * (value - meanValue)
    variance += (at - meanAt) ** 2
  }
  return variance === 0 ? 0 : (covariance / variance) * 3_600_000
}
