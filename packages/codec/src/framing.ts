// What a framing is: the answer to "given the first bytes, how long is this frame?", two constants about what is handed
// out, and the way back. It holds no state of a stream, so one framing serves any number of decoders.

/**
 * How frames stand in a byte stream. Made by a preset such as `lengthField`; shared freely between connections. A preset
 * cannot be spread: what it measures would keep the limit it was made with. Wrap it, or make another.
 */
export interface Framing {
  /**
   * `bytes[start, end)` begins at a frame border. The whole frame's length in bytes, or 0 while it is not known yet; it
   * must be known by the frame's last byte. Behind `end` stand bytes that are not the stream's, maybe a whole read buffer of
   * them: `bytes.indexOf(byte, start)` would find those, and look through all of them for each frame; search in
   * `bytes.subarray(start, end)`.
   * `seen` = bytes of this frame that earlier calls looked at, so that a search need not start over.
   * Throws a FramingError when no frame can begin like this.
   */
  measure(bytes: Uint8Array, start: number, end: number, seen: number): number
  /** Bytes in front of the frame that are not handed out. `length` is what `measure` returned. */
  headerLength(bytes: Uint8Array, start: number, length: number): number
  /** Bytes behind the frame that are not handed out. */
  trailerLength(bytes: Uint8Array, start: number, length: number): number
  /** The limit for the payload, what stands between header and trailer, in bytes; it holds in both directions. */
  readonly maxFrameLength: number
  /**
   * Bytes on the wire for a payload of that many bytes, under the caller's own `header` if there is one. Throws
   * FRAME_TOO_LONG above `maxFrameLength`.
   */
  encodedLength(payloadLength: number, header?: Uint8Array): number
  /**
   * Writes header, payload and trailer at `at` and returns the end; writes nothing if it throws.
   * `header` brings the caller's own header bytes; the length field inside is filled in.
   */
  encodeInto(target: Uint8Array, at: number, payload: Uint8Array, header?: Uint8Array): number
  /**
   * Optional, together with `encodeTrailerInto`: only what stands in front of a payload of that many bytes; returns its
   * end. With the two a sender can put a large payload on the wire by reference and build a small one in place.
   */
  encodeHeaderInto?(target: Uint8Array, at: number, payloadLength: number, header?: Uint8Array): number
  /** Optional: what stands behind that payload; returns its end. */
  encodeTrailerInto?(target: Uint8Array, at: number, payloadLength: number): number
  /** Optional: what bytes without an end are when the stream ends, an error or a last frame. Default: an error. */
  readonly unterminated?: 'error' | 'emit'
}

/** 4 MiB, the payload limit where the caller names none. */
export const DEFAULT_MAX_FRAME_LENGTH: number = 4 * 1024 * 1024

/** Checks an option that counts bytes: an integer from `least` to `most`. Not a number: TypeError. */
export function checkByteCount(
  name: string,
  value: number,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const reason = `${name} must be an integer from ${least} to ${most}, got ${shown(value)}`
  throw typeof value === 'number' ? new RangeError(reason) : new TypeError(reason)
}

/** Checks a limit: a positive integer, or Infinity for none. 0 never means "unlimited". */
export function checkLimit(name: string, value: number): number {
  return value === Number.POSITIVE_INFINITY ? value : checkByteCount(name, value, 1)
}

/** Checks an option that is one of a few words. */
export function checkWord<Word extends string>(name: string, value: Word, words: readonly Word[]): Word {
  if (words.includes(value)) return value
  throw new TypeError(`${name} must be ${words.map(shown).join(' or ')}, got ${shown(value)}`)
}

/** Checks an option that is true or false, and nothing that JavaScript would take for it. */
export function checkFlag(name: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`${name} must be true or false, got ${shown(value)}`)
}

/** Checks a function that may be left out. */
export function checkFunction<Given>(name: string, value: Given): Given {
  if (typeof value === 'function' || value === undefined) return value
  throw new TypeError(`${name} must be a function, got ${shown(value)}`)
}

const DECODING = ['measure', 'headerLength', 'trailerLength'] as const

/** Refuses what is no framing. A spread preset above all: its limit would be one number and what it measures another. */
export function checkFraming(framing: Framing, members: readonly (keyof Framing)[] = DECODING): Framing {
  for (const member of members) {
    if (typeof framing?.[member] === 'function') continue
    throw new TypeError(`framing has no ${member}: a preset takes its options at the call and cannot be spread`)
  }
  return framing
}

/** A value as an error names it. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

/** Refuses what is not bytes. Text above all: read by index it would pass for zeros. Wider numbers would be cut. */
export function checkBytes(name: string, value: Uint8Array): void {
  if (isBytes(value)) return
  throw new TypeError(`${name} must be a Uint8Array, got ${typeof value}`)
}

/** Whether it is bytes, of this realm or another. */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || Object.prototype.toString.call(value) === '[object Uint8Array]'
}

/** Copies `source` to `target[at...]`. A loop beats the call into `set` for the few bytes of a small message. */
export function copyInto(target: Uint8Array, at: number, source: Uint8Array): void {
  const length = source.length
  if (length > 48) {
    target.set(source, at)
    return
  }
  for (let index = 0; index < length; index++) target[at + index] = source[index] as number
}

/** Refuses a target without room, before the first byte is written. */
export function checkRoom(target: Uint8Array, at: number, length: number): void {
  if (at >= 0 && at + length <= target.length) return
  throw new RangeError(`${length} bytes do not fit at ${at} of a target of ${target.length} bytes`)
}

/** Refuses another length than was said: zeros would go out with the frame, or its last bytes would not. Returns the end. */
export function checkWritten(at: number, end: number, length: number): number {
  if (end === at + length) return end
  throw new TypeError(`framing.encodeInto wrote ${end - at} bytes where encodedLength said ${length}`)
}
