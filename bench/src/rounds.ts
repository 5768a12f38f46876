// Rounds and their statistics. A shared machine drifts, so contenders alternate within a round, the order turns round by
// round, and a ratio is taken between two numbers of the same round before the median is taken over rounds.
import { NotRun } from './not-run.ts'

export interface Spread {
  median: number
  min: number
  max: number
}

/** One contender's rounds in one cell. `failure` or `notRun` is set instead of a result. */
export interface Sample {
  contender: string
  rounds: number[]
  /** What went wrong while it was measured. */
  failure?: string
  /** Why it could not begin. */
  notRun?: string
}

// Fewer rounds say nothing about noise.
export const ROUNDS_FOR_A_VERDICT = 3

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of no values')
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** The spread of the ratios, each between two numbers of the same round. After an interruption one may have a round more. */
export function pairedRatio(values: readonly number[], baseline: readonly number[]): Spread {
  const common = Math.min(values.length, baseline.length)
  if (Math.abs(values.length - baseline.length) > 1) {
    throw new RangeError(`${values.length} rounds against ${baseline.length}: ratios need the same rounds`)
  }
  return spread(values.slice(0, common).map((value, round) => value / (baseline[round] as number)))
}

/** True when rounds lie on both sides of `border`, or are too few to tell. */
export function isWithinNoise(ratio: Spread, border: number, rounds: number): boolean {
  return rounds < ROUNDS_FOR_A_VERDICT || (ratio.min < border && border <= ratio.max)
}

/**
 * Runs every contender once a round, A B then B A; one that fails is left out of the rounds that remain. When the signal
 * aborts, the samples are what was measured until then.
 */
export async function alternate(
  contenders: readonly string[],
  rounds: number,
  measure: (contender: string) => Promise<number>,
  signal?: AbortSignal,
): Promise<Sample[]> {
  const samples = contenders.map((contender): Sample => ({ contender, rounds: [] }))
  for (let round = 0; round < rounds; round++) {
    for (const sample of round % 2 === 0 ? samples : samples.toReversed()) {
      if (signal?.aborted) return samples
      if (sample.failure !== undefined || sample.notRun !== undefined) continue
      try {
        sample.rounds.push(await unlessAborted(measure(sample.contender), signal))
      } catch (error) {
        if (signal?.aborted) return samples
        noteFailure(sample, error)
      }
    }
  }
  return samples
}

function noteFailure(sample: Sample, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error)
  sample.rounds = []
  if (error instanceof NotRun) sample.notRun = reason
  else sample.failure = reason
}

/** Rejects as soon as the signal aborts; what becomes of the work then is its owner's matter. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  if (signal.aborted) {
    work.catch(() => {})
    return Promise.reject(signal.reason)
  }
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
