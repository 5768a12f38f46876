// Cells whose processes are others than one server and one client on the Node of the bench: several servers that share a
// port, by node:cluster or by `reusePort`, and both ends on another runtime.
import { availableParallelism } from 'node:os'
import { BUSY_SERVERS, type Cell, type Growth, type Result, type Setting, sizeText } from './cell.ts'
import type { Load } from './closed-loop.ts'
import { BASELINE, OURS } from './contender.ts'
import { Pair, type PairOptions } from './pair.ts'
import { Costs, pairRounds } from './pair-rounds.ts'
import { RUNTIME_NAMES, runtimeOf } from './runtime.ts'

const SMALL = 32
/** Connections stay with the process that took them: many of them spread evenly. */
const CONNECTIONS = 64
const WARM_MS = 700
const SETTLE_SHARE = 0.1
const CONNECT_MS = 10_000
/** What a busy handler hashes: some 50 to 200 µs, several times what the call costs. */
const HASHED_BYTES = 64 * 1024
/** The oldest that was fetched and has `reusePort`. */
const NODE_WITH_REUSE_PORT = 'node 22'
const BY_REUSE_PORT = ', reusePort'
const SUFFIX: Readonly<Record<Way, string>> = { cluster: '', reusePort: BY_REUSE_PORT }

export type Way = NonNullable<PairOptions['servers']>['by']

export interface ServersWork {
  title: string
  growth: Growth
  /** How the processes share their port. */
  ways: readonly Way[]
}

export function serversWork(of: Growth['of'], counts: readonly number[], ways: readonly Way[]): ServersWork[] {
  return counts.map((value) => {
    const title = `${value} ${value === 1 ? of.replace('processes', 'process') : of}`
    return { title, growth: { of, value }, ways }
  })
}

/** One client process with as many calls in flight as connections. The processes are not pinned: the system spreads them. */
export async function serversCell({ title, growth, ways }: ServersWork, setting: Setting): Promise<Cell> {
  const terms = { connections: CONNECTIONS, ...(growth.of === BUSY_SERVERS && { hashedBytes: HASHED_BYTES }) }
  const contenders = ways.flatMap((way) => [BASELINE, OURS].map((name) => name + SUFFIX[way]))
  const versions = new Map<string, string>()
  const results = await processRounds(contenders, BASELINE, { payloadBytes: SMALL, inFlight: CONNECTIONS }, setting, {
    async start(name) {
      const contender = name.replace(BY_REUSE_PORT, '')
      const common = { work: 'bytes' as const, pinned: false, terms }
      if (contender === name) return Pair.start(name, { ...common, servers: { count: growth.value, by: 'cluster' } })
      const { command: runtime, version } = await runtimeOf(NODE_WITH_REUSE_PORT)
      versions.set(name, version)
      return Pair.start(contender, { ...common, runtime, servers: { count: growth.value, by: 'reusePort' } })
    },
    connections: CONNECTIONS,
  })
  const note = `${availableParallelism()} cores for one client process with ${CONNECTIONS} connections and all servers, not pinned`
  return {
    suite: 'scale',
    title,
    unit: 'calls/s',
    baseline: BASELINE,
    payloadBytes: SMALL,
    growth,
    note,
    results: results.map((result) => withVersion(result, versions)),
  }
}

export interface RuntimesWork {
  title: string
  payloadBytes: number
  inFlight: number
}

export function runtimesWork(cells: readonly (readonly [payloadBytes: number, inFlight: number])[]): RuntimesWork[] {
  return cells.map(([payloadBytes, inFlight]) => {
    return { title: `${sizeText(payloadBytes)} @${inFlight} by runtime`, payloadBytes, inFlight }
  })
}

/** Calls of ours, both ends on the same runtime. */
export async function runtimesCell({ title, payloadBytes, inFlight }: RuntimesWork, setting: Setting): Promise<Cell> {
  const versions = new Map<string, string>()
  const baseline = RUNTIME_NAMES[0]
  const results = await processRounds(RUNTIME_NAMES, baseline, { payloadBytes, inFlight }, setting, {
    async start(name) {
      const { command: runtime, version } = await runtimeOf(name)
      versions.set(name, version)
      return Pair.start(OURS, { work: 'bytes', pinned: setting.pinned, runtime })
    },
    connections: 1,
  })
  const withVersions = results.map((result) => withVersion(result, versions))
  return { suite: 'scale', title, unit: 'calls/s', baseline, payloadBytes, inFlight, results: withVersions }
}

function withVersion(result: Result, versions: ReadonlyMap<string, string>): Result {
  const version = versions.get(result.contender)
  return version === undefined ? result : { ...result, version }
}

async function processRounds(
  names: readonly string[],
  baseline: string,
  size: { payloadBytes: number; inFlight: number },
  setting: Setting,
  { start, connections }: { start(name: string): Promise<Pair>; connections: number },
): Promise<Result[]> {
  const measureMs = setting.seconds * 1_000
  const load: Load = { work: 'bytes', ...size, measureMs, warmupMs: measureMs * SETTLE_SHARE }
  const costs = new Costs()
  return pairRounds(names, baseline, setting, {
    start,
    async warm(pair, name) {
      if (connections > 1) await pair.obey('connections', connections, CONNECT_MS)
      const { usage } = await pair.obey('warm', { ...load, warmupMs: 0, measureMs: WARM_MS }, WARM_MS * 6)
      costs.begin(name, usage)
    },
    async measure(pair, name) {
      const { result, usage } = await pair.obey('closed', load, measureMs * 2)
      costs.add(name, usage, result.calls)
      return result.callsPerSecond
    },
    async finish(pair, result) {
      const cost = costs.of(result.contender)
      const latency = (await pair.obey('latency', undefined, 0)).result
      return { ...result, ...(cost && { cost }), ...(latency && { latency }) }
    },
  })
}
