// A method as its caller sees it: its name on the wire, and what goes in and comes out.

import type { Codec } from './codec.ts'
import type { Kind } from './contract.ts'
import type { Source } from './outbound.ts'
import { RpcError } from './rpc-error.ts'
import { type Schema, validate } from './schema.ts'

/** A method as its caller needs it. */
export interface OutgoingMethod {
  readonly path: string
  readonly kind: Kind
  readonly codec: Codec
  /** u8 length and name, ready for the wire. */
  readonly name: Uint8Array
  readonly input: Schema | undefined
  readonly output: Schema | undefined
}

/** A method by its name on the wire. Throws RangeError for a name that does not fit u8. */
export function outgoingMethod(
  path: string,
  kind: Kind,
  codec: Codec,
  schemas: { readonly input?: Schema | undefined; readonly output?: Schema | undefined },
): OutgoingMethod {
  const { input, output } = schemas
  const name = Buffer.from(path)
  if (name.length === 0 || name.length > 0xff)
    throw new RangeError(`a method name has 1 to 255 bytes, got ${name.length}`)
  return { path, kind, codec, name: Buffer.concat([Uint8Array.of(name.length), name]), input, output }
}

/** Rejects with INVALID_ARGUMENT, or with what the schema throws. */
export async function checkInput({ input, path }: OutgoingMethod, value: unknown): Promise<void> {
  await validate(input as Schema, value, 'INVALID_ARGUMENT', `input of ${path}`)
}

type Messages = Partial<AsyncIterable<unknown> & Iterable<unknown>>

/** Opens a client's messages. Until then they stay as they were given: a ReadableStream is not locked. */
export function sourceOf({ path, kind }: OutgoingMethod, input: unknown): () => Source {
  const messages = Object(input) as Messages
  const open: unknown = messages[Symbol.asyncIterator] ?? messages[Symbol.iterator]
  if (typeof open === 'function') return () => open.call(messages) as Source
  throw new TypeError(`${path} is a ${kind}: its input is an iterable or an async iterable`)
}

/** A reply as the schema makes it, now or later. Throws or rejects with INTERNAL. */
export function checkReply(method: OutgoingMethod, value: unknown): unknown {
  const { output, path } = method
  if (output === undefined) return value
  const refuse = (error: unknown): never => {
    throw badReply(method, error)
  }
  try {
    const checked = validate(output, value, 'INTERNAL', `reply of ${path}`)
    return checked instanceof Promise ? checked.catch(refuse) : checked
  } catch (error) {
    return refuse(error)
  }
}

/** What is wrong with a reply is the other side's fault, whatever found it. */
export function badReply({ path }: OutgoingMethod, error: unknown): RpcError {
  if (error instanceof RpcError && error.code === 'INTERNAL') return error
  const why = error instanceof Error ? error.message : 'it was refused'
  return new RpcError('INTERNAL', `reply of ${path}: ${why}`, { cause: error })
}
