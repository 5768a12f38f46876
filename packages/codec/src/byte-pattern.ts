// A sequence of bytes to be found in a stream, in linear time for every pattern and every stream (Knuth, Morris, Pratt):
// a peer that sends what almost matches costs no more than one that does not.

export class BytePattern {
  readonly bytes: Uint8Array
  /** For each prefix the length of its longest proper suffix that is a prefix again: where to go on after a mismatch. */
  readonly #fallback: Uint32Array

  constructor(bytes: Uint8Array) {
    this.bytes = new Uint8Array(bytes)
    this.#fallback = new Uint32Array(bytes.length)
    for (let at = 1, state = 0; at < bytes.length; at++) {
      state = this.#next(state, bytes[at] as number)
      this.#fallback[at] = state
    }
  }

  /** The end of the first occurrence that begins at `from` or later and ends at `end` at the latest, or -1. */
  findEnd(bytes: Uint8Array, from: number, end: number): number {
    const first = this.bytes[0] as number
    const length = this.bytes.length
    let state = 0
    for (let at = from; at < end; at++) {
      if (state === 0) {
        at = indexOf(bytes, first, at, end)
        if (at < 0) return -1
      }
      state = this.#next(state, bytes[at] as number)
      if (state === length) return at + 1
    }
    return -1
  }

  /** Whether the bytes in front of `end` are this pattern. */
  endsAt(bytes: Uint8Array, start: number, end: number): boolean {
    const from = end - this.bytes.length
    if (from < start) return false
    for (let index = 0; index < this.bytes.length; index++) if (bytes[from + index] !== this.bytes[index]) return false
    return true
  }

  #next(state: number, byte: number): number {
    let matched = state
    while (matched > 0 && byte !== this.bytes[matched]) matched = this.#fallback[matched - 1] as number
    return byte === this.bytes[matched] ? matched + 1 : 0
  }
}

/** Below this many bytes a loop beats the view that a bounded search needs. */
const SHORT = 32

/** The first `byte` in bytes[from, end), or -1. Looks at nothing behind `end`, where a whole read buffer may follow. */
function indexOf(bytes: Uint8Array, byte: number, from: number, end: number): number {
  if (end === bytes.length) return bytes.indexOf(byte, from)
  if (end - from > SHORT) return bytes.subarray(0, end).indexOf(byte, from)
  for (let at = from; at < end; at++) if (bytes[at] === byte) return at
  return -1
}
