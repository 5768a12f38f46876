// Metadata: what travels beside the messages of a call, or with HELLO. Short keys with texts or bytes, in order, doubles
// kept. What a peer sent is checked when it comes and decoded when somebody looks.

import { ProtocolError } from './protocol-error.ts'
import { readU16, writeU16 } from './wire.ts'

/** Where metadata can be made from. Texts are UTF-8. */
export type MetaInit =
  | Readonly<Record<string, string | Uint8Array>>
  | Iterable<readonly [key: string, value: string | Uint8Array]>

const MAX_META_BYTES = 8 * 1024
const MAX_META_ENTRIES = 64
const KEY = /^[a-z0-9._-]{1,255}$/
const ENTRY_FIXED = 3 // u8 keyLen, u16 valLen
const RESERVED = 0x3a // keys that begin with ':' are the protocol's

/**
 * Keys `a-z 0-9 . _ -` with texts or bytes; at most 64 entries and 8 KiB as encoded. Whatever would break that throws
 * TypeError (a key) or RangeError (the limits).
 */
export class Meta implements Iterable<[key: string, value: Uint8Array]> {
  #entries: [key: string, value: Uint8Array][] = []
  #received: Uint8Array | undefined
  #length = 0

  constructor(init: MetaInit = []) {
    const entries = Symbol.iterator in init ? (init as Iterable<[string, string]>) : Object.entries(init)
    for (const [key, value] of entries) this.append(key, value)
  }

  /** Metadata as a peer sent it. `bytes` passed `checkMeta` and are not changed any more. */
  static received(bytes: Uint8Array): Meta {
    const meta = new Meta()
    meta.#received = bytes
    return meta
  }

  /** How many entries there are; a key with two values is two. */
  get size(): number {
    return this.#decoded().length
  }

  /** The first value of the key as text. */
  get(key: string): string | undefined {
    const bytes = this.getBytes(key)
    return bytes === undefined ? undefined : Buffer.from(bytes).toString()
  }

  /** The first value of the key. */
  getBytes(key: string): Uint8Array | undefined {
    return this.#decoded().find(([name]) => name === key)?.[1]
  }

  /** All values of the key as texts. */
  getAll(key: string): string[] {
    return this.#decoded().flatMap(([name, value]) => (name === key ? [Buffer.from(value).toString()] : []))
  }

  /** Adds a value; those that are there stay. */
  append(key: string, value: string | Uint8Array): this {
    const entries = this.#decoded()
    if (typeof key !== 'string' || !KEY.test(key))
      throw new TypeError(`metadata key ${JSON.stringify(key)} does not match ${String(KEY)}`)
    const bytes = Buffer.from(value)
    const length = this.#length + ENTRY_FIXED + key.length + bytes.length
    if (entries.length >= MAX_META_ENTRIES) throw new RangeError(`metadata has at most ${MAX_META_ENTRIES} entries`)
    if (length > MAX_META_BYTES) throw new RangeError(`metadata of ${length} bytes, the limit is ${MAX_META_BYTES}`)
    this.#length = length
    entries.push([key, bytes])
    return this
  }

  /** Puts a value in place of all that the key has. */
  set(key: string, value: string | Uint8Array): this {
    return this.delete(key).append(key, value)
  }

  /** Removes all values of a key. */
  delete(key: string): this {
    this.#entries = this.#decoded().filter(([name]) => name !== key)
    this.#length = this.#entries.reduce((sum, [name, value]) => sum + ENTRY_FIXED + name.length + value.length, 0)
    return this
  }

  [Symbol.iterator](): Iterator<[key: string, value: Uint8Array]> {
    return this.#decoded().values()
  }

  #decoded(): [key: string, value: Uint8Array][] {
    const bytes = this.#received
    this.#received = undefined
    for (let at = 0; bytes !== undefined && at < bytes.length; ) {
      const valueAt = at + ENTRY_FIXED + (bytes[at] as number)
      const end = valueAt + readU16(bytes, valueAt - 2)
      const key = Buffer.from(bytes.subarray(at + 1, valueAt - 2)).toString('latin1')
      if (bytes[at + 1] !== RESERVED) this.append(key, bytes.subarray(valueAt, end))
      at = end
    }
    return this.#entries
  }

  /** (u8 keyLen, key, u16 valLen, value)*, or undefined if there is nothing. */
  encode(): Uint8Array | undefined {
    if (this.#received === undefined && this.#entries.length === 0) return undefined
    const entries = this.#decoded()
    const bytes = new Uint8Array(this.#length)
    let at = 0
    for (const [key, value] of entries) {
      bytes[at] = key.length
      Buffer.from(bytes.buffer).write(key, at + 1, 'latin1')
      at += ENTRY_FIXED + key.length
      writeU16(bytes, at - 2, value.length)
      bytes.set(value, at)
      at += value.length
    }
    return bytes
  }
}

/** Throws a ProtocolError for `bytes[start, end)` that are no metadata; allocates nothing. */
export function checkMeta(bytes: Uint8Array, start: number, end: number): void {
  const fail = (what: string): never => {
    throw new ProtocolError('protocol error', `metadata ${what}`)
  }
  if (end - start > MAX_META_BYTES) fail(`of ${end - start} bytes, the limit is ${MAX_META_BYTES}`)
  let count = 0
  for (let at = start; at < end; ) {
    const valueAt = at + ENTRY_FIXED + (bytes[at] as number)
    if (valueAt > end || valueAt + readU16(bytes, valueAt - 2) > end) fail('is shorter than its own fields say')
    if (++count > MAX_META_ENTRIES) fail(`has more than ${MAX_META_ENTRIES} entries`)
    for (let index = at + 1; index < valueAt - 2; index++) {
      const isFirst = index === at + 1
      if (!isKeyByte(bytes[index] as number) && !(isFirst && bytes[index] === RESERVED)) fail('has a malformed key')
    }
    if (bytes[at] === 0) fail('has a malformed key')
    at = valueAt + readU16(bytes, valueAt - 2)
  }
}

/** a-z, 0-9, '.', '_', '-' */
function isKeyByte(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || [0x2d, 0x2e, 0x5f].includes(byte)
}
