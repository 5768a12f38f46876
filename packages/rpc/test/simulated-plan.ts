// What a simulated run is going to do, drawn from its seed: how bad its network and its peers are, and for each call what
// its caller and its handler do. What a call may come to follows from its plan.

import { type NetworkFaults, NO_FAULTS } from '@framewire/transport/testing'
import type { Random } from '../../transport/src/random.ts'
import { type Kind, returnsMany, sendsMany } from '../src/contract.ts'
import { checkLimits, type Limits } from '../src/limits.ts'

export interface Scenario {
  /** Connections break, and peers close before their calls are done. */
  readonly isLossy: boolean
  /** Callers give up: signals, deadlines, loops that are left, inputs that fail. */
  readonly hasCancels: boolean
  /** So little is taken that calls fail for it. */
  readonly isTight: boolean
  /** Clients outlive their connections. */
  readonly isReconnecting: boolean
  /** One server after the other goes and comes back. */
  readonly isRolling: boolean
  /** Clients close while calls are under way, and let them end. */
  readonly isClosing: boolean
  /** Long messages: a stream fills its credit, and what waits to be written. */
  readonly isBulky: boolean
  /** So many calls that slots of tables are used again. */
  readonly isBusy: boolean
  /** No call before the other side's HELLO: its credit is less than what is assumed. */
  readonly waitsForHello: boolean
  /** Nothing may go wrong that was not planned. */
  readonly isStrict: boolean
  readonly clients: number
  readonly limits: Required<Limits>
  readonly faults: NetworkFaults
}

/** What a network does that loses nothing. */
const HARMLESS: NetworkFaults = { cut: 0.4, narrow: 0.5, lateDrain: 0.3, latencyMs: 50, jitterMs: 20, slow: 0.1 }
const HARMFUL: NetworkFaults = { refuse: 0.1, ignore: 0.02, reset: 0.1, error: 0.1, halfClose: 0.1, blackHole: 0.1 }
const BREAKS = ['reset', 'error', 'halfClose', 'blackHole'] as const

export function drawScenario(random: Random): Scenario {
  const isLossy = random.chance(0.5)
  const isTight = random.chance(0.3)
  const isReconnecting = random.chance(0.5)
  const isRolling = isReconnecting && random.chance(0.5)
  const waitsForHello = isReconnecting || random.chance(0.7)
  const hasCancels = random.chance(0.65)
  // One way to break is met often: what takes long to be noticed would come too late behind the others.
  const often = { [BREAKS[random.integer(0, 3)] ?? 'reset']: 0.5 }
  const isBulky = random.chance(waitsForHello ? 0.2 : 0.4)
  return {
    isLossy,
    isTight,
    isReconnecting,
    isRolling,
    waitsForHello,
    hasCancels,
    isBulky,
    isBusy: !isBulky && random.chance(0.06),
    isClosing: !isLossy && !isRolling && random.chance(0.5),
    isStrict: !isLossy && !isTight && !hasCancels && waitsForHello,
    clients: random.integer(1, 2),
    limits: drawLimits(random, isTight, waitsForHello, isLossy),
    faults: { ...NO_FAULTS, ...HARMLESS, ...(isLossy && { ...HARMFUL, ...often }), ...(isRolling && { slow: 0 }) },
  }
}

/** Less than options allow: a credit of a few messages, and memory for a few more. */
function drawLimits(random: Random, isTight: boolean, isSmall: boolean, isLossy: boolean): Required<Limits> {
  return {
    ...checkLimits({
      pingIntervalMs: random.chance(0.8) ? 2_000 : 60_000,
      // A PING stands behind what is to be written: a slow way is not taken for a dead one.
      pingTimeoutMs: isLossy ? 1_500 : 60_000,
      minPingIntervalMs: 500,
      streamCredit: random.chance(0.5) ? 65_536 : 262_144,
    }),
    maxFrame: random.chance(0.6) ? 1_024 : 65_536,
    maxStreams: random.chance(0.7) ? random.integer(1, 5) : 128,
    ...(isSmall && random.chance(0.8) && { streamCredit: random.magnitude(4_000) }),
    ...(isTight && {
      maxQueued: random.integer(1, 4),
      maxMessage: random.chance(0.5) ? 2_048 : 100_000,
      maxBuffered: random.chance(0.5) ? random.integer(2_000, 10_000) : 100_000,
    }),
  }
}

export const KINDS: readonly Kind[] = ['unary', 'oneway', 'serverStream', 'clientStream', 'bidi']

/** What one call does, and what its handler does. */
export interface CallPlan {
  readonly kind: Kind
  readonly isRaw: boolean
  /** The lengths of what the caller sends, and of what the handler does. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly isSlow: boolean // between messages, at both ends
  readonly hasTrailers: boolean
  readonly timeoutMs: number
  readonly abortAfterMs: number | undefined
  /** The caller gives up when the handler has ended, perhaps before it hears of that. */
  readonly abortsAtEnd: boolean
  /** Aborts with others. */
  readonly isShared: boolean
  /** Messages after which the caller leaves; Infinity = none. */
  readonly takes: number
  readonly leaves: 'break' | 'return' | 'throw'
  readonly inputFailsAt: number
  readonly waitForReady: boolean
  readonly delayMs: number // 0 = the handler answers at once, where it can
  /** The handler works until its signal aborts. */
  readonly holds: boolean
  readonly ignoresSignal: boolean
  readonly fails: 'rpc' | 'error' | undefined
  readonly leavesInputAt: number
  /** The handler calls back, and hands on its context. */
  readonly nests: boolean
  readonly closes: boolean
}

const NEVER = Number.POSITIVE_INFINITY

export function drawCall(random: Random, scenario: Scenario, depth: number): CallPlan {
  const { hasCancels, isLossy, isStrict, isBulky, isRolling, isBusy } = scenario
  const kind = KINDS[random.integer(0, KINDS.length - 1)] as Kind
  const sends = sendsMany(kind)
  const returns = returnsMany(kind)
  const may = (probability: number): boolean => hasCancels && random.chance(probability)
  const abortAfterMs = may(0.15) ? random.magnitude(800) - 1 : undefined
  const timeoutMs = may(0.15) ? random.magnitude(800) : 600_000
  const isShared = may(0.1)
  // A oneway is over for its caller as soon as it is sent.
  const isEnded = timeoutMs < 600_000 || (kind !== 'oneway' && (abortAfterMs !== undefined || isShared))
  // The caller does not count a oneway that still runs, so one more call may be too many.
  const isBrief = isStrict && kind === 'oneway'
  return {
    kind,
    isRaw: random.chance(0.3),
    inputs: isBrief
      ? [random.integer(0, 60)]
      : lengths(random, sends ? random.magnitude(24) - 1 : random.chance(0.9) ? 1 : 0, isBulky),
    outputs:
      kind === 'oneway'
        ? []
        : lengths(random, returns ? random.magnitude(24) - 1 : random.chance(0.9) ? 1 : 0, isBulky),
    isSlow: random.chance(0.3),
    hasTrailers: random.chance(0.2),
    timeoutMs: timeoutMs === 600_000 && random.chance(0.5) ? NEVER : timeoutMs,
    abortAfterMs,
    abortsAtEnd: may(0.12),
    isShared,
    takes: returns && may(0.2) ? random.integer(0, 6) : NEVER,
    leaves: (['break', 'return', 'throw'] as const)[random.integer(0, 2)] ?? 'break',
    inputFailsAt: sends && may(0.08) ? random.integer(0, 4) : NEVER,
    waitForReady: random.chance(0.5),
    delayMs:
      isBrief || random.chance(0.4) ? 0 : random.magnitude((isRolling || isBusy) && random.chance(0.2) ? 8_000 : 300),
    holds: isEnded && random.chance(0.3),
    ignoresSignal: random.chance(0.2),
    fails: random.chance(0.12) ? (random.chance(0.5) ? 'rpc' : 'error') : undefined,
    leavesInputAt: sends && random.chance(0.1) ? random.integer(0, 5) : NEVER,
    nests: depth === 0 && !isBrief && random.chance(0.08),
    closes: isLossy && random.chance(0.01),
  }
}

/** Mostly small, some in several frames, a few larger than what is on its way at a time. */
function lengths(random: Random, count: number, isBulky: boolean): number[] {
  return Array.from({ length: count }, () => {
    const dice = random.next() * (isBulky ? 2 : 1)
    if (dice < 0.7) return random.integer(0, 60)
    return dice < 0.97 ? random.integer(300, 3_000) : random.integer(5_000, isBulky ? 60_000 : 30_000)
  })
}
