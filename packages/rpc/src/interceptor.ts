// What stands around every call of a peer, made there or served: logging, authentication, timing, retries.

import type { Kind } from './contract.ts'
import type { Meta } from './meta.ts'
import type { Peer } from './peer.ts'

/** A call on its way in or out, before its message is encoded or after it was decoded. */
export interface Call {
  /** `service.method` */
  readonly method: string
  /** Who sends how many messages. */
  readonly kind: Kind
  /** The message; for client streams and bidi an AsyncIterable of them. */
  readonly input: unknown
  /** What travels with it. Where the call is made, it can still be changed. */
  readonly meta: Meta
  /** Aborts when the caller gives up; undefined where it cannot. */
  readonly signal: AbortSignal | undefined
  /** On the clock of `performance.now()`; Infinity = none. */
  readonly deadline: number
  /** The other end. */
  readonly peer: Peer
  /** For those further in; in the handler it is `ctx.values`. */
  readonly values: Map<unknown, unknown>
}

/** What comes back for a call. */
export interface Reply {
  /** The message; for server streams and bidi an AsyncIterable of them. */
  readonly output: unknown
  /** What travels back with it. Of a stream, complete when that has ended. */
  readonly trailers: Meta
}

/** `next` makes the call, or runs the handler. The first of a list is the outermost. */
export type Interceptor = (call: Call, next: (call: Call) => Promise<Reply>) => Promise<Reply>

/** The interceptors around `last` as one function. */
export function intercept(
  interceptors: readonly Interceptor[],
  last: (call: Call) => Promise<Reply>,
): (call: Call) => Promise<Reply> {
  return interceptors.reduceRight<(call: Call) => Promise<Reply>>(
    (next, interceptor) => async (call) => interceptor(call, next),
    last,
  )
}
