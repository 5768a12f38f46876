// A peer that outlives its connections. It has one connection that new calls are made on, or makes one; those it has left
// end when the last call on them does. Invariant: a connection gets calls from the other side's HELLO until one side says
// GOAWAY, never before and never after, so a call is at the other side or surely not.
//
//   connecting <--lost, GOAWAY, HELLO--> ready        any --close()--> draining --> closed

import type {
  Clock,
  CloseInfo,
  Connection,
  Endpoint,
  Reconnector,
  ReconnectorCloseInfo,
  TlsInfo,
  TransportError,
} from '@framewire/transport'
import { type Caller, interceptedCaller, makeClient } from './client.ts'
import { json } from './codec.ts'
import type { Contract } from './contract.ts'
import { checkDrainMs } from './drain-wait.ts'
import type { OutgoingCall } from './outgoing-call.ts'
import { outgoingMethod } from './outgoing-method.ts'
import type { CallOptions, Client, Peer, PeerState } from './peer.ts'
import { PeerCalls } from './peer-calls.ts'
import { RpcConnection } from './rpc-connection.ts'
import type { ConnectionOwner, RpcConnectionOptions } from './rpc-connection-options.ts'
import { RpcError } from './rpc-error.ts'
import type { GoawayReason } from './wire.ts'

export interface ReconnectingPeerOptions extends Omit<RpcConnectionOptions, 'owner' | 'clock'> {
  clock: Clock
  /** How many addresses there are: once each has failed, calls do not wait any more. */
  addresses: number
  /** What it is connected to, before there is a connection. */
  target: Endpoint
}

const DEFAULT_DRAIN_MS = 30_000
/** Refusals that another attempt does not change. */
const LASTING: readonly GoawayReason[] = ['unauthenticated', 'unsupported version']

export class ReconnectingPeer implements Peer {
  readonly closed: Promise<CloseInfo>
  readonly #options: ReconnectingPeerOptions
  readonly #reconnector: Reconnector
  readonly #calls: PeerCalls
  readonly #caller: Caller
  readonly #connections = new Set<RpcConnection>()
  readonly #unused = new Set<RpcConnection>() // no HELLO yet
  #current: RpcConnection | undefined
  #latest: RpcConnection | undefined // the one that the reconnector keeps
  #isLeaving = false
  #isFirst = true // of the connections
  #failures = 0 // since the last connection that could be used
  #firstFailure: (error: RpcError) => void = () => {}
  #firstReady: () => void = () => {}
  #resolveClosed: (info: CloseInfo) => void = () => {}
  #lastInfo: CloseInfo = { initiator: 'local', error: undefined, unsentBytes: 0 }
  #state: 'open' | 'closed' = 'open'
  #remote: Endpoint

  constructor(reconnector: Reconnector, options: ReconnectingPeerOptions) {
    this.#reconnector = reconnector
    this.#options = options
    this.#remote = options.target
    this.#calls = new PeerCalls(options.clock, options.limits)
    this.#caller = interceptedCaller(this.#calls, options.interceptors ?? [], this, options.clock)
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    reconnector.on('connect', (connection) => this.#onConnection(connection))
    reconnector.on('failure', (error) => this.#onFailure(error))
    reconnector.on('close', (info) => this.#onGivenUp(info))
  }

  get state(): PeerState {
    if (this.#state === 'closed') return 'closed'
    if (this.#isLeaving) return 'draining'
    return this.#current === undefined ? 'connecting' : 'ready'
  }

  get remote(): Endpoint {
    return this.#remote
  }

  get tls(): TlsInfo | undefined {
    return this.#current?.tls
  }

  /** Resolves with the first HELLO; rejects when it is closed before, and once every address has failed if that ends calls. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#firstReady = resolve
      this.#firstFailure = reject
    })
  }

  client<M>(contract: Contract<M>, defaults: CallOptions = {}): Client<M> {
    return makeClient(contract, this.#caller, { ...this.#options.defaults, ...defaults })
  }

  async call(method: string, input?: unknown, options: CallOptions = {}): Promise<unknown> {
    const target = outgoingMethod(method, 'unary', json, {})
    return this.#caller.call(target, input, { ...this.#options.defaults, ...options })
  }

  async ping(): Promise<number> {
    if (this.#current !== undefined) return this.#current.ping()
    throw new RpcError('UNAVAILABLE', 'there is no connection', { notProcessed: true })
  }

  async close({ drainMs = DEFAULT_DRAIN_MS, reason = '' }: { drainMs?: number; reason?: string } = {}): Promise<void> {
    checkDrainMs(drainMs, reason)
    this.#leave(reason || 'this side closes')
    if (this.#reconnector.state !== 'ready') void this.#reconnector.close()
    await Promise.all([...this.#connections].map((connection) => connection.close({ drainMs, reason })))
    await this.#reconnector.close()
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #leave(why: string, error?: RpcError): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.#current = undefined
    const refusal = error ?? new RpcError('UNAVAILABLE', `the peer is closed (${why})`, { notProcessed: true })
    this.#calls.refuse(refusal)
    this.#firstFailure(refusal)
  }

  #onConnection(connection: Connection): void {
    if (this.#isLeaving) return connection.destroy()
    let made: RpcConnection | undefined
    const owner: ConnectionOwner = {
      memory: this.#calls.memory,
      onReady: () => this.#onReady(made as RpcConnection),
      onIdsLow: () => this.#renew(made as RpcConnection, true),
      onUnusable: () => this.#onUnusable(made as RpcConnection),
      onGoaway: (reason, error) => this.#onGoaway(made as RpcConnection, reason, error),
      handOver: (call: OutgoingCall) => this.#calls.handOver(call),
    }
    const firstId = this.#isFirst ? this.#options.firstId : undefined
    this.#isFirst = false
    const rpc = new RpcConnection(connection, { ...this.#options, firstId, owner })
    made = rpc
    this.#latest = rpc
    this.#connections.add(rpc)
    this.#unused.add(rpc)
    void rpc.closed.then((info) => this.#onLost(rpc, info))
  }

  #onReady(rpc: RpcConnection): void {
    this.#failures = 0
    this.#unused.delete(rpc)
    this.#current = rpc
    this.#remote = rpc.remote
    this.#calls.use(rpc.calls)
    this.#firstReady()
    const reason = 'another connection took over'
    for (const old of this.#connections) {
      if (old !== rpc && old.state === 'ready') void old.close({ drainMs: Number.POSITIVE_INFINITY, reason })
    }
  }

  #onUnusable(rpc: RpcConnection): void {
    if (this.#current !== rpc) return
    this.#current = undefined
    this.#calls.use(undefined)
  }

  /** Another connection is made; this one is used until that is ready. */
  #renew(rpc: RpcConnection, wasGood: boolean): void {
    if (this.#isLeaving || this.#latest !== rpc) return
    this.#latest = undefined
    this.#reconnector.renew({ wasGood })
  }

  #onGoaway(rpc: RpcConnection, reason: GoawayReason, error: RpcError): void {
    if (this.#isLeaving) return
    if (LASTING.includes(reason)) {
      this.#leave(reason, error)
      void this.close({ drainMs: 0 })
      return
    }
    this.#renew(rpc, reason === 'drain')
    void rpc.close({ drainMs: Number.POSITIVE_INFINITY })
  }

  #onLost(rpc: RpcConnection, info: CloseInfo): void {
    this.#connections.delete(rpc)
    this.#lastInfo = info
    // Lost before its HELLO: as good as never made.
    if (!this.#unused.delete(rpc) || this.#isLeaving) return
    this.#countFailure('the connection ended before it could be used', info.error)
  }

  #onFailure(error: TransportError): void {
    this.#countFailure(error.message, error)
  }

  #countFailure(text: string, cause: TransportError | undefined): void {
    if (this.#current !== undefined || ++this.#failures < this.#options.addresses) return
    const error = new RpcError('UNAVAILABLE', text, { notProcessed: true, cause })
    this.#calls.fail(error)
    if (this.#options.defaults.waitForReady !== true) this.#firstFailure(error)
  }

  /** The reconnector has ended: by `close`, or because trying again is of no use. */
  #onGivenUp({ error }: ReconnectorCloseInfo): void {
    const text = `gave up connecting: ${error?.message ?? 'closed'}`
    this.#leave(text, new RpcError('UNAVAILABLE', text, { notProcessed: true, cause: error }))
    const rest = [...this.#connections].map(({ closed }) => closed)
    void Promise.all(rest).then(() => {
      this.#state = 'closed'
      this.#resolveClosed({ ...this.#lastInfo, error: error ?? this.#lastInfo.error })
    })
  }
}
