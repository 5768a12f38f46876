// Typed functions for the methods of a contract, made once per client; a call allocates nothing here.

import { type Codec, json } from './codec.ts'
import type { Contract, Method } from './contract.ts'
import type { OutgoingMethod } from './outgoing-calls.ts'
import type { CallOptions, Client } from './peer.ts'

type MakeCall = (method: OutgoingMethod, input: unknown, options: CallOptions) => Promise<unknown>

/** The client of a contract; `defaults` hold for every call that does not say otherwise. */
export function makeClient<M>(contract: Contract<M>, call: MakeCall, defaults: CallOptions): Client<M> {
  const methods = Object.entries(contract.methods as Readonly<Record<string, Method>>)
  const functions = methods.map(([name, definition]) => {
    const { kind, path, options } = definition
    const method = outgoingMethod(path, kind, options.codec ?? json, options)
    const run = (input: unknown, own?: CallOptions): Promise<unknown> => {
      return call(method, input, own === undefined ? defaults : { ...defaults, ...own })
    }
    return [name, run] as const
  })
  return Object.freeze(Object.fromEntries(functions)) as Client<M>
}

/** A method by its name on the wire. Throws RangeError for a name that does not fit u8. */
export function outgoingMethod(
  path: string,
  kind: Method['kind'],
  codec: Codec,
  schemas: Pick<Method['options'], 'input' | 'output'>,
): OutgoingMethod {
  const { input, output } = schemas
  const name = Buffer.from(path)
  if (name.length === 0 || name.length > 0xff)
    throw new RangeError(`a method name has 1 to 255 bytes, got ${name.length}`)
  return { path, kind, codec, name: Buffer.concat([Uint8Array.of(name.length), name]), input, output }
}
