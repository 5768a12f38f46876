// Every option of a connection, its default, and the one place where it is checked. 0 never means "no limit".

import { type Framing, lengthField } from '@framewire/codec'
import { type Clock, systemClock } from './clock.ts'

export interface ConnectionOptions {
  /** How messages stand in the byte stream. @default lengthField({ maxFrameLength: 1 MiB }) */
  framing?: Framing
  /** `send` answers false once this many bytes wait. @default 256 KiB */
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
  /** Where times come from; for tests. @default monotonic time and the timers of the process */
  clock?: Clock
}

export interface CheckedOptions extends Required<ConnectionOptions> {}

const KiB = 1024
const MiB = 1024 * KiB

export const DEFAULTS: Readonly<Omit<CheckedOptions, 'framing' | 'maxSendBuffer'>> = Object.freeze({
  sendHighWaterMark: 256 * KiB,
  sendLowWaterMark: 64 * KiB,
  maxQueuedMessages: 1024,
  maxQueuedBytes: 1 * MiB,
  closeTimeoutMs: 5_000,
  clock: systemClock,
})

const DEFAULT_FRAMING: Framing = lengthField({ maxFrameLength: 1 * MiB })

/** The options with every default filled in. Throws RangeError for a number that can not be meant. */
export function checkOptions(options: ConnectionOptions): CheckedOptions {
  const framing = options.framing ?? DEFAULT_FRAMING
  const leastBuffer = Math.min(2 * framing.maxFrameLength, Number.MAX_SAFE_INTEGER)
  const checked = { ...DEFAULTS, maxSendBuffer: Math.max(16 * MiB, leastBuffer), ...withoutUndefined(options), framing }
  for (const name of ['sendHighWaterMark', 'maxSendBuffer', 'maxQueuedMessages', 'maxQueuedBytes'] as const) {
    checkLimit(name, checked[name])
  }
  checkMilliseconds('closeTimeoutMs', checked.closeTimeoutMs)
  if (options.sendLowWaterMark === undefined) {
    checked.sendLowWaterMark = Math.min(DEFAULTS.sendLowWaterMark, Math.floor(checked.sendHighWaterMark / 4))
  }
  const { sendLowWaterMark, sendHighWaterMark, maxSendBuffer } = checked
  if (maxSendBuffer < leastBuffer) {
    throw new RangeError(`maxSendBuffer ${maxSendBuffer} must be at least 2 x maxFrameLength, ${leastBuffer}`)
  }
  if (!(Number.isInteger(sendLowWaterMark) && sendLowWaterMark >= 0 && sendLowWaterMark < sendHighWaterMark)) {
    throw new RangeError(`sendLowWaterMark ${sendLowWaterMark} must be below sendHighWaterMark ${sendHighWaterMark}`)
  }
  return checked
}

/** A number of milliseconds that a timer can wait, or Infinity for no limit. */
export function checkMilliseconds(name: string, value: number): number {
  if (value === Number.POSITIVE_INFINITY || (Number.isFinite(value) && value > 0 && value <= 0x7fff_ffff)) return value
  throw new RangeError(`${name} must be above 0 and at most 2147483647 ms, or Infinity; got ${String(value)}`)
}

function checkLimit(name: string, value: number): void {
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= 1)) return
  throw new RangeError(`${name} must be an integer of at least 1, or Infinity; got ${String(value)}`)
}

function withoutUndefined<T extends object>(options: T): { [K in keyof T]: NonNullable<T[K]> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: NonNullable<T[K]> }
}
