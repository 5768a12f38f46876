// What a peer takes from the other side, and announces in its HELLO. Each has a finite default.

import { ENCODINGS, MAX_FRAME, MAX_STREAMS } from './wire.ts'

export interface Limits {
  /** The longest frame this side takes and sends, header included, in bytes: 1024 to 16777215. @default 65536 */
  maxFrame?: number
  /** Calls of the peer that may run at a time. @default 128 */
  maxStreams?: number
  /** Own calls that may wait for a free stream of the peer. @default 1024 */
  maxQueued?: number
}

export const DEFAULT_LIMITS: Readonly<Required<Limits>> = Object.freeze({
  maxFrame: 65_536,
  maxStreams: 128,
  maxQueued: 1_024,
})

/** Byte 0 of the length is always 0: that is how HTTP and TLS on the wrong port are recognised. */
const MOST_FRAME = 0xff_ffff
const LEAST_FRAME = 1_024

/** Throws RangeError for a limit that can not be meant. */
export function checkLimits(limits: Limits = {}): Required<Limits> {
  const {
    maxFrame = DEFAULT_LIMITS.maxFrame,
    maxStreams = DEFAULT_LIMITS.maxStreams,
    maxQueued = DEFAULT_LIMITS.maxQueued,
  } = limits
  checkRange('maxFrame', maxFrame, LEAST_FRAME, MOST_FRAME)
  checkRange('maxStreams', maxStreams, 1, 0xffff_ffff)
  checkRange('maxQueued', maxQueued, 1, Number.POSITIVE_INFINITY)
  return { maxFrame, maxStreams, maxQueued }
}

/** The settings that say so. Encodings: raw and JSON. */
export function settingsOf(limits: Required<Limits>): ReadonlyMap<number, number> {
  return new Map([
    [MAX_FRAME, limits.maxFrame],
    [MAX_STREAMS, limits.maxStreams],
    [ENCODINGS, 0b11],
  ])
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if ((Number.isInteger(value) || value === Number.POSITIVE_INFINITY) && value >= least && value <= most) return
  throw new RangeError(`${name} must be an integer from ${least} to ${most}, got ${String(value)}`)
}
