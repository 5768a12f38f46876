// The bytes behind every payload where a protocol has such: AMQP's 0xce, the comma of a netstring. A length that lies is
// found at the frame it stands in, not at some later one.

import { checkBytes, checkRoom, copyInto } from './framing.ts'
import { FramingError } from './framing-error.ts'

export class Trailer {
  readonly #bytes: Uint8Array

  /** Keeps a copy. No bytes are no trailer. */
  constructor(bytes: Uint8Array) {
    checkBytes('trailer', bytes)
    this.#bytes = new Uint8Array(bytes)
  }

  get length(): number {
    return this.#bytes.length
  }

  /** Writes the trailer and returns its end. */
  encodeInto(target: Uint8Array, at: number): number {
    if (this.length === 0) return at
    checkRoom(target, at, this.length)
    copyInto(target, at, this.#bytes)
    return at + this.length
  }

  /** Throws INVALID_HEADER unless the frame `bytes[start, end)` ends with the trailer. */
  expectIn(bytes: Uint8Array, start: number, end: number): void {
    const from = end - this.length
    if (from < start) {
      throw new FramingError('INVALID_HEADER', `frame of ${end - start} bytes without its trailer of ${this.length}`)
    }
    for (let index = 0; index < this.length; index++) {
      if (bytes[from + index] === this.#bytes[index]) continue
      const seen = `byte ${index} of the trailer is ${bytes[from + index]}, not ${this.#bytes[index]}`
      throw new FramingError('INVALID_HEADER', seen)
    }
  }
}
