// Payloads to try a framing on where the caller brings none: of lengths where something changes, of letters, of any bytes
// and of the framing's own (those of a delimiter or a header); of them only what the framing says it can encode.

import fc from 'fast-check'
import { encode } from './encode.ts'
import type { Framing } from './framing.ts'
import { FramingError } from './framing-error.ts'
import { errorOf } from './law-check.ts'

/** Short ones, and both sides of what one varint byte, a byte and a small block can say. */
const LENGTHS = [0, 1, 2, 3, 5, 8, 17, 40, 60, 125, 126, 127, 128, 129, 255, 256, 257, 300]
/** The longest that is tried where the framing takes one length only. */
const LONGEST = 64 * 1024
const TRIES = 8

const LETTERS = new TextEncoder().encode('abcdefghijklmnopqrstuvwxyz')
const ANY = Uint8Array.from({ length: 256 }, (_, byte) => byte)

export class PayloadCandidates {
  readonly #framing: Framing
  /** A header to encode with, if the framing is tried with one. */
  readonly header: Uint8Array | undefined
  readonly #lengths: readonly number[]
  readonly #alphabets: readonly Uint8Array[]
  /** The bytes the framing puts around a payload, and a letter to part them. */
  readonly ownBytes: Uint8Array

  constructor(framing: Framing, header?: Uint8Array) {
    this.#framing = framing
    this.header = header
    const most = framing.maxFrameLength
    const edges = most <= 300 ? [...LENGTHS, most - 1, most] : LENGTHS
    const lengths = [...new Set(edges)].filter((length) => length <= most && this.#takesLength(length))
    this.#lengths = lengths.length === 0 && most <= LONGEST && this.#takesLength(most) ? [most] : lengths
    this.ownBytes = this.#findOwnBytes()
    this.#alphabets = [LETTERS, ANY, this.ownBytes]
  }

  /** Whether the framing encodes at all. */
  get isEncoding(): boolean {
    return this.#lengths.length > 0
  }

  /** Any payload the framing takes, or undefined where none was found. */
  arbitrary(): fc.Arbitrary<Uint8Array> | undefined {
    const kinds = this.#lengths.flatMap((length) => {
      return this.#alphabets
        .filter((alphabet) => this.#isUsable(length, alphabet))
        .map((alphabet) => ({ length, alphabet }))
    })
    if (kinds.length === 0) return undefined
    return fc
      .constantFrom(...kinds)
      .chain(({ length, alphabet }) => {
        const any = fc.uint8Array({ minLength: length, maxLength: length })
        return any.map((bytes) => bytes.map((byte) => alphabet[byte % alphabet.length] as number))
      })
      .filter((payload) => this.takes(payload))
  }

  /** For each kind of bytes payloads of these lengths, where the framing takes them all. */
  ofLengths(...lengths: number[]): Uint8Array[][] {
    if (!lengths.every((length) => this.#takesLength(length))) return []
    const kinds = this.#alphabets.map((alphabet) => {
      return lengths.flatMap((length) => this.#firstTaken(length, alphabet) ?? [])
    })
    return kinds.filter((payloads) => payloads.length === lengths.length)
  }

  /** A payload of that length, of the first kind of bytes that makes one. */
  ofLength(length: number): Uint8Array | undefined {
    if (!this.#takesLength(length)) return undefined
    for (const alphabet of this.#alphabets) {
      const payload = this.#firstTaken(length, alphabet)
      if (payload !== undefined) return payload
    }
    return undefined
  }

  /** The shortest payload the framing takes, but an empty one. */
  shortest(): Uint8Array | undefined {
    for (const length of this.#lengths) {
      const payload = length === 0 ? undefined : this.ofLength(length)
      if (payload !== undefined) return payload
    }
    return undefined
  }

  /** Payloads whose length the framing takes, but not their bytes. */
  refused(): Uint8Array[] {
    const tries = this.#lengths.flatMap((length) =>
      this.#alphabets.flatMap((alphabet) => this.#tries(length, alphabet)),
    )
    return tries.filter((payload) => !this.takes(payload))
  }

  takes(payload: Uint8Array): boolean {
    return !isRefusal(errorOf(() => encode(this.#framing, payload, this.header)))
  }

  #takesLength(length: number): boolean {
    return !isRefusal(errorOf(() => this.#framing.encodedLength(length, this.header)))
  }

  /** A filter that lets less than half pass would be slow, or without end. */
  #isUsable(length: number, alphabet: Uint8Array): boolean {
    return this.#tries(length, alphabet).filter((payload) => this.takes(payload)).length >= TRIES / 2
  }

  #tries(length: number, alphabet: Uint8Array): Uint8Array[] {
    return Array.from({ length: TRIES }, (_, turn) => mixed(length, alphabet, turn))
  }

  #firstTaken(length: number, alphabet: Uint8Array): Uint8Array | undefined {
    for (let turn = 0; turn < TRIES; turn++) {
      const payload = mixed(length, alphabet, turn)
      if (this.takes(payload)) return payload
    }
    return undefined
  }

  #findOwnBytes(): Uint8Array {
    const letter = LETTERS.subarray(0, 1)
    const payload = this.#lengths.map((length) => mixed(length, letter, 0)).find((each) => this.takes(each))
    let frame: Uint8Array = letter
    errorOf(() => {
      if (payload !== undefined) frame = encode(this.#framing, payload, this.header)
    })
    return Uint8Array.from(new Set([...letter, ...frame]))
  }
}

/** What else is thrown is a fault, for the laws to meet. */
function isRefusal(error: unknown): boolean {
  return error instanceof FramingError && (error.code === 'UNENCODABLE' || error.code === 'FRAME_TOO_LONG')
}

/** Above this many bytes they repeat. */
const BLOCK = 1021

/** Bytes of an alphabet in an order that looks like none, and is the same every time. */
function mixed(length: number, alphabet: Uint8Array, turn: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = length * TRIES + turn
  for (let at = 0; at < Math.min(length, BLOCK); at++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    bytes[at] = alphabet[(state >>> 12) % alphabet.length] as number
  }
  for (let at = BLOCK; at < length; at *= 2) bytes.copyWithin(at, 0, at)
  return bytes
}
