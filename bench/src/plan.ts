// Which cells a run has, in order, with their rounds: a quick tour within two minutes, everything, or what was asked for.
import type { Setting } from './cell.ts'
import { decodingTitle, ENCODING_TITLE } from './codec-cells.ts'
import { BASELINE, BUSY_POLL, OURS } from './contender.ts'
import type { Options } from './options.ts'
import { PEER_NAMES } from './roster.ts'
import { type EchoWork, echoTitle, type OpenWork, openTitle, type StreamWork, sharedTitle } from './rpc-cells.ts'
import { fullScale, quickScale, type ScaleWork } from './scale.ts'
import { TRANSPORT_WORKS, type TransportWork } from './transport-cells.ts'

export type Step = { rounds: number; seconds: number } & (
  | { suite: 'codec'; size: number | undefined }
  | ({ suite: 'transport' } & TransportWork)
  | ({ suite: 'rpc' } & EchoWork)
  | ({ suite: 'latency' } & OpenWork)
  | ({ suite: 'streams' } & StreamWork)
  | { suite: 'fairness'; uploadBytes: number }
  | ({ suite: 'scale' } & ScaleWork)
)

type Timing = Pick<Setting, 'rounds' | 'seconds'>

const KiB = 1024
const MiB = 1024 * KiB
/** What both compare in cells that have no peers. */
const DUEL: readonly string[] = [BASELINE, OURS]
const ALL: readonly string[] = [...DUEL, ...PEER_NAMES]
/** The peers of the quick tour where each costs seconds and says little new: a message library, an RPC of each family. */
const KNOWN: readonly string[] = ['ws', 'nestjs-tcp', 'socket-io', 'vscode-jsonrpc', 'grpc-js']
const FEW: readonly string[] = [...DUEL, ...PEER_NAMES.filter((name) => KNOWN.includes(name))]
/** Up to here a call waits for wake-ups more than for anything else. */
const BUSY_POLL_UP_TO = 16
const DEFAULT_SIZE = 32
const DEFAULT_IN_FLIGHT = 128

/** The first targets of ours against the floor. */
const FIRST_TARGETS: Readonly<Record<string, number>> = {
  '32@1': 0.9,
  '32@16': 0.8,
  '32@128': 0.6,
  '32@1024': 0.45,
  '1024@128': 0.6,
  '65536@16': 0.8,
  '1048576@1': 0.85,
}

const STREAMS: readonly StreamWork[] = [
  { title: '1 KiB, fast consumer', size: KiB, count: 100_000, firstTarget: 0.5 },
  { title: '1 KiB, slow consumer', size: KiB, count: 20_000, restEvery: 64 },
]

// Without peers the tour takes 60 s; with npm ci and the build a first run ends within two minutes.
const TOUR_SECONDS = 95

/** What a run may take: the quick tour ends in time, what somebody asked for takes as long as it takes. */
export function budgetOf({ isFull, rounds, seconds }: Options): number {
  return isFull || rounds !== undefined || seconds !== undefined ? Number.POSITIVE_INFINITY : TOUR_SECONDS
}

export function planOf(options: Options): Step[] {
  const steps = options.isFull ? fullSteps(options) : quickSteps(options)
  return steps.map((step) => ({
    ...step,
    rounds: options.rounds ?? step.rounds,
    seconds: options.seconds ?? step.seconds,
  }))
}

/** What the regression gate measures: ours and the floors, no peers. */
export function gatePlan(isQuick: boolean): Step[] {
  const timing = isQuick ? { rounds: 3, seconds: 0.15 } : { rounds: 7, seconds: 0.4 }
  const cells: [number | 'json', number][] = [
    ...[1, 16, 128, 1024].map((depth) => [32, depth] as [number, number]),
    [KiB, 128],
    [64 * KiB, 16],
    [MiB, 1],
    ['json', 128],
  ]
  return [
    ...[16, 64 * KiB, undefined].map((size) => ({ suite: 'codec' as const, size, ...timing })),
    ...TRANSPORT_WORKS.slice(0, 2).map((work) => ({ suite: 'transport' as const, ...work, ...timing })),
    ...cells.map(([size, depth]) => echo(size, depth, DUEL, timing)),
    ...STREAMS.slice(0, 1).map((stream) => ({ suite: 'streams' as const, ...stream, ...timing })),
  ]
}

/** The title of the cell that a step makes. */
export function titleOf(step: Step): string {
  if ('title' in step) return step.title
  if (step.suite === 'rpc') return echoTitle(step)
  if (step.suite === 'latency') return openTitle(step)
  if (step.suite === 'codec') return step.size === undefined ? ENCODING_TITLE : decodingTitle(step.size)
  return sharedTitle(step.uploadBytes)
}

function quickSteps(options: Options): Step[] {
  const timing = { rounds: 3, seconds: 0.25 }
  const many = { rounds: 3, seconds: 0.2 }
  const cells: [number | 'json', number][] = [
    [32, 1],
    [32, 16],
    [32, 1024],
    [KiB, 128],
    [64 * KiB, 16],
    [MiB, 1],
  ]
  const asked = askedCells(options)
  const echoes = asked?.map(([size, depth]) => echo(size, depth, ALL, { ...timing, rounds: 5 })) ?? [
    echo(32, 128, ALL, many),
    echo('json', 128, FEW, many),
    ...cells.map(([size, depth]) => echo(size, depth, DUEL, timing)),
  ]
  const suites: Record<string, () => Step[]> = {
    codec: () => [16, 64 * KiB, undefined].map((size) => ({ suite: 'codec', size, ...timing })),
    transport: () => TRANSPORT_WORKS.slice(0, 2).map((work) => ({ suite: 'transport', ...work, ...timing })),
    rpc: () => echoes.map((step) => chosen(step, options)),
    latency: () => opens(options, FEW, { rounds: 3, seconds: 0.4 }),
    streams: () => STREAMS.map((stream) => ({ suite: 'streams', ...stream, ...timing })),
    fairness: () => [{ suite: 'fairness', uploadBytes: 64 * MiB, rounds: 5, seconds: 0.4 }],
    scale: () => quickScale().map((work) => ({ suite: 'scale', ...work })),
  }
  return options.suites.flatMap((suite) => suites[suite]?.() ?? [])
}

function fullSteps(options: Options): Step[] {
  const timing = { rounds: 7, seconds: 0.5 }
  const many = { rounds: 5, seconds: 0.4 }
  const depths = [1, 16, 128, 1024]
  const cells: [number | 'json', number][] = [
    ...([32, KiB, 64 * KiB, 'json'] as const).flatMap((size) =>
      depths.map((depth) => [size, depth] as [typeof size, number]),
    ),
    [MiB, 1],
  ]
  const echoes = (askedCells(options) ?? cells).map(([size, depth]) => echo(size, depth, ALL, many))
  const suites: Record<string, () => Step[]> = {
    codec: () => [16, 256, 4 * KiB, 64 * KiB, MiB, undefined].map((size) => ({ suite: 'codec', size, ...timing })),
    transport: () => TRANSPORT_WORKS.map((work) => ({ suite: 'transport', ...work, ...timing })),
    rpc: () => echoes.map((step) => chosen(step, options)),
    latency: () => opens(options, ALL, { rounds: 5, seconds: 1 }),
    streams: () => STREAMS.map((stream) => ({ suite: 'streams', ...stream, ...timing })),
    fairness: () => [{ suite: 'fairness', uploadBytes: 256 * MiB, rounds: 7, seconds: 1 }],
    scale: () => fullScale().map((work) => ({ suite: 'scale', ...work })),
  }
  return options.suites.flatMap((suite) => suites[suite]?.() ?? [])
}

/** The cells that sizes and depths on the command line name. */
function askedCells({ sizes, inFlight }: Options): [number | 'json', number][] | undefined {
  if (sizes === undefined && inFlight === undefined) return undefined
  const depths = inFlight ?? [DEFAULT_IN_FLIGHT]
  return (sizes ?? [DEFAULT_SIZE]).flatMap((size) => depths.map((depth) => [size, depth] as [number | 'json', number]))
}

function echo(size: number | 'json', inFlight: number, contenders: readonly string[], timing: Timing): Step {
  const firstTarget = FIRST_TARGETS[`${size}@${inFlight}`]
  const work = size === 'json' ? 'json' : 'bytes'
  const payloadBytes = size === 'json' ? 0 : size
  const target = firstTarget !== undefined && { firstTarget }
  const isSmall = payloadBytes === DEFAULT_SIZE && inFlight <= BUSY_POLL_UP_TO
  const all = isSmall ? [...contenders, BUSY_POLL] : contenders
  return { suite: 'rpc', work, payloadBytes, inFlight, contenders: all, ...target, ...timing }
}

function opens({ callsPerSecond, contenders }: Options, byPlan: readonly string[], timing: Timing): Step[] {
  return callsPerSecond.map((rate) => ({
    suite: 'latency',
    payloadBytes: 32,
    callsPerSecond: rate,
    contenders: contenders ?? byPlan,
    ...timing,
  }))
}

function chosen(step: Step, { contenders }: Options): Step {
  return contenders === undefined || step.suite !== 'rpc' ? step : { ...step, contenders }
}
