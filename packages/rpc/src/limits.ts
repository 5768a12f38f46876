// What a peer takes from the other side, and announces in its HELLO. Each has a finite default.

import { type Framing, lengthField } from '@framewire/codec'
import { assumed, ENCODINGS, INITIAL_CREDIT, MAX_FRAME, MAX_MESSAGE, MAX_STREAMS, MIN_PING_INTERVAL } from './wire.ts'

/** What a peer takes at most, all of it on. What is above fails a call, or ends a connection that breaks a promise. */
export interface Limits {
  /** The longest frame this side announces and sends, header included, in bytes: 1024 to 16777215. @default 131072 */
  maxFrame?: number
  /** The longest message this side takes, in bytes. A longer one fails its call. @default 4 MiB */
  maxMessage?: number
  /** The longest metadata of a call, and of its end, that this side takes, in bytes, at most 8192. @default 8192 */
  maxMeta?: number
  /** Calls of the peer that may run at a time. @default 128 */
  maxStreams?: number
  /** Own calls that may wait: for a free stream of the peer, or for a connection that takes no more. @default 1024 */
  maxQueued?: number
  /** Bytes of one stream that the peer may send ahead of who takes them, at least 65536. @default 262144 */
  streamCredit?: number
  /** Bytes of messages that may wait, of all streams together: received ones, and apart from them sent ones. @default 64 MiB */
  maxBuffered?: number
  /** The longest time a unary or oneway call of the peer may take here, in ms. @default 300000 */
  maxTimeoutMs?: number
  /** After so long without a word the peer is asked for one, in ms; Infinity = never. @default 15000 */
  pingIntervalMs?: number
  /** And after so long without an answer it is gone, in ms. @default 10000 */
  pingTimeoutMs?: number
  /** The peer may ask 10 times in this time, in ms. @default 10000 */
  minPingIntervalMs?: number
}

const KiB = 1024
const MiB = 1024 * KiB
/** A peer that announces less is sent frames of this length all the same. */
export const LEAST_FRAME = 1_024
const NONE = Number.POSITIVE_INFINITY
const MAX_U32 = 0xffff_ffff
/** The longest wait of a Node timer. */
const MAX_DELAY_MS = 0x7fff_ffff

/** Each limit with its default, its least and its most. */
const RANGES: Readonly<Record<keyof Limits, readonly [normal: number, least: number, most: number]>> = Object.freeze({
  // Byte 0 of the length is always 0: that is how HTTP and TLS on the wrong port are recognised.
  maxFrame: [128 * KiB, LEAST_FRAME, 16 * MiB - 1],
  maxMessage: [4 * MiB, 1 * KiB, MAX_U32],
  // More is malformed on this wire, whatever this side takes.
  maxMeta: [8 * KiB, 1, 8 * KiB],
  maxStreams: [128, 1, MAX_U32],
  maxQueued: [1_024, 1, NONE],
  // What the peer assumes before it hears more: it may have sent so much by then.
  streamCredit: [256 * KiB, 64 * KiB, 0x7fff_ffff],
  maxBuffered: [64 * MiB, 64 * KiB, NONE],
  maxTimeoutMs: [300_000, 1, NONE],
  pingIntervalMs: [15_000, 1, NONE],
  pingTimeoutMs: [10_000, 1, MAX_DELAY_MS],
  minPingIntervalMs: [10_000, 1, MAX_DELAY_MS],
})

/** Throws RangeError for a limit that can not be meant. */
export function checkLimits(limits: Limits = {}): Required<Limits> {
  const names = Object.keys(RANGES) as (keyof Limits)[]
  const checked = names.map((name) => {
    const [normal, least, most] = RANGES[name]
    const { [name]: value = normal } = limits
    return [name, checkRange(name, value, least, most)]
  })
  return Object.fromEntries(checked) as Required<Limits>
}

/** The settings that say so. `encodings`: the bits of those that are known. */
export function settingsOf(limits: Required<Limits>, encodings: number): ReadonlyMap<number, number> {
  return new Map([
    [MAX_FRAME, limits.maxFrame],
    [MAX_MESSAGE, limits.maxMessage],
    [MAX_STREAMS, limits.maxStreams],
    [INITIAL_CREDIT, limits.streamCredit],
    [MIN_PING_INTERVAL, limits.minPingIntervalMs],
    [ENCODINGS, encodings],
  ])
}

function checkRange(name: string, value: number, least: number, most: number): number {
  if ((Number.isInteger(value) || value === NONE) && value >= least && value <= most) return value
  throw new RangeError(`${name} must be an integer from ${least} to ${most}, got ${String(value)}`)
}

/** The frames of a connection. What the peer sends before it has heard our limit may be as long as it assumes. */
export function framingOf({ maxFrame }: Required<Limits>): Framing {
  return lengthField({ maxFrameLength: Math.max(maxFrame, assumed(MAX_FRAME)) })
}
