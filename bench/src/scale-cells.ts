// Cells of growth: the same calls with more connections, larger payloads, more calls made before, more open streams. A cell
// has one amount of one of them; what it costs stands beside the smaller amounts of the same run.
import { type Cell, type Growth, type Memory, type Result, type Setting, sizeText } from './cell.ts'
import type { Load } from './closed-loop.ts'
import { BASELINE, OURS, type Terms } from './contender.ts'
import { checkDescriptors, descriptorLimit } from './descriptors.ts'
import { Pair } from './pair.ts'
import { Costs, pairRounds } from './pair-rounds.ts'

const SMALL = 32
const WARM_IN_FLIGHT = 16
const WARM_MS = 300
const SETTLE_SHARE = 0.1
const DEEP = 128
const CONNECT_MS = 60_000
/** On a machine that others use 10,000 calls in flight, or one of 64 MiB, take seconds. */
const PATIENCE_MS = 30_000
const CALLS_MS = 120_000
/** Of each connection, so that no round pays for what its first calls set up. */
const CALLS_BEFORE = 10

export interface GrowthWork {
  title: string
  growth: Growth
}

/** What a kind of growth does beyond calls. */
interface Growing {
  terms?: Terms
  payloadBytes: number
  inFlight: number
  /** Throws NotRun where it can not be. */
  check?(): void
  /** After the warm-up, before the first round. */
  grow?(pair: Pair, contender: string, load: Load): Promise<void>
  /** Before each round, its calls uncounted. */
  renew?(pair: Pair): Promise<void>
  /** What there is to say besides rounds and cost. */
  finish?(pair: Pair, result: Result): Promise<Partial<Result>>
}

export async function growthCell({ title, growth }: GrowthWork, setting: Setting): Promise<Cell> {
  const growing = growingOf(growth)
  const { terms = {}, payloadBytes, inFlight } = growing
  const measureMs = setting.seconds * 1_000
  const warmupMs = measureMs * SETTLE_SHARE
  const load: Load = { work: 'bytes', payloadBytes, inFlight, measureMs, warmupMs, patienceMs: PATIENCE_MS }
  const roundMs = measureMs * 2 + PATIENCE_MS * 2
  const costs = new Costs()
  const results = await pairRounds([BASELINE, OURS], BASELINE, setting, {
    async start(contender) {
      growing.check?.()
      return Pair.start(contender, { work: 'bytes', pinned: setting.pinned, terms })
    },
    async warm(pair, contender) {
      // Compiled with one connection, before others come.
      const warming = { ...load, inFlight: Math.min(inFlight, WARM_IN_FLIGHT), warmupMs: 0, measureMs: WARM_MS }
      await pair.obey('warm', warming, WARM_MS * 6 + PATIENCE_MS)
      await growing.grow?.(pair, contender, load)
      costs.begin(contender, (await pair.obey('closed', load, roundMs)).usage)
    },
    async measure(pair, contender) {
      await growing.renew?.(pair)
      const { result, usage } = await pair.obey('closed', load, roundMs)
      costs.add(contender, usage, result.calls)
      return result.callsPerSecond
    },
    async finish(pair, result) {
      const cost = costs.of(result.contender)
      return { ...result, ...(cost && { cost }), ...(await growing.finish?.(pair, result)) }
    },
  })
  return { suite: 'scale', title, unit: 'calls/s', baseline: BASELINE, payloadBytes, inFlight, growth, results }
}

function growingOf({ of, value }: Growth): Growing {
  switch (of) {
    case 'connections':
      return moreConnections(value)
    case 'payload':
      return { payloadBytes: value, inFlight: 1, terms: { largestPayload: value } }
    case 'calls made':
      return moreCalls(value)
    case 'open streams':
      return moreStreams(value)
    default:
      throw new RangeError(`"${of}" does not grow here`)
  }
}

/** One call in flight on each. */
function moreConnections(count: number): Growing {
  const before = new Map<string, Memory>()
  const idle = new Map<string, Memory>()
  // The first connection was there before: the others cost what the memory has grown.
  const each = (now: Memory, contender: string): Memory => {
    const { client = 0, server = 0 } = before.get(contender) ?? {}
    return { client: (now.client - client) / (count - 1), server: (now.server - server) / (count - 1) }
  }
  return {
    terms: { connections: count },
    payloadBytes: SMALL,
    inFlight: count,
    check: () => checkDescriptors(count, descriptorLimit()),
    async grow(pair, contender, load) {
      before.set(contender, await pair.memory())
      await pair.obey('connections', count, CONNECT_MS)
      idle.set(contender, await pair.memory())
      await pair.obey('calls', { load, count: count * CALLS_BEFORE }, CALLS_MS)
    },
    async finish(pair, { contender }) {
      if (count < FEWEST_TO_WEIGH) return {}
      const idleConnection = each(idle.get(contender) as Memory, contender)
      return { idleConnection, usedConnection: each(await pair.memory(), contender) }
    },
  }
}

/** The heap of a process comes and goes by some MiB: of fewer connections nothing can be said. */
const FEWEST_TO_WEIGH = 1_000

/** On one connection: a new one for each round, or one that has made so many calls before the first round. */
function moreCalls(count: number): Growing {
  const renew = async (pair: Pair): Promise<void> => void (await pair.obey('connections', 1, CONNECT_MS))
  const grow = async (pair: Pair, _: string, load: Load): Promise<void> => {
    await renew(pair)
    await pair.obey('calls', { load, count }, CALLS_MS)
  }
  return { payloadBytes: SMALL, inFlight: DEEP, ...(count === 0 ? { renew } : { grow }) }
}

/** Streams that were begun and are not read on, beside the calls; the floor has none, and stands for the machine. */
function moreStreams(count: number): Growing {
  return {
    payloadBytes: SMALL,
    inFlight: DEEP,
    async grow(pair, contender) {
      if (contender === OURS) await pair.obey('streams', count, CONNECT_MS)
    },
  }
}

const amount = (value: number): string => value.toLocaleString('en-US')

/** The work of a series, amount by amount. */
export function growthWork(of: Growth['of'], values: readonly number[]): GrowthWork[] {
  const title = (value: number): string => {
    if (of === 'connections') return `${amount(value)} connection${value === 1 ? '' : 's'}, ${SMALL} B @1 each`
    if (of === 'payload') return `payload ${sizeText(value)} @1`
    if (of === 'calls made') return `${SMALL} B @${DEEP} after ${value === 0 ? 'none' : `${amount(value)} calls`}`
    return `${SMALL} B @${DEEP} beside ${value} open streams`
  }
  return values.map((value) => ({ title: title(value), growth: { of, value } }))
}
