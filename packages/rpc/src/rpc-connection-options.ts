// What one connection with calls is told by who made it, and what it tells who outlives it.

import type { Clock } from '@framewire/transport'
import type { Authenticate } from './authentication.ts'
import type { Codec } from './codec.ts'
import type { OnError } from './error-report.ts'
import type { Interceptor } from './interceptor.ts'
import type { Limits } from './limits.ts'
import type { Memory } from './message-buffer.ts'
import type { Meta } from './meta.ts'
import type { MethodTable } from './method-table.ts'
import type { OutgoingCall } from './outgoing-call.ts'
import type { CallOptions } from './peer.ts'
import type { RpcError } from './rpc-error.ts'
import type { GoawayReason } from './wire.ts'

export interface RpcConnectionOptions {
  /** The side that connected uses odd stream ids, the other even ones. */
  isConnecting: boolean
  methods: MethodTable
  limits: Required<Limits>
  /** Defaults for the calls made here. */
  defaults: CallOptions
  onError: OnError
  interceptors?: readonly Interceptor[] | undefined
  /** By their encoding numbers. */
  codecs?: ReadonlyMap<number, Codec> | undefined
  /** Metadata of our HELLO. */
  hello?: Meta | undefined
  /** Whether the peer may call here, by the metadata of its HELLO. */
  authenticate?: Authenticate | undefined
  exposeErrors?: boolean | undefined
  /** The first stream id that is used here: for tests of what happens when they run out. */
  firstId?: number | undefined
  clock?: Clock | undefined
  /** Who outlives this connection, and has others. */
  owner?: ConnectionOwner | undefined
}

/** Who outlives a connection: it makes calls there as long as that is possible, and on another then. */
export interface ConnectionOwner {
  /** Of messages that wait to be taken, of all its connections. */
  readonly memory: Memory
  /** The peer's HELLO has come. */
  onReady(): void
  /** The stream ids come to their end. */
  onIdsLow(): void
  /** No call can be made here any more. May be told more than once. */
  onUnusable(): void
  /** The peer has said that it goes, and the calls that it did not process are handed over. */
  onGoaway(reason: GoawayReason, error: RpcError): void
  /** Takes a call that was surely not processed. False = it fails. */
  handOver(call: OutgoingCall): boolean
}
