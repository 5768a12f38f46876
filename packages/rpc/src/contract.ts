// What two ends agree on: names, kinds, types and errors of methods, in plain TypeScript, shared by both. No code is
// generated; a contract is a value, and the types of clients and handlers are derived from it.

import type { Codec } from './codec.ts'
import type { Code } from './rpc-error.ts'
import type { Schema } from './schema.ts'

/** Who sends how many messages: one each, one and none, one and many, many and one, many and many. */
export type Kind = 'unary' | 'oneway' | 'serverStream' | 'clientStream' | 'bidi'

/** A value on both sides of its schema: what is put `in`, what comes `out`. The same type where there is no schema. */
interface Shape {
  in: unknown
  out: unknown
}
type Plain<T> = { in: T; out: T }
type Validated<S> = S extends Schema<infer In, infer Out> ? { in: In; out: Out } : Plain<unknown>

/** One of the errors a method may answer with. */
export interface ErrorSpec<S extends Schema = Schema> {
  /** The code under which it travels. */
  code: Code
  /** The type of the details that travel with it. `type<T>()` for a type without validation. */
  details?: S
}
/** The errors of a method, by name. */
export type ErrorMap = Readonly<Record<string, ErrorSpec>>

/** Options of a method: its errors, its encoding, whether it may be called twice. */
export interface MethodOptions<E extends ErrorMap = ErrorMap> {
  /** The errors it may answer with, by name. */
  errors?: E
  /** How its messages are encoded. @default json */
  codec?: Codec
  /** May be called twice without harm. @default false */
  idempotent?: boolean
}

/** A method of a contract. `I` and `O` are type-level only. */
export interface Method<K extends Kind = Kind, I extends Shape = Shape, O extends Shape = Shape, E = ErrorMap> {
  /** Who sends how many messages. */
  readonly kind: K
  /** What it was made with. */
  readonly options: MethodOptions & { readonly input?: Schema; readonly output?: Schema }
  /** Type-level only, never there at run time. */
  readonly '~types'?: { input: I; output: O; errors: E }
  /** `service.method`, set when it becomes part of a contract. */
  readonly path: string
}

/** Whether the caller sends a stream of messages. */
export function sendsMany(kind: Kind): boolean {
  return kind === 'clientStream' || kind === 'bidi'
}

/** Whether the handler does. */
export function returnsMany(kind: Kind): boolean {
  return kind === 'serverStream' || kind === 'bidi'
}

/** A mapped type, because messages of the compiler show it by its name. */
type NoErrors = { readonly [N in never]: ErrorSpec }

/** One request, one reply: `unary<In, Out>()`, or with schemas `unary({ input, output, errors })`. */
export function unary<In, Out>(options?: MethodOptions<NoErrors>): Method<'unary', Plain<In>, Plain<Out>, NoErrors>
export function unary<I extends Schema, O extends Schema, E extends ErrorMap = NoErrors>(
  options: MethodOptions<E> & { input: I; output: O },
): Method<'unary', Validated<I>, Validated<O>, E>
export function unary(options: Method['options'] = {}): Method<'unary'> {
  return { kind: 'unary', options, path: '' }
}

/** One request, a stream of replies: `serverStream<In, Out>()`, or with schemas, of which `output` checks each message. */
export function serverStream<In, Out>(
  options?: MethodOptions<NoErrors>,
): Method<'serverStream', Plain<In>, Plain<Out>, NoErrors>
export function serverStream<I extends Schema, O extends Schema, E extends ErrorMap = NoErrors>(
  options: MethodOptions<E> & { input: I; output: O },
): Method<'serverStream', Validated<I>, Validated<O>, E>
export function serverStream(options: Method['options'] = {}): Method<'serverStream'> {
  return { kind: 'serverStream', options, path: '' }
}

/** A stream of requests, one reply: `clientStream<In, Out>()`, or with schemas, of which `input` checks each message. */
export function clientStream<In, Out>(
  options?: MethodOptions<NoErrors>,
): Method<'clientStream', Plain<In>, Plain<Out>, NoErrors>
export function clientStream<I extends Schema, O extends Schema, E extends ErrorMap = NoErrors>(
  options: MethodOptions<E> & { input: I; output: O },
): Method<'clientStream', Validated<I>, Validated<O>, E>
export function clientStream(options: Method['options'] = {}): Method<'clientStream'> {
  return { kind: 'clientStream', options, path: '' }
}

/** A stream in each direction: `bidi<In, Out>()`, or with schemas, which check each message. */
export function bidi<In, Out>(options?: MethodOptions<NoErrors>): Method<'bidi', Plain<In>, Plain<Out>, NoErrors>
export function bidi<I extends Schema, O extends Schema, E extends ErrorMap = NoErrors>(
  options: MethodOptions<E> & { input: I; output: O },
): Method<'bidi', Validated<I>, Validated<O>, E>
export function bidi(options: Method['options'] = {}): Method<'bidi'> {
  return { kind: 'bidi', options, path: '' }
}

/** A request without a reply of any kind: `oneway<In>()`, or with a schema `oneway({ input })`. */
export function oneway<In>(
  options?: Omit<MethodOptions<NoErrors>, 'errors'>,
): Method<'oneway', Plain<In>, Plain<void>, NoErrors>
export function oneway<I extends Schema>(
  options: Omit<MethodOptions<NoErrors>, 'errors'> & { input: I },
): Method<'oneway', Validated<I>, Plain<void>, NoErrors>
export function oneway(options: Method['options'] = {}): Method<'oneway'> {
  return { kind: 'oneway', options, path: '' }
}

/** A named set of methods. */
export interface Contract<M = unknown> {
  /** The name of the service: the first part of what its methods are called on the wire. */
  readonly name: string
  /** Its methods by name: `isError(error, users.methods.get, ...)`. */
  readonly methods: M
}

/** `^[A-Za-z_][\w.]{0,254}$` and none of the names that mean something to JavaScript objects (CVE-2020-7768). */
const NAME = /^[A-Za-z_][\w.]{0,254}$/
const REFUSED = new Set(['__proto__', 'constructor', 'prototype', 'then', 'toJSON'])

/** Makes a contract. Throws TypeError for names that could not be called safely. */
export function contract<const M extends Record<string, Method<Kind, Shape, Shape, unknown>>>(
  name: string,
  methods: M,
): Contract<M> {
  checkName(name)
  const named = Object.entries(methods).map(([method, definition]) => {
    checkName(method)
    return [method, Object.freeze({ ...definition, path: checkName(`${name}.${method}`) })]
  })
  return Object.freeze({ name, methods: Object.freeze(Object.fromEntries(named)) as M })
}

function checkName(name: string): string {
  const parts = name.split('.')
  if (NAME.test(name) && !parts.some((part) => REFUSED.has(part))) return name
  throw new TypeError(`${JSON.stringify(name)} cannot name a service or method`)
}

export type KindOf<D> = D extends Method<infer K, infer _I, infer _O, infer _E> ? K : never
type InputOf<D> = D extends Method<infer _K, infer I, infer _O, infer _E> ? I : never
type OutputOf<D> = D extends Method<infer _K, infer _I, infer O, infer _E> ? O : never

/** The errors that a method may answer with. */
export type ErrorsOf<D> = D extends Method<infer _K, infer _I, infer _O, infer E> ? E : never
/** The type of the details of one of them. */
export type DetailsOf<S> = S extends { details: Schema<infer _In, infer Out> } ? Out : undefined
/** What the caller passes, what the handler gets, what the handler returns, what the caller gets. */
export type CallerInput<D> = InputOf<D>['in']
export type HandlerInput<D> = InputOf<D>['out']
export type HandlerOutput<D> = OutputOf<D>['in']
export type CallerOutput<D> = OutputOf<D>['out']
