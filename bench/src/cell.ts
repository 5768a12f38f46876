// A cell is one kind of work at one depth: fresh processes for each contender, one warm-up, then alternating rounds.
import { BASELINE } from './contender.ts'
import { Pair } from './pair.ts'
import { alternate, pairedRatio, type Sample, type Spread, spread } from './rounds.ts'

const PAYLOAD_BYTES = 32
// Shares of a round's time that go uncounted: before the first round so that the code is compiled, and before each later
// one because the process has slept while the others ran.
const WARMUP_SHARE = 2
const SETTLE_SHARE = 0.1

// The first targets for ours against the floor, by calls in flight.
const FIRST_TARGETS: ReadonlyMap<number, number> = new Map([
  [1, 0.9],
  [16, 0.8],
  [128, 0.6],
  [1024, 0.45],
])

export interface CellOptions {
  inFlight: number
  contenders: readonly string[]
  rounds: number
  seconds: number
  pinned: boolean
}

/** A sample, and what it comes to unless it failed. */
export interface Result extends Sample {
  callsPerSecond: Spread | undefined
  /** Against the baseline of the same rounds; undefined for the baseline and when either failed. */
  ratio: Spread | undefined
}

export interface Cell {
  work: string
  payloadBytes: number
  inFlight: number
  firstTarget: number | undefined
  results: Result[]
}

export async function runCell(options: CellOptions): Promise<Cell> {
  const samples = await sampleCell(options)
  const baseline = samples.find((sample) => sample.contender === BASELINE && sample.failure === undefined)
  const results = samples.map((sample): Result => {
    const sound = sample.failure === undefined
    return {
      ...sample,
      callsPerSecond: sound ? spread(sample.rounds) : undefined,
      ratio: sound && baseline && baseline !== sample ? pairedRatio(sample.rounds, baseline.rounds) : undefined,
    }
  })
  const { inFlight } = options
  const work = 'RPC unary echo'
  return { work, payloadBytes: PAYLOAD_BYTES, inFlight, firstTarget: FIRST_TARGETS.get(inFlight), results }
}

async function sampleCell({ inFlight, contenders, rounds, seconds, pinned }: CellOptions): Promise<Sample[]> {
  const measureMs = seconds * 1000
  const load = { payloadBytes: PAYLOAD_BYTES, inFlight, measureMs, warmupMs: measureMs * SETTLE_SHARE }
  const pairs = new Map<string, Pair>()
  const measure = async (contender: string): Promise<number> => {
    const running = pairs.get(contender)
    if (running !== undefined) return running.measure(load)
    const pair = await Pair.start(contender, pinned)
    pairs.set(contender, pair)
    await pair.measure({ ...load, warmupMs: 0, measureMs: measureMs * WARMUP_SHARE })
    return pair.measure(load)
  }
  try {
    return await alternate(contenders, rounds, measure)
  } finally {
    await Promise.all([...pairs.values()].map((pair) => pair.close()))
  }
}
