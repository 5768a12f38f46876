// Rounds of contenders whose server and client are processes: fresh ones for each contender and cell, a warm-up, then
// alternating rounds; and what the processes used for the calls that were counted.
import { type Cost, type Result, resultsOf, type Setting } from './cell.ts'
import { type Pair, Pairs } from './pair.ts'
import { alternate, type Sample, unlessAborted } from './rounds.ts'
import type { Usage } from './usage.ts'

export interface Doing {
  start(contender: string): Promise<Pair>
  /** Once for each contender, uncounted. */
  warm(pair: Pair, contender: string): Promise<void>
  measure(pair: Pair, contender: string): Promise<number>
  /** What there is to say besides the rounds. */
  finish(pair: Pair, result: Result): Promise<Result>
}

export async function pairRounds(
  contenders: readonly string[],
  baseline: string,
  { rounds, signal }: Setting,
  doing: Doing,
): Promise<Result[]> {
  const pairs = new Pairs((contender) => doing.start(contender))
  const warmed = new Set<string>()
  const measure = async (contender: string): Promise<number> => {
    const pair = await pairs.get(contender)
    if (!warmed.has(contender)) await doing.warm(pair, contender)
    warmed.add(contender)
    return doing.measure(pair, contender)
  }
  try {
    await unlessAborted(pairs.begin(contenders, signal), signal)
    const samples: Sample[] = await alternate(contenders, rounds, measure, signal)
    const results: Result[] = []
    for (const result of resultsOf(samples, baseline)) {
      const isWhole = result.value !== undefined && !signal?.aborted
      results.push(isWhole ? await doing.finish(await pairs.get(result.contender), result) : result)
    }
    return results
  } finally {
    await pairs.close()
  }
}

/** What processes used for the calls counted. */
export class Costs {
  readonly #begun = new Map<string, { client: Usage; server: Usage }>()
  readonly #now = new Map<string, { client: Usage; server: Usage }>()
  readonly #calls = new Map<string, number>()

  begin(contender: string, usage: { client: Usage; server: Usage }): void {
    this.#begun.set(contender, usage)
  }

  add(contender: string, usage: { client: Usage; server: Usage }, calls: number): void {
    this.#now.set(contender, usage)
    this.#calls.set(contender, (this.#calls.get(contender) ?? 0) + calls)
  }

  of(contender: string): Cost | undefined {
    const [begun, now, calls] = [this.#begun.get(contender), this.#now.get(contender), this.#calls.get(contender)]
    if (begun === undefined || now === undefined || calls === undefined) return undefined
    return {
      clientCpuMicros: (now.client.cpuMicros - begun.client.cpuMicros) / calls,
      serverCpuMicros: (now.server.cpuMicros - begun.server.cpuMicros) / calls,
      clientPeakMemory: now.client.peakMemory,
      serverPeakMemory: now.server.peakMemory,
    }
  }
}
