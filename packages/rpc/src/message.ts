// A message between its value and its bytes. JSON stays text until it is written into the slab, and is read where it
// lies: the two copies a codec of its own would make are the larger part of a small call.

import { type Codec, json, parse, raw, stringify, textOf } from './codec.ts'
import { RpcError } from './rpc-error.ts'

/** A message ready to be written; undefined = no message. */
export type Message = string | Uint8Array | undefined

/** What copies a message that the application keeps: the connection, or the buffer it waited in. */
export interface Keeper {
  keep(bytes: Uint8Array, start: number, end: number): Uint8Array
}

/** A value in the form it is written from. Throws what the codec throws. */
export function toMessage(codec: Codec, value: unknown): Message {
  if (value === undefined) return undefined
  return codec === json ? stringify(value) : codec.encode(value)
}

/** A message as its value, or INVALID_ARGUMENT, whatever the codec throws. Only what the application keeps is copied. */
export function decodeMessage(keeper: Keeper, codec: Codec, bytes: Uint8Array, start: number, end: number): unknown {
  if (codec === json) return parse(textOf(bytes, start, end))
  const message = keeper.keep(bytes, start, end)
  if (codec === raw) return message
  try {
    return codec.decode(message)
  } catch (error) {
    if (error instanceof RpcError) throw error
    throw new RpcError('INVALID_ARGUMENT', `malformed ${codec.name}`, { cause: error })
  }
}

/** The bytes of a message, no copy of them: raw ones are the application's, and stay as they are until they have left. */
export function bytesOf(message: string | Uint8Array): Uint8Array {
  return typeof message === 'string' ? Buffer.from(message) : message
}
