// Typed functions for the methods of a contract, made once per client; a call allocates nothing here.

import type { Clock } from '@framewire/transport'
import { json } from './codec.ts'
import { type Contract, type Method, returnsMany } from './contract.ts'
import { withTrace } from './diagnostics.ts'
import { type Interceptor, intercept, type Reply } from './interceptor.ts'
import { Meta } from './meta.ts'
import { metaOf, timeoutOf } from './outgoing-call.ts'
import { type OutgoingMethod, outgoingMethod } from './outgoing-method.ts'
import type { CallOptions, Client, MessageStream, Peer } from './peer.ts'
import { SignalWatch } from './signal-watch.ts'

/** Who makes calls. */
export interface Caller {
  call(method: OutgoingMethod, input: unknown, options: CallOptions): Promise<unknown>
  stream(method: OutgoingMethod, input: unknown, options: CallOptions): MessageStream<unknown>
}

/** The client of a contract; `defaults` hold for every call that does not say otherwise. */
export function makeClient<M>(contract: Contract<M>, caller: Caller, defaults: CallOptions): Client<M> {
  const methods = Object.entries(contract.methods as Readonly<Record<string, Method>>)
  const functions = methods.map(([name, definition]) => {
    const { kind, path, options } = definition
    const method = outgoingMethod(path, kind, options.codec ?? json, options)
    const all = (own: CallOptions | undefined): CallOptions => (own === undefined ? defaults : { ...defaults, ...own })
    if (returnsMany(kind)) {
      // A default for calls with one answer says nothing of those that may go on for ever.
      const streamDefaults = { ...defaults }
      delete streamDefaults.timeoutMs
      return [name, (input: unknown, own?: CallOptions) => caller.stream(method, input, { ...streamDefaults, ...own })]
    }
    return [name, (input: unknown, own?: CallOptions) => caller.call(method, input, all(own))]
  })
  return Object.freeze(Object.fromEntries(functions)) as Client<M>
}

/** The same calls with interceptors around each. */
export function interceptedCaller(
  calls: Caller,
  interceptors: readonly Interceptor[],
  peer: Peer,
  clock: Clock,
): Caller {
  const make = async (
    around: readonly Interceptor[],
    method: OutgoingMethod,
    input: unknown,
    options: CallOptions,
  ): Promise<Reply> => {
    const { path, kind } = method
    const { signal, onTrailers } = options
    const deadline = clock.now() + timeoutOf(kind, options, clock)
    const run = intercept(around, async (call) => {
      const trailers = new Meta()
      const inner: CallOptions = {
        ...options,
        ...(call.signal && { signal: call.signal }),
        meta: call.meta,
        timeoutMs: Math.max(Number.MIN_VALUE, call.deadline - clock.now()),
        onTrailers(received) {
          for (const [key, value] of received) trailers.append(key, value)
          return onTrailers?.(received)
        },
      }
      if (returnsMany(kind)) return { output: calls.stream(method, call.input, inner), trailers }
      return { output: await calls.call(method, call.input, inner), trailers }
    })
    return run({ method: path, kind, input, meta: metaOf(options), signal, deadline, peer, values: new Map() })
  }
  const signals = new SignalWatch()
  return {
    call(method, input, options) {
      const around = withTrace(interceptors, true)
      if (around.length === 0) return calls.call(method, input, options)
      return make(around, method, input, options).then(({ output }) => output)
    },
    stream(method, input, options) {
      const around = withTrace(interceptors, true)
      if (around.length === 0) return calls.stream(method, input, options)
      return new LateStream((signal) => make(around, method, input, { ...options, signal }), signals, options)
    },
  }
}

/** A stream that interceptors have yet to give. Leaving it ends them, too. */
class LateStream implements MessageStream<unknown> {
  readonly #open: () => Promise<MessageStream<unknown>>
  readonly #unwatch: () => void
  readonly #ends = new AbortController()
  #isLeft = false
  #stream: Promise<MessageStream<unknown>> | undefined

  constructor(make: (signal: AbortSignal) => Promise<Reply>, signals: SignalWatch, { signal }: CallOptions) {
    this.#unwatch = () => signal && signals.delete(signal, this)
    this.#open = async () => {
      // Not AbortSignal.any: a signal that outlives many streams keeps something of each (nodejs/node#55351).
      if (signal?.aborted) this.abort(signal.reason)
      else if (signal !== undefined) signals.add(signal, this)
      const { output } = await make(this.#ends.signal)
      const messages = output as AsyncIterable<unknown>
      return messages[Symbol.asyncIterator]() as MessageStream<unknown>
    }
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    const done = { done: true, value: undefined } as const
    if (this.#isLeft) return done
    this.#stream ??= this.#open()
    try {
      const result = await (await this.#stream).next()
      if (result.done === true) this.#unwatch()
      return result
    } catch (error) {
      if (this.#isLeft) return done
      this.#leave()
      throw error
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#leave()
    const stream = await this.#stream?.catch(() => undefined)
    await stream?.return?.(undefined)
    return { done: true, value: undefined }
  }

  /** Its signal has aborted. */
  abort(reason?: unknown): void {
    this.#ends.abort(reason)
  }

  #leave(): void {
    this.#isLeft = true
    this.#unwatch()
    this.abort()
  }

  async throw(error: unknown): Promise<never> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}
