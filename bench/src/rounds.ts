// Rounds and their statistics. A shared machine drifts, so contenders alternate within a round, the order turns round by
// round, and a ratio is taken between two numbers of the same round before the median is taken over rounds.

export interface Spread {
  median: number
  min: number
  max: number
}

/** One contender's rounds in one cell. `failure` is set instead of a result when any round failed. */
export interface Sample {
  contender: string
  rounds: number[]
  failure: string | undefined
}

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

/** The spread of the ratios, each between two numbers of the same round. */
export function pairedRatio(values: readonly number[], baseline: readonly number[]): Spread {
  if (values.length !== baseline.length) {
    throw new RangeError(`${values.length} rounds against ${baseline.length}: ratios need the same rounds`)
  }
  return spread(values.map((value, round) => value / (baseline[round] as number)))
}

/** Runs every contender once a round, A B then B A; one that fails is left out of the rounds that remain. */
export async function alternate(
  contenders: readonly string[],
  rounds: number,
  measure: (contender: string) => Promise<number>,
): Promise<Sample[]> {
  const samples = contenders.map((contender): Sample => ({ contender, rounds: [], failure: undefined }))
  for (let round = 0; round < rounds; round++) {
    for (const sample of round % 2 === 0 ? samples : samples.toReversed()) {
      if (sample.failure !== undefined) continue
      try {
        sample.rounds.push(await measure(sample.contender))
      } catch (error) {
        sample.failure = error instanceof Error ? error.message : String(error)
        sample.rounds = []
      }
    }
  }
  return samples
}
