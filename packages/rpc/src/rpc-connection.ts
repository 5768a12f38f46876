// One connection with calls in both directions: the handshake, the frames to where they belong, and the one close path
// that settles every call. Whatever the peer sends, the answer is a typed error and at worst the end of this connection.
//
//   connecting --peer's HELLO--> ready --close(), GOAWAY--> draining --> closed

import type { CloseInfo, Connection, Endpoint } from '@framewire/transport'
import { makeClient, outgoingMethod } from './client.ts'
import { json } from './codec.ts'
import type { Contract } from './contract.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import { type OpenFrame, readEnd, readHello, readOpen, readText } from './frame.ts'
import { FrameWriter } from './frame-writer.ts'
import { IncomingCalls } from './incoming-calls.ts'
import { type Limits, settingsOf } from './limits.ts'
import type { MethodTable } from './method-table.ts'
import { OutgoingCalls } from './outgoing-calls.ts'
import type { CallOptions, Client, Peer, PeerState } from './peer.ts'
import { ProtocolError } from './protocol-error.ts'
import { codeName, RpcError } from './rpc-error.ts'
import * as wire from './wire.ts'

export interface RpcConnectionOptions {
  /** The side that connected uses odd stream ids, the other even ones. */
  isConnecting: boolean
  methods: MethodTable
  limits: Required<Limits>
  /** Defaults for the calls made here. */
  defaults: CallOptions
  onError: (error: unknown, method: string) => void
}

const HANDSHAKE_TIMEOUT_MS = 5_000
/** How long a connection that has nothing left to do waits for the peer to end too. */
const FIN_TIMEOUT_MS = 1_000
const DEFAULT_DRAIN_MS = 30_000

export class RpcConnection implements Peer {
  readonly closed: Promise<CloseInfo>
  readonly #connection: Connection
  readonly #options: RpcConnectionOptions
  readonly #writer: FrameWriter
  readonly #outgoing: OutgoingCalls
  readonly #incoming: IncomingCalls
  readonly #deadlines: DeadlineTimer
  readonly #handshakeTimer: NodeJS.Timeout
  /** One object for all OPENs: they are read one after the other. */
  readonly #open: OpenFrame = { timeoutMs: 0, encoding: 0, methodAt: 0, methodEnd: 0, messageAt: 0, hasMessage: false }
  #state: PeerState = 'connecting'
  #lastPeerId = 0
  #goneReason: string | undefined
  #hasHello = false
  #isLeaving = false // this side has said GOAWAY
  readonly #idleWaits = new Set<() => void>()

  constructor(connection: Connection, options: RpcConnectionOptions) {
    this.#connection = connection
    const onError = guarded(options.onError)
    this.#options = { ...options, onError }
    this.closed = connection.closed
    this.#deadlines = new DeadlineTimer((now) => Math.min(this.#outgoing.sweep(now), this.#incoming.sweep(now)))
    const watchDeadline = (deadline: number): void => this.#deadlines.watch(deadline)
    const onSettled = (): void => this.#checkIdle()
    const { isConnecting, methods, limits } = options
    this.#writer = new FrameWriter(connection, Math.min(assumed(wire.MAX_FRAME), limits.maxFrame))
    this.#outgoing = new OutgoingCalls(connection, this.#writer, {
      firstId: isConnecting ? 1 : 2,
      maxStreams: assumed(wire.MAX_STREAMS),
      limits,
      watchDeadline,
      onSettled,
    })
    const { maxStreams } = limits
    this.#incoming = new IncomingCalls(connection, this.#writer, {
      peer: this,
      methods,
      maxStreams,
      onError,
      watchDeadline,
      onSettled,
    })
    this.#handshakeTimer = setTimeout(() => this.#refuseHandshake(), HANDSHAKE_TIMEOUT_MS)
    void connection.closed.then((info) => this.#onClosed(info))
    this.#writer.hello(settingsOf(limits))
    connection.receive((bytes, start, end) => this.#onFrame(bytes, start, end))
  }

  get state(): PeerState {
    return this.#state
  }

  get remote(): Endpoint {
    return this.#connection.remote
  }

  client<M>(contract: Contract<M>, defaults: CallOptions = {}): Client<M> {
    return makeClient(contract, (method, input, options) => this.#outgoing.call(method, input, options), {
      ...this.#options.defaults,
      ...defaults,
    })
  }

  async call(method: string, input?: unknown, options: CallOptions = {}): Promise<unknown> {
    const target = outgoingMethod(method, 'unary', json, {})
    return this.#outgoing.call(target, input, { ...this.#options.defaults, ...options })
  }

  async close({ drainMs = DEFAULT_DRAIN_MS, reason = '' }: { drainMs?: number; reason?: string } = {}): Promise<void> {
    checkDrainMs(drainMs)
    if (!this.#isLeaving) this.#sayGoodbye('drain', reason || 'this side closes')
    // A handler that closes is not in the table yet: it gets there, or answers, before the next microtask.
    await null
    if (this.#state !== 'closed' && !this.#isIdle) await this.#idleWithin(drainMs)
    this.#settleAll()
    await this.#connection.close({ timeoutMs: FIN_TIMEOUT_MS })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #onFrame(bytes: Uint8Array, start: number, end: number): void {
    if (this.#state === 'closed') return
    try {
      if (end - start < wire.HEADER_LENGTH) {
        throw new ProtocolError('protocol error', `frame of ${end - start} bytes, the least is ${wire.HEADER_LENGTH}`)
      }
      const type = bytes[start] as number
      if (this.#hasHello) this.#dispatch(type, bytes, start, end)
      else if (type === wire.HELLO) this.#onHello(bytes, start, end)
      else throw new ProtocolError('protocol error', `first frame has type ${type}, not HELLO`)
    } catch (error) {
      const reason = error instanceof ProtocolError ? error.reason : 'internal'
      if (reason === 'internal') this.#options.onError(error, '')
      this.#breakOff(reason, reason === 'internal' ? 'internal error' : (error as Error).message)
    }
  }

  #dispatch(type: number, bytes: Uint8Array, start: number, end: number): void {
    const flags = bytes[start + 1] as number
    const id = wire.readU32(bytes, start + 2)
    switch (type) {
      case wire.DATA: // the message, to the end of the frame
        return this.#onData(id, flags, bytes, start + wire.HEADER_LENGTH, end)
      case wire.OPEN: // u32 timeoutMs, u8 encoding, u8 methodLen, method, u16 metaLen, meta, first message
        return this.#onOpen(id, flags, bytes, start, end)
      case wire.END: // u8 code, u8 bits, u16 metaLen, meta, u16 msgLen, message, u8 nameLen, name, details
        if (this.#isOwnCall(id)) this.#outgoing.onEnd(id, readEnd(bytes, start, end), bytes, end)
        return
      case wire.CANCEL: // u8 code, UTF-8 reason
        return this.#onCancel(id, bytes, start + wire.HEADER_LENGTH, end)
      case wire.PING: // 8 opaque bytes
        return this.#onPing(flags, bytes, start + wire.HEADER_LENGTH, end)
      case wire.GOAWAY: // u32 lastStreamId, u8 reason, UTF-8 text
        return this.#onGoaway(bytes, start + wire.HEADER_LENGTH, end)
      case wire.CREDIT: // u32 bytes granted: nothing here waits for credit
        return
      case wire.HELLO:
        throw new ProtocolError('protocol error', 'a second HELLO')
      default:
        if (type < wire.IGNORABLE) throw new ProtocolError('protocol error', `frame type ${type} is unknown`)
    }
  }

  #onHello(bytes: Uint8Array, start: number, end: number): void {
    const { settings } = readHello(bytes, start, end)
    clearTimeout(this.#handshakeTimer)
    this.#hasHello = true
    if (this.#state === 'connecting') this.#state = 'ready'
    const setting = (id: number): number => settings.get(id) ?? assumed(id)
    this.#writer.maxFrame = Math.min(setting(wire.MAX_FRAME), this.#options.limits.maxFrame)
    this.#outgoing.setMaxStreams(Math.max(1, setting(wire.MAX_STREAMS)))
  }

  #onOpen(id: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    const isPeersParity = (id & 1) === (this.#options.isConnecting ? 0 : 1)
    if (!isPeersParity || id <= this.#lastPeerId || id > wire.MAX_STREAM_ID) {
      throw new ProtocolError('protocol error', `OPEN with stream id ${id} after ${this.#lastPeerId}`)
    }
    if ((flags & wire.LAST) === 0 || (flags & wire.MORE) !== 0) {
      throw new ProtocolError('protocol error', 'OPEN of a stream of messages: this side speaks unary and oneway only')
    }
    this.#lastPeerId = id
    readOpen(this.#open, bytes, start, end)
    this.#incoming.onOpen(id, this.#open, bytes, end, (flags & wire.ONEWAY) !== 0)
  }

  #onData(id: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#isOwnCall(id)) return
    if ((flags & wire.LAST) === 0) throw new ProtocolError('protocol error', `DATA of unary stream ${id} without LAST`)
    this.#outgoing.onData(id, bytes, start, end, (flags & wire.NONE) === 0)
  }

  #onCancel(id: number, bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 1) throw new ProtocolError('protocol error', 'CANCEL without a code')
    this.#incoming.onCancel(id, new RpcError(codeName(bytes[start] as number), 'the caller gave up'))
  }

  #onPing(flags: number, bytes: Uint8Array, start: number, end: number): void {
    if (end - start !== 8) throw new ProtocolError('protocol error', `PING of ${end - start} bytes, not 8`)
    if ((flags & wire.LAST) === 0) this.#writer.pong(bytes, start)
  }

  #onGoaway(bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 5) throw new ProtocolError('protocol error', 'GOAWAY shorter than its fields')
    const lastId = wire.readU32(bytes, start)
    const reason = wire.GOAWAY_REASONS[bytes[start + 4] as number] ?? 'protocol error'
    const text = `the peer goes away (${reason}): ${readText(bytes, start + 5, end)}`
    this.#goneReason ??= text
    this.#state = 'draining'
    const error = new RpcError('UNAVAILABLE', text, { notProcessed: true })
    this.#outgoing.refuse(error)
    this.#outgoing.failAbove(lastId, error)
  }

  /** Whether DATA or END may still belong to a call of ours; one that we never opened is a protocol error. */
  #isOwnCall(id: number): boolean {
    const isOwnParity = (id & 1) === (this.#options.isConnecting ? 1 : 0)
    if (isOwnParity && this.#outgoing.wasOpened(id)) return true
    throw new ProtocolError('protocol error', `frame on stream ${id}, which was never opened`)
  }

  #refuseHandshake(): void {
    this.#breakOff('handshake timeout', `no HELLO within ${HANDSHAKE_TIMEOUT_MS} ms`)
  }

  /** The peer broke the rules: it is told why, and the connection ends. */
  #breakOff(reason: wire.GoawayReason, text: string): void {
    this.#sayGoodbye(reason, text)
    this.#settleAll()
    void this.#connection.close({ timeoutMs: FIN_TIMEOUT_MS })
  }

  #sayGoodbye(reason: wire.GoawayReason, text: string): void {
    this.#goneReason ??= `${reason}: ${text}`
    if (this.#state === 'closed') return
    this.#state = 'draining'
    this.#isLeaving = true
    this.#incoming.drain()
    this.#outgoing.refuse(
      new RpcError('UNAVAILABLE', `the connection ends (${this.#goneReason})`, { notProcessed: true }),
    )
    if (this.#connection.state === 'open') this.#writer.goaway(this.#lastPeerId, reason, text)
  }

  get #isIdle(): boolean {
    return this.#outgoing.size === 0 && this.#incoming.size === 0
  }

  #idleWithin(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#idleWaits.delete(end)
        resolve()
      }
      const timer = setTimeout(end, Math.min(drainMs, 0x7fff_ffff))
      this.#idleWaits.add(end)
    })
  }

  #checkIdle(): void {
    if (this.#isIdle) for (const end of this.#idleWaits) end()
  }

  #onClosed(info: CloseInfo): void {
    const cause = info.error
    this.#goneReason ??= cause === undefined ? 'the peer closed the connection' : `${cause.code}: ${cause.message}`
    this.#settleAll(cause)
  }

  /** The end of every call. A second time it finds nothing left to do. */
  #settleAll(cause?: unknown): void {
    this.#state = 'closed'
    clearTimeout(this.#handshakeTimer)
    this.#deadlines.stop()
    const text = `the connection ended (${this.#goneReason})`
    this.#outgoing.failAll((notProcessed) => new RpcError('UNAVAILABLE', text, { notProcessed, cause }))
    this.#incoming.abortAll(new RpcError('UNAVAILABLE', text, { cause }))
    for (const end of this.#idleWaits) end()
  }
}

/** A time that `close` may give the calls under way. */
export function checkDrainMs(drainMs: number): number {
  if (drainMs >= 0) return drainMs
  throw new RangeError(`drainMs must be 0 or more, got ${String(drainMs)}`)
}

/** What the application throws while it is told of an error is a warning: it ends no call, connection or process. */
function guarded(onError: RpcConnectionOptions['onError']): RpcConnectionOptions['onError'] {
  const warn = (thrown: unknown): void => {
    process.emitWarning(thrown instanceof Error ? thrown : 'onError threw something that is no Error')
  }
  return (error, method) => {
    try {
      const result: unknown = onError(error, method)
      if (result instanceof Promise) result.catch(warn)
    } catch (thrown) {
      warn(thrown)
    }
  }
}

function assumed(setting: number): number {
  return wire.ASSUMED_SETTINGS.get(setting) as number
}
