// What a chaos proxy can do to a connection, in the words of toxiproxy with units in the names.

import type { Direction } from './direction.ts'

/** What all toxics have in common. */
interface ToxicScope {
  /** Which way bytes are meddled with. @default 'downstream' */
  direction?: Direction
  /** Chance that a connection gets this toxic at all. @default 1 */
  toxicity?: number
}

/**
 * One thing that a chaos proxy does to connections.
 * - `latency`: everything arrives `latencyMs` later, `jitterMs` more or less.
 * - `bandwidth`: at most so many bytes a second.
 * - `slicer`: in pieces of `averageSize` bytes, `sizeVariation` more or less, `delayMs` apart.
 * - `limit_data`: both ends see the end of the other once so many bytes have passed.
 * - `reset_peer`: both ends are reset, after `timeoutMs`, or once `afterBytes` bytes have passed. A bare `net.Socket` that has
 *   not read them by then may see an end instead (libuv/libuv#4997); a connection of this package sees the reset.
 * - `timeout`: nothing passes any more; both ends see the end of the other after `timeoutMs`, or when it is removed.
 * - `slow_close`: the end of one side reaches the other `delayMs` later.
 * - `corrupt`: every byte is changed with the chance `rate`.
 */
export type Toxic = ToxicScope &
  (
    | { type: 'latency'; latencyMs: number; jitterMs?: number }
    | { type: 'bandwidth'; bytesPerSecond: number }
    | { type: 'slicer'; averageSize: number; sizeVariation?: number; delayMs?: number }
    | { type: 'limit_data'; bytes: number }
    | { type: 'reset_peer'; timeoutMs?: number; afterBytes?: number }
    | { type: 'timeout'; timeoutMs?: number }
    | { type: 'slow_close'; delayMs: number }
    | { type: 'corrupt'; rate: number }
  )

/** The numbers of each type: the least and the most they may be, and which must be given. */
const RANGES: Readonly<Record<Toxic['type'], Readonly<Record<string, readonly [least: number, most: number]>>>> = {
  latency: { latencyMs: [0, 3_600_000], jitterMs: [0, 3_600_000] },
  bandwidth: { bytesPerSecond: [1, 1e12] },
  slicer: { averageSize: [1, 1e9], sizeVariation: [0, 1e9], delayMs: [0, 3_600_000] },
  limit_data: { bytes: [0, Number.MAX_SAFE_INTEGER] },
  reset_peer: { timeoutMs: [0, 3_600_000], afterBytes: [0, Number.MAX_SAFE_INTEGER] },
  timeout: { timeoutMs: [1, Number.POSITIVE_INFINITY] },
  slow_close: { delayMs: [0, 3_600_000] },
  corrupt: { rate: [0, 1] },
}

const REQUIRED = new Set(['latencyMs', 'bytesPerSecond', 'averageSize', 'bytes', 'rate'])

/** Throws TypeError or RangeError for a toxic that can not be meant. */
export function checkToxic(toxic: Toxic): Toxic {
  const ranges = Object.hasOwn(RANGES, toxic.type) ? RANGES[toxic.type] : undefined
  if (ranges === undefined) throw new TypeError(`no toxic has the type ${String(toxic.type)}`)
  const { direction = 'downstream', toxicity = 1 } = toxic
  if (direction !== 'upstream' && direction !== 'downstream') {
    throw new TypeError(`direction must be 'upstream' or 'downstream', got ${String(direction)}`)
  }
  checkRange('toxicity', toxicity, 0, 1)
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value = (toxic as unknown as Record<string, number | undefined>)[name]
    if (value !== undefined || REQUIRED.has(name) || toxic.type === 'slow_close') checkRange(name, value, least, most)
  }
  return { ...toxic, direction, toxicity }
}

function checkRange(name: string, value: number | undefined, least: number, most: number): void {
  if (value !== undefined && value >= least && value <= most) return
  throw new RangeError(`${name} must be a number from ${least} to ${most}, got ${String(value)}`)
}
