// A contract with its handlers: what a peer offers. Types flow from the contract into the handlers, so none is written.

import { type Codec, json } from './codec.ts'
import {
  type Contract,
  type ErrorMap,
  type ErrorsOf,
  type HandlerInput,
  type HandlerOutput,
  type Kind,
  type KindOf,
  type Method,
  returnsMany,
  sendsMany,
} from './contract.ts'
import type { Ctx } from './peer.ts'
import type { Schema } from './schema.ts'

/** What a handler gets and returns, by the kind of its method. */
type Takes<D> = KindOf<D> extends 'clientStream' | 'bidi' ? AsyncIterable<HandlerInput<D>> : HandlerInput<D>
type Returns<D> =
  KindOf<D> extends 'serverStream' | 'bidi'
    ? AsyncIterable<HandlerOutput<D>>
    : HandlerOutput<D> | Promise<HandlerOutput<D>>

/** The handlers of a contract: one function a method, with the input and the call's context; generators for streams. */
export type Handlers<M> = {
  readonly [N in keyof M]: (input: Takes<M[N]>, ctx: Ctx<ErrorsOf<M[N]>>) => Returns<M[N]>
}

/** One method with its handler, as a peer runs it. */
export interface Handler {
  readonly path: string
  readonly kind: Kind
  readonly sendsMany: boolean
  readonly returnsMany: boolean
  readonly codec: Codec
  readonly input: Schema | undefined
  readonly output: Schema | undefined
  readonly errors: ErrorMap
  readonly run: (input: unknown, ctx: Ctx) => unknown
}

/** What `implement` returns and `serve` and `connect` take. */
export interface Service {
  /** The name of its contract. */
  readonly name: string
  /** Its methods as a peer runs them. */
  readonly handlers: readonly Handler[]
}

/**
 * Joins a contract and its handlers. Throws TypeError when a handler is missing or one too many, so that a mistake in
 * plain JavaScript shows at start and not at the first call.
 */
export function implement<M>(
  contract: Contract<M>,
  // `Handlers<M>` written out, for the messages of the compiler, as in `Peer.client`.
  handlers: NoInfer<{ readonly [N in keyof M]: (input: Takes<M[N]>, ctx: Ctx<ErrorsOf<M[N]>>) => Returns<M[N]> }>,
): Service {
  const methods = contract.methods as Readonly<Record<string, Method>>
  const given = handlers as Readonly<Record<string, unknown>>
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(methods, name)) throw new TypeError(`contract ${contract.name} has no method ${name}`)
  }
  const list = Object.entries(methods).map(([name, { kind, options, path }]): Handler => {
    const run = Object.hasOwn(given, name) ? given[name] : undefined
    if (typeof run !== 'function') throw new TypeError(`${contract.name}.${name} has no handler`)
    return Object.freeze({
      path,
      kind,
      sendsMany: sendsMany(kind),
      returnsMany: returnsMany(kind),
      codec: options.codec ?? json,
      input: options.input,
      output: options.output,
      errors: options.errors ?? {},
      run: (input: unknown, ctx: Ctx) => run.call(handlers, input, ctx) as unknown,
    })
  })
  return { name: contract.name, handlers: list }
}
