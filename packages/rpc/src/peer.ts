// What people hold in their hands: a peer, the clients made from it, the options of a call, and what a handler is told.

import type { CloseInfo, Endpoint, TlsInfo } from '@framewire/transport'
import type { CallerInput, CallerOutput, Contract, DetailsOf, ErrorMap, KindOf } from './contract.ts'
import type { Meta, MetaInit } from './meta.ts'
import type { RpcError } from './rpc-error.ts'

export type { Address, CloseInfo, Endpoint, TlsInfo } from '@framewire/transport'

/** Options of one call: time, cancellation, metadata. */
export interface CallOptions {
  /** Ends the call with CANCELLED, here and, through `ctx.signal`, in the handler. */
  signal?: AbortSignal
  /**
   * The call fails with DEADLINE_EXCEEDED after this many ms; the handler is told. Infinity = never.
   * @default 10000, none for server streams and bidi
   */
  timeoutMs?: number
  /** The call that this one is made for: it ends when that is given up, has no more time, and belongs to the same trace. */
  ctx?: Pick<Ctx, 'signal' | 'deadline' | 'meta'>
  /**
   * Waits for a connection as long as the call has time. Without it, a call waits while one is being made, and fails with
   * UNAVAILABLE, surely not processed, once every address has failed. No meaning on a single connection. @default false
   */
  waitForReady?: boolean
  /** Metadata for the handler. */
  meta?: MetaInit
  /** Gets the metadata that came with the end of the call, before the call settles. Empty if none came. */
  onTrailers?(trailers: Meta): void
}

/** What a handler is told about its call. Good as long as the call. */
export interface Ctx<E = ErrorMap> {
  /** Aborts when the caller cancels, the deadline passes or the connection is lost. */
  readonly signal: AbortSignal
  /** When the caller stops waiting, on the clock of `performance.now()`; Infinity = never. */
  readonly deadline: number
  /** What the caller sent beside its message. */
  readonly meta: Meta
  /** What goes to the caller with the end of the call: fill it in. */
  readonly trailers: Meta
  /** Who calls. Calls can be made back to it. */
  readonly peer: Peer
  /** From interceptors to the handler. */
  readonly values: Map<unknown, unknown>
  /** An error of the contract, to be thrown: its code comes from there. */
  error<N extends keyof E & string>(
    name: N,
    ...details: undefined extends DetailsOf<E[N]>
      ? [details?: undefined, message?: string]
      : [details: DetailsOf<E[N]>, message?: string]
  ): RpcError
}

type CallArguments<I> = undefined extends I ? [input?: I, options?: CallOptions] : [input: I, options?: CallOptions]

/** What a caller passes and gets, by the kind of the method. */
type Passes<D> =
  KindOf<D> extends 'clientStream' | 'bidi'
    ? [input: AsyncIterable<CallerInput<D>> | Iterable<CallerInput<D>>, options?: CallOptions]
    : CallArguments<CallerInput<D>>
type Gets<D> = KindOf<D> extends 'serverStream' | 'bidi' ? MessageStream<CallerOutput<D>> : Promise<CallerOutput<D>>

/** Messages from the other side, pulled: the call is made at the first `next`, and cancelled by leaving the loop. */
export type MessageStream<T> = AsyncGenerator<T, undefined, undefined>

/**
 * The methods of a contract as functions: a unary call and a client stream resolve with the reply, a oneway when it is
 * on its way; a server stream and bidi give the replies to `for await`.
 */
export type Client<M> = { readonly [N in keyof M]: (...args: Passes<M[N]>) => Gets<M[N]> }

/** The client of a contract, by the type of the contract: `ClientOf<typeof users>`. */
export type ClientOf<C> = C extends Contract<infer M> ? Client<M> : never

/** 'connecting' before there is a connection, 'draining' when no new call is taken, 'closed' for good. */
export type PeerState = 'connecting' | 'ready' | 'draining' | 'closed'

/** The other end of a connection. Both ends are peers: either may call what the other implements. */
export interface Peer extends AsyncDisposable {
  /** 'connecting' until the other side's HELLO, 'draining' once either side has said that it will go. */
  readonly state: PeerState
  /** Resolves when the connection is over; never rejects. */
  readonly closed: Promise<CloseInfo>
  /** Where the other end is. */
  readonly remote: Endpoint
  /** What TLS knows of the other end, its certificate among it; undefined without TLS. */
  readonly tls: TlsInfo | undefined
  /** Functions for the methods of a contract, with `defaults` for every call. */
  // `Client<M>` written out: in a compiler's message the name would show what M is, and not the functions.
  client<M>(
    contract: Contract<M>,
    defaults?: CallOptions,
  ): { readonly [N in keyof M]: (...args: Passes<M[N]>) => Gets<M[N]> }
  /** A unary call in JSON without a contract: for scripts and for services in other languages. */
  call(method: string, input?: unknown, options?: CallOptions): Promise<unknown>
  /** How long a PING takes to the other side and back, in ms. Rejects with UNAVAILABLE, or RESOURCE_EXHAUSTED if asked too often. */
  ping(): Promise<number>
  /**
   * Takes no new calls, lets those under way end and the other side read what it was sent, then closes; what is left after
   * `drainMs` (default 30000) fails with UNAVAILABLE. Takes 1 s more at most.
   */
  close(options?: { drainMs?: number; reason?: string }): Promise<void>
}
