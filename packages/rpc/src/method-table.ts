// The methods a peer offers, found by the bytes of their name without making a string of it.

import type { Handler } from './implement.ts'

interface Entry {
  readonly name: Uint8Array
  readonly handler: Handler
}

export class MethodTable {
  readonly #buckets: Entry[][]
  readonly #mask: number
  #last: Entry | undefined

  /** Throws TypeError when two services offer the same method. */
  constructor(handlers: readonly Handler[]) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, 2 * handlers.length)))
    this.#buckets = Array.from({ length: size }, () => [])
    this.#mask = size - 1
    for (const handler of handlers) {
      const name = Buffer.from(handler.path)
      if (this.find(name, 0, name.length)) throw new TypeError(`method ${handler.path} is implemented twice`)
      this.#buckets[this.#bucket(name, 0, name.length)]?.push({ name, handler })
    }
  }

  find(bytes: Uint8Array, start: number, end: number): Handler | undefined {
    // Calls come in runs: comparing with the method found last is cheaper than hashing.
    const last = this.#last
    if (last !== undefined && equals(last.name, bytes, start, end)) return last.handler
    const bucket = this.#buckets[this.#bucket(bytes, start, end)] as Entry[]
    this.#last = bucket.find(({ name }) => equals(name, bytes, start, end))
    return this.#last?.handler
  }

  #bucket(bytes: Uint8Array, start: number, end: number): number {
    let hash = end - start
    for (let at = start; at < end; at++) hash = (hash * 31 + (bytes[at] as number)) | 0
    return hash & this.#mask
  }
}

function equals(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let index = 0; index < name.length; index++) if (name[index] !== bytes[start + index]) return false
  return true
}
