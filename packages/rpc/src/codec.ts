// How values become message bytes. Two codecs in the core: JSON for everything, raw for bytes as they are.
// Both are strict with what a peer sends; nothing is repaired or dropped silently.

import { RpcError } from './rpc-error.ts'

/** Values to bytes and back. `id` is the encoding number on the wire, 128 to 255 for codecs of your own. */
export interface Codec {
  /** Its number on the wire: 128 to 255 for codecs of your own. */
  readonly id: number
  /** How errors name it. */
  readonly name: string
  /** The bytes of a value; throws for one that it cannot carry, which fails the call. */
  encode(value: unknown): Uint8Array
  /** `bytes` may be kept. */
  decode(bytes: Uint8Array): unknown
}

/**
 * Bytes as they are: encoding 0. Anything but a Uint8Array is refused with INVALID_ARGUMENT. What a call was given must not
 * change until it has settled: it may be sent once more. What a handler has returned must not change at all: what the
 * connection does not take at once leaves later, and is not copied.
 */
export const raw: Codec = Object.freeze({
  id: 0,
  name: 'raw',
  encode(value: unknown): Uint8Array {
    if (value instanceof Uint8Array) return value
    throw new RpcError('INVALID_ARGUMENT', `the raw codec takes a Uint8Array, got ${describe(value)}`)
  },
  decode: (bytes: Uint8Array): Uint8Array => bytes,
})

/** JSON in UTF-8: encoding 1. */
export const json: Codec = Object.freeze({
  id: 1,
  name: 'json',
  encode: (value: unknown): Uint8Array => Buffer.from(stringify(value)),
  decode: (bytes: Uint8Array): unknown => parse(textOf(bytes, 0, bytes.length)),
})

/** The JSON text of a value. INVALID_ARGUMENT for what JSON has no text for. */
export function stringify(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw new RpcError('INVALID_ARGUMENT', `JSON cannot encode this value: ${(error as Error).message}`, {
      cause: error,
    })
  }
  if (text !== undefined) return text
  throw new RpcError('INVALID_ARGUMENT', `JSON has no text for ${describe(value)}`)
}

/** The value of a JSON text. INVALID_ARGUMENT for malformed JSON and for a `__proto__` key (prototype pollution). */
export function parse(text: string): unknown {
  // Any of its characters may come escaped, and all of them are ASCII.
  const isSuspect = text.includes('__proto__') || text.includes('\\u00')
  try {
    return isSuspect ? JSON.parse(text, refuseProto) : JSON.parse(text)
  } catch (error) {
    if (error instanceof RpcError) throw error
    throw new RpcError('INVALID_ARGUMENT', `malformed JSON: ${(error as Error).message}`, { cause: error })
  }
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new RpcError('INVALID_ARGUMENT', 'JSON with a __proto__ key is refused')
  return value
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `bytes[start, end)` as text. Malformed UTF-8 is INVALID_ARGUMENT, never replaced. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8', start, end)
  if (!text.includes('\ufffd')) return text
  try {
    // U+FFFD stands for malformed bytes, unless the sender wrote it: the strict decoder knows.
    return strictDecoder.decode(buffer.subarray(start, end))
  } catch (error) {
    throw new RpcError('INVALID_ARGUMENT', 'malformed UTF-8', { cause: error })
  }
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? `an object (${value.constructor?.name})` : typeof value
}

/** By their encoding numbers: JSON, and those that are given. Throws RangeError for a number that is not theirs to take. */
export function knownCodecs(codecs: readonly Codec[] = []): ReadonlyMap<number, Codec> {
  for (const { id, name } of codecs) {
    if (!Number.isInteger(id) || id < 1 || id > 0xff) throw new RangeError(`codec ${name} has the encoding ${id}`)
  }
  return new Map([json, ...codecs].map((codec) => [codec.id, codec]))
}
