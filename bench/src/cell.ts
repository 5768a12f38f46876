// A cell is one kind of work, done by several contenders in alternating rounds of one run: the data that tables, pictures,
// files and gates are made of.
import type { Latency } from './latency.ts'
import { pairedRatio, type Sample, type Spread, spread } from './rounds.ts'

export const SUITES = ['codec', 'transport', 'rpc', 'latency', 'streams', 'fairness', 'scale'] as const
export type Suite = (typeof SUITES)[number]

/** What a call costs both processes. */
export interface Cost {
  clientCpuMicros: number
  serverCpuMicros: number
  /** The most memory each process ever had, in bytes. */
  clientPeakMemory: number
  serverPeakMemory: number
}

/** Bytes of both ends. */
export interface Memory {
  client: number
  server: number
}

/** A sample, and what it comes to unless it failed. */
export interface Result extends Sample {
  value?: Spread
  /** Against the baseline of the same rounds. */
  ratio?: Spread
  cost?: Cost
  latency?: Latency
  /** What a connection holds of memory before its first call, and after its calls. */
  idleConnection?: Memory
  usedConnection?: Memory
  /** The version of what ran it, where that is not the Node of the bench. */
  version?: string
}

/** What grows from cell to cell of one series, and how much of it there is. */
export interface Growth {
  of: Series
  value: number
}

export const ECHO_SERVERS = 'server processes, echo'
export const BUSY_SERVERS = 'server processes, busy handlers'
export const SERIES_NAMES = [
  'connections',
  'payload',
  'calls made',
  'open streams',
  ECHO_SERVERS,
  BUSY_SERVERS,
] as const
export type Series = (typeof SERIES_NAMES)[number]

export interface Cell {
  suite: Suite
  /** "32 B @128": unique within its suite. */
  title: string
  /** What the numbers of the rounds are: "calls/s", "ms p99". */
  unit: string
  baseline: string
  /** Bytes of a payload, where there is one size. */
  payloadBytes?: number
  inFlight?: number
  growth?: Growth
  /** What has to be known to read the numbers. */
  note?: string
  /** What the ratio of ours is first to reach. */
  firstTarget?: number
  /** What peers got of their warm-up and of each round, when that was less than all. */
  peerShare?: number
  results: Result[]
}

/** What a cell needs besides its work. */
export interface Setting {
  rounds: number
  /** Counted time of a round. */
  seconds: number
  pinned: boolean
  /** What peers get of their warm-up and of each round, 0 to 1. @default 1 */
  peerShare?: number
  /** Ends the cell early; it keeps the rounds it has. */
  signal?: AbortSignal
}

/** Samples with their medians and ratios; those that an interruption left without a round are gone. */
export function resultsOf(samples: readonly Sample[], baseline: string): Result[] {
  const isSound = ({ failure, notRun, rounds }: Sample): boolean => !failure && !notRun && rounds.length > 0
  const base = samples.find((sample) => sample.contender === baseline && isSound(sample))
  const kept = samples.filter((sample) => isSound(sample) || sample.failure || sample.notRun)
  return kept.map((sample): Result => {
    if (!isSound(sample)) return sample
    const ratio = base && base !== sample && { ratio: pairedRatio(sample.rounds, base.rounds) }
    return { ...sample, value: spread(sample.rounds), ...ratio }
  })
}

/** Processor time of both processes for a call. */
export function processorMicros({ cost }: Result): number | undefined {
  return cost && cost.clientCpuMicros + cost.serverCpuMicros
}

/**
 * What `against` needs of processor time for a call, in terms of what the contender needs: like a ratio of rates, more is
 * better. It hardly moves while other programs use the machine.
 */
export function processorRatio({ results }: Cell, contender: string, against: string): number | undefined {
  const [own, others] = [contender, against].map((name) => {
    const result = results.find((each) => each.contender === name)
    return result && processorMicros(result)
  })
  return own === undefined || others === undefined ? undefined : others / own
}

/** "32 B", "64 KiB", "1 MiB". */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  let unit = 0
  let size = bytes
  for (; size >= 1024 && size % 1024 === 0; unit++) size /= 1024
  return `${size} ${units[unit]}`
}
