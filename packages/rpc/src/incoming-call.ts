// One call of the peer, and what its handler is told about it.

import type { Clock } from '@framewire/transport'
import type { Codec } from './codec.ts'
import type { Handler } from './implement.ts'
import type { Inbound } from './inbound.ts'
import type { MessageBuffer } from './message-buffer.ts'
import { Meta } from './meta.ts'
import type { Outbound } from './outbound.ts'
import type { Ctx, Peer } from './peer.ts'
import { RpcError } from './rpc-error.ts'

export class IncomingCall implements Ctx {
  readonly id: number
  readonly handler: Handler
  readonly codec: Codec
  readonly peer: Peer
  readonly isOneway: boolean
  /** Nothing more may be sent on this stream. */
  isAnswered = false
  /** It stands in the table: its handler has not settled. */
  isListed = false
  /** The messages of a caller that sends many, and those of a handler that does. */
  inbound: Inbound | undefined
  outbound: Outbound | undefined
  /** The first message, while it is not whole. */
  buffer: MessageBuffer | undefined
  readonly #timeoutMs: number
  readonly #clock: Clock
  #deadline = 0 // 0 = not asked for yet
  #controller: AbortController | undefined
  #abortReason: RpcError | undefined
  #receivedMeta: Uint8Array | undefined
  #meta: Meta | undefined
  #trailers: Meta | undefined
  #values: Map<unknown, unknown> | undefined

  /** `timeoutMs`: Infinity = none. `meta`: as it was received. */
  constructor(
    id: number,
    handler: Handler,
    codec: Codec,
    peer: Peer,
    timeoutMs: number,
    meta: Uint8Array | undefined,
    isOneway: boolean,
    clock: Clock,
  ) {
    this.id = id
    this.handler = handler
    this.codec = codec
    this.peer = peer
    this.#timeoutMs = timeoutMs
    this.#receivedMeta = meta
    this.isOneway = isOneway
    this.#clock = clock
  }

  /** A message has begun and is not whole. */
  get isInside(): boolean {
    return this.buffer !== undefined || this.inbound?.isInside === true
  }

  /** Computed on first access: a handler that answers at once costs no look at the clock. */
  get deadline(): number {
    if (this.#deadline === 0) this.#deadline = this.#clock.now() + this.#timeoutMs
    return this.#deadline
  }

  /** Made on first access, as all that follows: most handlers never look. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason)
    return this.#controller.signal
  }

  get meta(): Meta {
    this.#meta ??= this.#receivedMeta === undefined ? new Meta() : Meta.received(this.#receivedMeta)
    return this.#meta
  }

  get trailers(): Meta {
    this.#trailers ??= new Meta()
    return this.#trailers
  }

  /** The trailers as they are sent; undefined if there are none. */
  get encodedTrailers(): Uint8Array | undefined {
    return this.#trailers?.encode()
  }

  get values(): Map<unknown, unknown> {
    this.#values ??= new Map()
    return this.#values
  }

  /** A function of its own, so that a handler may take it out of the context. */
  get error(): (name: string, details?: unknown, message?: string) => RpcError {
    const { errors, path } = this.handler
    return (name, details, message) => {
      const spec = Object.hasOwn(errors, name) ? errors[name] : undefined
      if (spec === undefined) throw new TypeError(`the contract of ${path} has no error ${name}`)
      return new RpcError(spec.code, message ?? name, { appName: name, details })
    }
  }

  /** Nothing more is sent, and the handler is told: its signal, its input, and the generator it runs in. */
  abort(reason: RpcError): void {
    this.isAnswered = true
    this.#abortReason ??= reason
    this.#controller?.abort(this.#abortReason)
    this.close()
    this.inbound?.fail(reason, { discard: true })
  }

  /** Nothing more comes in or goes out. */
  close(): void {
    this.buffer?.clear()
    this.outbound?.stop()
  }
}
