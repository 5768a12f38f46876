// Cells between two processes: echoes in a closed loop, echoes in an open loop, server streams, and small calls beside large
// streams.
import { type Cell, type Result, resultsOf, type Setting, sizeText } from './cell.ts'
import type { Load } from './closed-loop.ts'
import { BASELINE, OURS, STREAM_BASELINE, type Work } from './contender.ts'
import type { Latency } from './latency.ts'
import { Pair, Pairs } from './pair.ts'
import { Costs, pairRounds } from './pair-rounds.ts'
import { PEER_NAMES } from './roster.ts'
import { alternate, median } from './rounds.ts'

// Shares of a round's time that go uncounted: before the first round so that the code is compiled, and before each later
// one because the process has slept while the others ran.
const WARMUP_SHARE = 2
const SHORTEST_WARMUP_MS = 700
const SETTLE_SHARE = 0.1

export interface EchoWork {
  work: Work
  payloadBytes: number
  inFlight: number
  contenders: readonly string[]
  firstTarget?: number
}

export function echoTitle({ work, payloadBytes, inFlight }: EchoWork): string {
  return `${work === 'json' ? 'small JSON' : sizeText(payloadBytes)} @${inFlight}`
}

export async function echoCell(echo: EchoWork, setting: Setting): Promise<Cell> {
  const { work, payloadBytes, inFlight, contenders, firstTarget } = echo
  const loadFor = (contender: string): Load => {
    const measureMs = millisecondsFor(contender, setting)
    return { work, payloadBytes, inFlight, measureMs, warmupMs: measureMs * SETTLE_SHARE }
  }
  const costs = new Costs()
  const results = await pairRounds(contenders, BASELINE, setting, {
    start: (contender) => Pair.start(contender, { work, pinned: setting.pinned }),
    async warm(pair, contender) {
      const warmMs = warmupMs(contender, setting)
      const { usage } = await pair.obey('warm', { ...loadFor(contender), warmupMs: 0, measureMs: warmMs }, warmMs * 6)
      costs.begin(contender, usage)
    },
    async measure(pair, contender) {
      const load = loadFor(contender)
      const { result, usage } = await pair.obey('closed', load, load.measureMs * 2)
      costs.add(contender, usage, result.calls)
      return result.callsPerSecond
    },
    async finish(pair, result) {
      const cost = costs.of(result.contender)
      const latency = (await pair.obey('latency', undefined, 0)).result
      return { ...result, ...(cost && { cost }), ...(latency && { latency }) }
    },
  })
  return {
    suite: 'rpc',
    title: echoTitle(echo),
    unit: 'calls/s',
    baseline: BASELINE,
    ...(work === 'bytes' && { payloadBytes }),
    inFlight,
    ...(firstTarget !== undefined && { firstTarget }),
    results,
  }
}

/** The counted time of a round, less for peers when a tour has little time. */
function millisecondsFor(contender: string, { seconds, peerShare = 1 }: Setting): number {
  return seconds * 1_000 * (PEER_NAMES.includes(contender) ? peerShare : 1)
}

/** Processor time of the warm-up. */
function warmupMs(contender: string, { seconds, peerShare = 1 }: Setting): number {
  const measureMs = seconds * 1_000
  const warmMs = Math.min(Math.max(SHORTEST_WARMUP_MS, measureMs * WARMUP_SHARE), measureMs * 10)
  return warmMs * (PEER_NAMES.includes(contender) ? peerShare : 1)
}

export interface OpenWork {
  payloadBytes: number
  callsPerSecond: number
  contenders: readonly string[]
}

export function openTitle({ payloadBytes, callsPerSecond }: OpenWork): string {
  return `${sizeText(payloadBytes)}, ${callsPerSecond.toLocaleString('en-US')} calls/s`
}

/** The rounds are the 99th percentile in milliseconds. */
export async function openCell(open: OpenWork, setting: Setting): Promise<Cell> {
  const { payloadBytes, callsPerSecond, contenders } = open
  const measured = (pair: Pair, contender: string) => {
    const measureMs = millisecondsFor(contender, setting)
    const load = { work: 'bytes' as const, payloadBytes, callsPerSecond, measureMs, warmupMs: measureMs * SETTLE_SHARE }
    return pair.obey('open', load, measureMs * 2)
  }
  const seen = new Map<string, Latency[]>()
  const results = await pairRounds(contenders, BASELINE, setting, {
    start: (contender) => Pair.start(contender, { work: 'bytes', pinned: setting.pinned }),
    warm: async (pair, contender) => void (await measured(pair, contender)),
    async measure(pair, contender) {
      const { result } = await measured(pair, contender)
      seen.set(contender, [...(seen.get(contender) ?? []), result])
      return result.p99
    },
    finish: async (_, result) => ({ ...result, latency: medianLatency(seen.get(result.contender) ?? []) }),
  })
  return { suite: 'latency', title: openTitle(open), unit: 'ms p99', baseline: BASELINE, payloadBytes, results }
}

export interface StreamWork {
  title: string
  size: number
  count: number
  /** The consumer rests for a millisecond after this many messages. */
  restEvery?: number
  firstTarget?: number
}

export async function streamCell(stream: StreamWork, setting: Setting): Promise<Cell> {
  const { title, size, count, restEvery, firstTarget } = stream
  const load = { size, count, ...(restEvery !== undefined && { restEvery }) }
  const costs = new Costs()
  const results = await pairRounds([STREAM_BASELINE, OURS], STREAM_BASELINE, setting, {
    start: (contender) => Pair.start(contender, { work: 'bytes', pinned: setting.pinned }),
    async warm(pair, contender) {
      costs.begin(contender, (await pair.obey('stream', load, 60_000)).usage)
    },
    async measure(pair, contender) {
      const { result, usage } = await pair.obey('stream', load, 60_000)
      costs.add(contender, usage, count)
      return result.messagesPerSecond
    },
    async finish(_, result) {
      const cost = costs.of(result.contender)
      return { ...result, ...(cost && { cost }) }
    },
  })
  const target = firstTarget !== undefined && { firstTarget }
  return {
    suite: 'streams',
    title,
    unit: 'messages/s',
    baseline: STREAM_BASELINE,
    payloadBytes: size,
    ...target,
    results,
  }
}

const IDLE = 'idle'
const LOADED = 'beside upload'
const SHARED_MS = 120_000

export function sharedTitle(uploadBytes: number): string {
  return `calls one at a time, ${sizeText(uploadBytes)} up, one stalled stream`
}

/** 99th percentiles in milliseconds: `LOADED` shares its connection with an upload and a stalled stream. */
export async function sharedCell(uploadBytes: number, setting: Setting): Promise<Cell> {
  const pairs = new Pairs((name) => Pair.start(name, { work: 'bytes', pinned: setting.pinned }))
  const seen = new Map<string, Latency[]>()
  const measureMs = setting.seconds * 1_000
  const measure = async (name: string): Promise<number> => {
    const isFirst = !pairs.has(OURS)
    const pair = await pairs.get(OURS)
    if (isFirst) await pair.obey('shared', { measureMs, uploadBytes }, SHARED_MS)
    const { result } = await pair.obey('shared', { measureMs, uploadBytes: name === IDLE ? 0 : uploadBytes }, SHARED_MS)
    seen.set(name, [...(seen.get(name) ?? []), result])
    return result.p99
  }
  try {
    const samples = await alternate([IDLE, LOADED], setting.rounds, measure, setting.signal)
    const results = resultsOf(samples, IDLE).map((result): Result => {
      return result.value ? { ...result, latency: medianLatency(seen.get(result.contender) ?? []) } : result
    })
    const title = sharedTitle(uploadBytes)
    return { suite: 'fairness', title, unit: 'ms p99', baseline: IDLE, firstTarget: 10, results }
  } finally {
    await pairs.close()
  }
}

/** The median of each percentile over the rounds; `count` is their sum. */
function medianLatency(seen: readonly Latency[]): Latency {
  const of = (key: keyof Latency): number => median(seen.map((latency) => latency[key]))
  const count = seen.reduce((sum, latency) => sum + latency.count, 0)
  return { count, p50: of('p50'), p90: of('p90'), p99: of('p99'), p999: of('p999'), max: of('max') }
}
