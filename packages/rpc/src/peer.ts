// What people hold in their hands: a peer, the clients made from it, the options of a call, and what a handler is told.

import type { CloseInfo, Endpoint } from '@framewire/transport'
import type { CallerInput, CallerOutput, Contract, DetailsOf, ErrorMap, Method } from './contract.ts'
import type { RpcError } from './rpc-error.ts'

export type { Address, CloseInfo, Endpoint } from '@framewire/transport'

export interface CallOptions {
  /** Ends the call with CANCELLED, here and, through `ctx.signal`, in the handler. */
  signal?: AbortSignal
  /** The call fails with DEADLINE_EXCEEDED after this many ms; the handler is told. Infinity = never. @default 10000 */
  timeoutMs?: number
}

/** What a handler is told about its call. Good as long as the call. */
export interface Ctx<E = ErrorMap> {
  /** Aborts when the caller cancels, the deadline passes or the connection is lost. */
  readonly signal: AbortSignal
  /** When the caller stops waiting, on the clock of `performance.now()`; Infinity = never. */
  readonly deadline: number
  /** Who calls. Calls can be made back to it. */
  readonly peer: Peer
  /** An error of the contract, to be thrown: its code comes from there. */
  error<N extends keyof E & string>(
    name: N,
    ...details: undefined extends DetailsOf<E[N]>
      ? [details?: undefined, message?: string]
      : [details: DetailsOf<E[N]>, message?: string]
  ): RpcError
}

type CallArguments<I> = undefined extends I ? [input?: I, options?: CallOptions] : [input: I, options?: CallOptions]

/** The methods of a contract as functions: a unary call resolves with its reply, a oneway when it is on its way. */
export type Client<M> = {
  readonly [N in keyof M]: M[N] extends Method
    ? (...args: CallArguments<CallerInput<M[N]>>) => Promise<CallerOutput<M[N]>>
    : never
}

export type PeerState = 'connecting' | 'ready' | 'draining' | 'closed'

/** The other end of a connection. Both ends are peers: either may call what the other implements. */
export interface Peer extends AsyncDisposable {
  /** 'connecting' until the other side's HELLO, 'draining' once either side has said that it will go. */
  readonly state: PeerState
  /** Resolves when the connection is over; never rejects. */
  readonly closed: Promise<CloseInfo>
  readonly remote: Endpoint
  /** Functions for the methods of a contract, with `defaults` for every call. */
  client<M>(contract: Contract<M>, defaults?: CallOptions): Client<M>
  /** A unary call in JSON without a contract: for scripts and for services in other languages. */
  call(method: string, input?: unknown, options?: CallOptions): Promise<unknown>
  /**
   * Takes no new calls, lets those under way end, then closes; what is left after `drainMs` (default 30000) fails with
   * UNAVAILABLE.
   */
  close(options?: { drainMs?: number; reason?: string }): Promise<void>
}
