// The values that are sent, and how an echo is known to be right. One probe belongs to one call in flight; its value
// changes with each call, so that no stale or foreign echo passes.
import type { SmallJson, Value, Work } from './contender.ts'

const PERIOD = 65_521
/** Up to here a loop is faster than a call of native code. */
const LOOP_BYTES = 256

export interface Probe {
  readonly value: Value
  /** Makes the value that of call number `sequence`. */
  prepare(sequence: number): void
  /** Length and sequence number always; everything if `whole`. */
  isEcho(echo: unknown, whole: boolean): boolean
}

export function probeOf(work: Work, slot: number, payloadBytes: number): Probe {
  return work === 'json' ? jsonProbe() : bytesProbe(slot, payloadBytes)
}

/** What an echo looks like in an error. */
export function shown(value: unknown): string {
  if (!(value instanceof Uint8Array)) return String(JSON.stringify(value)).slice(0, 200)
  return `${value.length} B ${Buffer.from(value.subarray(0, 32)).toString('hex')}`
}

function bytesProbe(slot: number, bytes: number): Probe {
  const value = randomBytes(slot, bytes)
  return {
    value,
    prepare(sequence) {
      value[0] = sequence >>> 24
      value[1] = sequence >>> 16
      value[2] = sequence >>> 8
      value[3] = sequence
    },
    isEcho: (echo, whole) => echo instanceof Uint8Array && areEqual(echo, value, whole),
  }
}

function areEqual(echo: Uint8Array, value: Uint8Array, whole: boolean): boolean {
  if (echo.length !== value.length) return false
  if (whole && value.length > LOOP_BYTES) return Buffer.compare(echo, value) === 0
  const compared = whole ? value.length : Math.min(4, value.length)
  for (let at = 0; at < compared; at++) if (echo[at] !== value[at]) return false
  return true
}

function jsonProbe(): Probe {
  const value: SmallJson = {
    id: 0,
    name: 'Ada Lovelace',
    email: 'ada@example.org',
    tags: ['analytical', 'engine'],
    isActive: true,
    balance: 1815.12,
  }
  const isSame = (echo: Partial<SmallJson>): boolean => JSON.stringify(echo) === JSON.stringify(value)
  return {
    value,
    prepare(sequence) {
      value.id = sequence
    },
    isEcho(echo, whole) {
      if (typeof echo !== 'object' || echo === null || (echo as SmallJson).id !== value.id) return false
      return !whole || isSame(echo)
    },
  }
}

// Random enough that no two slots share a payload and no layer can guess it. What is long repeats itself after a prime
// number of bytes: a piece that was lost, or came twice, moves what follows.
function randomBytes(slot: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = slot + 1
  for (let at = 0; at < Math.min(length, PERIOD); at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  for (let filled = PERIOD; filled < length; filled *= 2) bytes.copyWithin(filled, 0, filled)
  return bytes
}
