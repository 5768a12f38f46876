// How bad a simulated network is, and what of it meets one connection. Everything is drawn when the connection is made,
// from its own source of chance: what one connection does changes nothing for another.

import type { WireConditions } from './memory-wire.ts'
import type { Random } from './random.ts'

/** How bad a simulated network is. A chance is a number from 0 to 1. */
export interface NetworkFaults {
  /** Chance that a read or a write takes a part only, cut at any byte. @default 0.4 */
  cut?: number
  /** Chance that little fits on the way: from 1 to 64 KiB instead of 64. @default 0.5 */
  narrow?: number
  /** Chance that a drain comes late, by up to 50 ms. @default 0.3 */
  lateDrain?: number
  /** The longest way between two ends, in ms; each connection has its own. @default 50 */
  latencyMs?: number
  /** How much longer the way of some bytes may be, in ms; the order stays. @default 20 */
  jitterMs?: number
  /** Chance that a connection is slow: from 16 KiB to 1 MiB a second. @default 0.1 */
  slow?: number
  /** Chance that connecting is refused. @default 0.02 */
  refuse?: number
  /** Chance that connecting is never answered. @default 0.01 */
  ignore?: number
  /** Chance that a connection is reset, behind any byte or at any time. @default 0.05 */
  reset?: number
  /** Chance that the socket of one end fails and the other end is reset. @default 0.05 */
  error?: number
  /** Chance that one direction ends behind any byte, and what follows is lost. @default 0.05 */
  halfClose?: number
  /** Chance that nothing arrives any more, in one direction or both, for a while or for ever. @default 0.05 */
  blackHole?: number
}

const DEFAULTS: Readonly<Required<NetworkFaults>> = Object.freeze({
  cut: 0.4,
  narrow: 0.5,
  lateDrain: 0.3,
  latencyMs: 50,
  jitterMs: 20,
  slow: 0.1,
  refuse: 0.02,
  ignore: 0.01,
  reset: 0.05,
  error: 0.05,
  halfClose: 0.05,
  blackHole: 0.05,
})

/** A network without any fault: `{ ...NO_FAULTS, reset: 1 }` has one of them. */
export const NO_FAULTS: Readonly<Required<NetworkFaults>> = Object.freeze({
  cut: 0,
  narrow: 0,
  lateDrain: 0,
  latencyMs: 0,
  jitterMs: 0,
  slow: 0,
  refuse: 0,
  ignore: 0,
  reset: 0,
  error: 0,
  halfClose: 0,
  blackHole: 0,
})

/** The faults with every default filled in. Throws RangeError for what is no chance and no time. */
export function checkFaults(faults: NetworkFaults): Required<NetworkFaults> {
  const checked = { ...DEFAULTS, ...faults }
  for (const [name, value] of Object.entries(checked)) {
    const most = name.endsWith('Ms') ? 60_000 : 1
    if (value >= 0 && value <= most) continue
    throw new RangeError(`faults.${name} must be a number from 0 to ${most}, got ${String(value)}`)
  }
  return checked
}

/** What breaks a connection, in the words of the options. */
export type BreakKind = 'reset' | 'error' | 'halfClose' | 'blackHole'

const BREAKS: readonly BreakKind[] = ['reset', 'error', 'halfClose', 'blackHole']

/** What is going to break a connection, and when. */
export interface Break {
  kind: BreakKind
  /** Behind so many bytes of its direction, or else after a time. */
  afterBytes: number | undefined
  afterMs: number
  isUpstream: boolean
  isBoth: boolean
  /** When a black hole ends. */
  lastsMs: number
}

const LATE_DRAIN_MS = 50
const MOST_BYTES = 64 * 1024
const MOST_MS = 3_000

export function drawConditions(faults: Required<NetworkFaults>, random: Random): WireConditions {
  const isSlow = random.chance(faults.slow)
  const bytesPerMs = 2 ** (4 + random.next() * 6)
  const isNarrow = random.chance(faults.narrow)
  const capacity = Math.floor(2 ** (10 + random.next() * 6))
  return {
    capacity: isNarrow ? capacity : MOST_BYTES,
    latencyMs: random.next() * faults.latencyMs,
    jitterMs: random.next() * faults.jitterMs,
    bytesPerMs: isSlow ? bytesPerMs : Number.POSITIVE_INFINITY,
    cut: faults.cut,
    lateDrain: faults.lateDrain,
    lateDrainMs: LATE_DRAIN_MS,
  }
}

export function drawBreak(faults: Required<NetworkFaults>, random: Random): Break | undefined {
  const kind = BREAKS.find((name) => random.chance(faults[name]))
  if (kind === undefined) return undefined
  const isBehindBytes = random.chance(0.7)
  const isForEver = random.chance(0.5)
  return {
    kind,
    afterBytes: isBehindBytes ? random.magnitude(MOST_BYTES) - 1 : undefined,
    afterMs: random.next() * MOST_MS,
    isUpstream: random.chance(0.5),
    isBoth: random.chance(0.5),
    lastsMs: isForEver ? Number.POSITIVE_INFINITY : random.magnitude(30_000),
  }
}
