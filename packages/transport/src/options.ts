// Every option of a connection, its default, and the one place where it is checked. 0 never means "no limit".

import { type Framing, lengthField } from '@framewire/codec'
import { type Clock, systemClock } from './clock.ts'
import type { TransportError } from './transport-error.ts'
import type { Heartbeat } from './watchdog.ts'

/** Options of every connection, however it is made: framing, water marks, queues, time limits. */
export interface ConnectionOptions {
  /** How messages stand in the byte stream. @default lengthField({ maxFrameLength: 1 MiB }) */
  framing?: Framing
  /** `send` answers false once this many bytes wait. @default 256 KiB, at most maxSendBuffer */
  sendHighWaterMark?: number
  /** `drain` comes once no more than this many bytes wait. @default 64 KiB, at most a quarter of sendHighWaterMark */
  sendLowWaterMark?: number
  /** The most bytes that may wait; above it `send` throws SEND_BUFFER_FULL. @default 16 MiB, at least 2 x maxFrameLength */
  maxSendBuffer?: number
  /** Received messages that may wait for the reader. @default 1024 */
  maxQueuedMessages?: number
  /** Bytes of received messages that may wait, 64 bytes overhead each. @default 1 MiB */
  maxQueuedBytes?: number
  /** How long `close` waits for unsent bytes and for the peer's end, in ms. @default 5000 */
  closeTimeoutMs?: number
  /**
   * How long a connection that failed goes on throwing away what the peer sends, in ms and at most 1 MiB of it: a peer
   * that is cut off while it sends never reads why. @default 1000
   */
  lingerTimeoutMs?: number
  /** From the first byte of a frame to its last, in ms, and 1 s more for each whole 64 KiB of it. @default 30000 */
  frameTimeoutMs?: number
  /** How long bytes may wait while the peer takes none of them, in ms. @default 10000 */
  sendStallTimeoutMs?: number
  /** Ends the connection after so long without a byte in or out, in ms. @default Infinity */
  idleTimeoutMs?: number
  /** What is said to a peer that has been silent for long, so that a dead one is found. @default none */
  heartbeat?: Heartbeat
  /** Whether the connection stays open when the peer ends its side ('end'), until `close`. @default false */
  allowHalfOpen?: boolean
  /**
   * A last message for a peer that broke the protocol or the limits; it is sent before the connection ends.
   * @default none
   */
  farewell?: (error: TransportError) => Uint8Array | undefined
  /**
   * How long the event loop spins after a message before it goes to sleep, in microseconds: twice the calls a second with
   * one in flight, for a core that is never idle. @default 0
   */
  busyPollMicros?: number
  /** Where times come from; for tests. @default monotonic time and the timers of the process */
  clock?: Clock
}

export interface CheckedOptions extends Required<Omit<ConnectionOptions, 'heartbeat' | 'farewell'>> {
  heartbeat: Required<Heartbeat> | undefined
  farewell: ConnectionOptions['farewell']
}

const KiB = 1024
const MiB = 1024 * KiB

export const DEFAULTS: Readonly<Omit<CheckedOptions, 'framing' | 'maxSendBuffer'>> = Object.freeze({
  sendHighWaterMark: 256 * KiB,
  sendLowWaterMark: 64 * KiB,
  maxQueuedMessages: 1024,
  maxQueuedBytes: 1 * MiB,
  closeTimeoutMs: 5_000,
  lingerTimeoutMs: 1_000,
  frameTimeoutMs: 30_000,
  sendStallTimeoutMs: 10_000,
  idleTimeoutMs: Number.POSITIVE_INFINITY,
  heartbeat: undefined,
  allowHalfOpen: false,
  farewell: undefined,
  busyPollMicros: 0,
  clock: systemClock,
})

const LIMITS = ['sendHighWaterMark', 'maxSendBuffer', 'maxQueuedMessages', 'maxQueuedBytes'] as const
const TIMES = ['closeTimeoutMs', 'lingerTimeoutMs', 'frameTimeoutMs', 'sendStallTimeoutMs', 'idleTimeoutMs'] as const
const FRAMING_METHODS = ['measure', 'headerLength', 'trailerLength', 'encodedLength', 'encodeInto'] as const
const CLOCK_METHODS = ['now', 'setTimeout', 'clearTimeout', 'setImmediate'] as const
/** Longer than any wake-up of a sleeping loop: more would only burn the core. */
const MAX_BUSY_POLL_MICROS = 10_000

const DEFAULT_FRAMING: Framing = lengthField({ maxFrameLength: 1 * MiB })

/** Options that were checked: 10,000 connections of a server share one object. */
const CHECKED = new WeakSet<object>()

/** The options with every default filled in. Throws RangeError or TypeError for what can not be meant. */
export function checkOptions(options: ConnectionOptions): CheckedOptions {
  if (CHECKED.has(options)) return options as CheckedOptions
  const framing = checkFraming(options.framing ?? DEFAULT_FRAMING)
  const leastBuffer = Math.min(2 * framing.maxFrameLength, Number.MAX_SAFE_INTEGER)
  const checked: CheckedOptions = {
    ...DEFAULTS,
    maxSendBuffer: Math.max(16 * MiB, leastBuffer),
    ...withoutUndefined(options),
    framing,
    heartbeat: checkHeartbeat(options.heartbeat),
  }
  for (const name of LIMITS) checkLimit(name, checked[name])
  for (const name of TIMES) checkMilliseconds(name, checked[name])
  fillWaterMarks(checked, options)
  checkWaterMarks(checked, leastBuffer)
  const { allowHalfOpen, farewell, busyPollMicros, clock } = checked
  const missing = missingIn(clock, CLOCK_METHODS)
  if (missing !== undefined) throw new TypeError(`clock has no ${missing}`)
  if (typeof allowHalfOpen !== 'boolean') throw new TypeError(`allowHalfOpen must be a boolean, got ${allowHalfOpen}`)
  if (farewell !== undefined && typeof farewell !== 'function') throw new TypeError('farewell must be a function')
  if (!(busyPollMicros >= 0 && busyPollMicros <= MAX_BUSY_POLL_MICROS)) {
    throw new RangeError(`busyPollMicros must be from 0 to ${MAX_BUSY_POLL_MICROS}, got ${String(busyPollMicros)}`)
  }
  CHECKED.add(Object.freeze(checked))
  return checked
}

/** What would be missed only once bytes arrive, where nobody can catch it. A preset that was spread has no methods. */
function checkFraming(framing: Framing): Framing {
  const missing = missingIn(framing, FRAMING_METHODS)
  if (missing === undefined) return framing
  throw new TypeError(`framing has no ${missing}: a preset takes its options at the call and cannot be spread`)
}

/** The first of the methods that the object does not have. */
function missingIn<T extends object>(given: T, methods: readonly (keyof T & string)[]): string | undefined {
  return methods.find((method) => typeof given[method] !== 'function')
}

/** Marks that were not given follow those that were. */
function fillWaterMarks(checked: CheckedOptions, given: ConnectionOptions): void {
  if (given.sendHighWaterMark === undefined) {
    checked.sendHighWaterMark = Math.min(DEFAULTS.sendHighWaterMark, checked.maxSendBuffer)
  }
  if (given.sendLowWaterMark === undefined) {
    checked.sendLowWaterMark = Math.min(DEFAULTS.sendLowWaterMark, Math.floor(checked.sendHighWaterMark / 4))
  }
}

function checkWaterMarks(checked: CheckedOptions, leastBuffer: number): void {
  const { sendLowWaterMark, sendHighWaterMark, maxSendBuffer } = checked
  if (maxSendBuffer < leastBuffer) {
    throw new RangeError(`maxSendBuffer ${maxSendBuffer} must be at least 2 x maxFrameLength, ${leastBuffer}`)
  }
  if (!(Number.isInteger(sendLowWaterMark) && sendLowWaterMark >= 0 && sendLowWaterMark < sendHighWaterMark)) {
    throw new RangeError(`sendLowWaterMark ${sendLowWaterMark} must be below sendHighWaterMark ${sendHighWaterMark}`)
  }
  // Otherwise `send` would throw before it ever answered false.
  if (sendHighWaterMark > maxSendBuffer && sendHighWaterMark !== Number.POSITIVE_INFINITY) {
    throw new RangeError(`sendHighWaterMark ${sendHighWaterMark} must be at most maxSendBuffer ${maxSendBuffer}`)
  }
}

function checkHeartbeat(heartbeat: Heartbeat | undefined): Required<Heartbeat> | undefined {
  if (heartbeat === undefined) return undefined
  const { intervalMs = 15_000, timeoutMs = 10_000, message } = heartbeat
  if (!(message instanceof Uint8Array) && typeof message !== 'function') {
    throw new TypeError('heartbeat.message must be a Uint8Array or a function')
  }
  checkMilliseconds('heartbeat.intervalMs', intervalMs)
  checkMilliseconds('heartbeat.timeoutMs', timeoutMs)
  return { intervalMs, timeoutMs, message }
}

/** A number of milliseconds that a timer can wait, or Infinity for no limit. */
export function checkMilliseconds(name: string, value: number): number {
  if (value === Number.POSITIVE_INFINITY || (Number.isFinite(value) && value > 0 && value <= 0x7fff_ffff)) return value
  throw new RangeError(`${name} must be above 0 and at most 2147483647 ms, or Infinity; got ${String(value)}`)
}

/** An integer of at least 1, or Infinity for no limit. */
export function checkLimit(name: string, value: number): number {
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= 1)) return value
  throw new RangeError(`${name} must be an integer of at least 1, or Infinity; got ${String(value)}`)
}

function withoutUndefined<T extends object>(options: T): { [K in keyof T]: NonNullable<T[K]> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: NonNullable<T[K]> }
}
