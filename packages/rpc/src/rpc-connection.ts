// One connection with calls in both directions: the handshake, the frames to where they belong, and the one close path
// that settles every call. Whatever the peer sends, the answer is a typed error and at worst the end of this connection.
//
//   connecting --peer's HELLO--> ready --close(), GOAWAY--> draining --> closed

import {
  type Clock,
  type CloseInfo,
  type Connection,
  type Endpoint,
  systemClock,
  type Timer,
  type TlsInfo,
} from '@framewire/transport'
import { type Authenticate, refusalOf } from './authentication.ts'
import { Budget } from './budget.ts'
import { type Caller, interceptedCaller, makeClient } from './client.ts'
import { json, knownCodecs } from './codec.ts'
import type { Contract } from './contract.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import { traceConnection } from './diagnostics.ts'
import { checkDrainMs, DrainWait, FIN_TIMEOUT_MS, finTimeoutMs } from './drain-wait.ts'
import { guarded } from './error-report.ts'
import { OpenFrame, readEnd, readHello, readOpen, readText } from './frame.ts'
import { FrameWriter } from './frame-writer.ts'
import { IncomingCalls } from './incoming-calls.ts'
import { Keepalive, leavingOf } from './keepalive.ts'
import { LEAST_FRAME, type Limits, settingsOf } from './limits.ts'
import { Memory } from './message-buffer.ts'
import type { Meta } from './meta.ts'
import { OutgoingCalls } from './outgoing-calls.ts'
import { outgoingMethod } from './outgoing-method.ts'
import type { CallOptions, Client, Peer, PeerState } from './peer.ts'
import { ProtocolError } from './protocol-error.ts'
import type { RpcConnectionOptions } from './rpc-connection-options.ts'
import { codeName, RpcError } from './rpc-error.ts'
import { Scheduler } from './scheduler.ts'
import * as wire from './wire.ts'

const HANDSHAKE_TIMEOUT_MS = 5_000
const DEFAULT_DRAIN_MS = 30_000
const MAX_PINGS = 10
const MAX_CONTROLS = 1_000
const MAX_CANCELS = 200

export class RpcConnection implements Peer {
  readonly closed: Promise<CloseInfo>
  readonly #connection: Connection
  readonly #options: RpcConnectionOptions
  readonly #writer: FrameWriter
  readonly #scheduler: Scheduler
  readonly #outgoing: OutgoingCalls
  readonly #caller: Caller
  readonly #incoming: IncomingCalls
  readonly #deadlines: DeadlineTimer
  readonly #keepalive: Keepalive
  readonly #clock: Clock
  readonly #handshakeTimer: Timer
  readonly #pings: Budget
  readonly #controls: Budget
  /** One object for all OPENs: they are read one after the other. */
  readonly #open = new OpenFrame()
  #state: PeerState = 'connecting'
  #lastPeerId = 0
  #goneReason: string | undefined
  #hasHello = false
  #isLeaving = false // this side has said GOAWAY
  readonly #drain: DrainWait

  constructor(connection: Connection, options: RpcConnectionOptions) {
    this.#connection = connection
    const onError = guarded(options.onError)
    this.#options = { ...options, onError }
    this.closed = connection.closed
    const { clock = systemClock, owner } = options
    this.#clock = clock
    this.#controls = new Budget(MAX_CONTROLS, 'control frames', undefined, clock)
    this.#drain = new DrainWait(clock)
    this.#deadlines = new DeadlineTimer((now, lagMs) => {
      return Math.min(this.#outgoing.sweep(now, lagMs), this.#incoming.sweep(now))
    }, clock)
    const watchDeadline = (deadline: number): void => this.#deadlines.watch(deadline)
    const onSettled = (): void => this.#checkIdle()
    const onMessage = (): void => this.#controls.earn()
    const { isConnecting, methods, limits, interceptors = [], codecs = knownCodecs(), hello, firstId } = options
    this.#writer = new FrameWriter(
      connection,
      Math.min(wire.assumed(wire.MAX_FRAME), limits.maxFrame),
      wire.assumed(wire.MAX_MESSAGE),
    )
    this.#scheduler = new Scheduler(connection, this.#writer, limits.maxBuffered)
    const memory = owner?.memory ?? new Memory(limits.maxBuffered)
    const credit = wire.assumed(wire.INITIAL_CREDIT)
    const shared = { limits, clock, memory, onError, watchDeadline, onSettled, onMessage }
    this.#outgoing = new OutgoingCalls(
      connection,
      this.#scheduler,
      { maxStreams: wire.assumed(wire.MAX_STREAMS), credit },
      {
        ...shared,
        firstId: firstId ?? (isConnecting ? 1 : 2),
        ...(owner && {
          handOver: (call) => owner.handOver(call),
          onIdsLow: () => owner.onIdsLow(),
          onUnusable: () => owner.onUnusable(),
        }),
      },
    )
    this.#caller = interceptedCaller(this.#outgoing, interceptors, this, clock)
    this.#incoming = new IncomingCalls(connection, this.#scheduler, credit, {
      ...shared,
      peer: this,
      methods,
      interceptors,
      codecs,
      cancels: new Budget(MAX_CANCELS, 'cancelled calls that were not done', undefined, clock),
      exposeErrors: options.exposeErrors ?? false,
    })
    this.#scheduler.connect(() => this.#outgoing.startQueued(), onSettled)
    this.#pings = new Budget(MAX_PINGS, 'pings', limits.minPingIntervalMs, clock)
    this.#keepalive = this.#keepAlive(limits)
    this.#handshakeTimer = clock.setTimeout(() => {
      this.#breakOff('handshake timeout', `no HELLO within ${HANDSHAKE_TIMEOUT_MS} ms`)
    }, HANDSHAKE_TIMEOUT_MS)
    void connection.closed.then((info) => this.#onClosed(info))
    traceConnection(this, connection.closed)
    const bits = [...codecs.keys()].reduce((all, id) => (id < 32 ? all | (1 << id) : all), 1) >>> 0
    this.#writer.hello(settingsOf(limits, bits), hello?.encode())
    connection.receive((bytes, start, end) => this.#onFrame(bytes, start, end))
  }

  get state(): PeerState {
    return this.#state
  }

  /** The calls that are made on this connection, without interceptors. */
  get calls(): OutgoingCalls {
    return this.#outgoing
  }

  get remote(): Endpoint {
    return this.#connection.remote
  }

  get tls(): TlsInfo | undefined {
    return this.#connection.tls
  }

  client<M>(contract: Contract<M>, defaults: CallOptions = {}): Client<M> {
    return makeClient(contract, this.#caller, { ...this.#options.defaults, ...defaults })
  }

  async call(method: string, input?: unknown, options: CallOptions = {}): Promise<unknown> {
    const target = outgoingMethod(method, 'unary', json, {})
    return this.#caller.call(target, input, { ...this.#options.defaults, ...options })
  }

  ping(): Promise<number> {
    return this.#keepalive.ask()
  }

  async close({ drainMs = DEFAULT_DRAIN_MS, reason = '' }: { drainMs?: number; reason?: string } = {}): Promise<void> {
    const end = this.#clock.now() + checkDrainMs(drainMs, reason)
    if (!this.#isLeaving) this.#sayGoodbye('drain', reason || 'this side closes')
    // A handler that closes is not in the table yet: it gets there, or answers, before the next microtask.
    await null
    if (this.#state !== 'closed' && !this.#isIdle) await this.#drain.wait(drainMs)
    // The last answers may have to wait for a peer that is slow.
    if (this.#state !== 'closed') await this.#drain.flush(this.#connection, end - this.#clock.now())
    this.#settleAll()
    const timeoutMs = finTimeoutMs(end - this.#clock.now(), this.#options.limits.pingTimeoutMs)
    await this.#connection.close({ timeoutMs })
    if (!this.#isIdle) await this.#drain.settle(end - this.#clock.now())
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
      this.#keepalive.onFrame()
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
    if ((flags & wire.COMPRESSED) !== 0 && (type === wire.DATA || type === wire.OPEN)) {
      throw new ProtocolError('protocol error', `message of stream ${id} is compressed, this side takes none`)
    }
    switch (type) {
      case wire.DATA: // the message, to the end of the frame
        return this.#onData(id, flags, bytes, start + wire.HEADER_LENGTH, end)
      case wire.OPEN: // u32 timeoutMs, u8 encoding, u8 methodLen, method, u16 metaLen, meta, first message
        return this.#onOpen(id, flags, bytes, start, end)
      case wire.END: // u8 code, u8 bits, u16 metaLen, meta, u16 msgLen, message, u8 nameLen, name, details
        if (!this.#isOwnCall(id)) throw neverOpened(id)
        return this.#outgoing.onEnd(id, readEnd(bytes, start, end), bytes, end)
      default:
        this.#onControl(type, id, flags, bytes, start + wire.HEADER_LENGTH, end)
    }
  }

  /** What costs the peer little. Calls and messages buy what they need of it. */
  #onControl(type: number, id: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    this.#controls.spend()
    if (id !== 0 && type <= wire.GOAWAY) throw new ProtocolError('protocol error', `frame type ${type} on stream ${id}`)
    switch (type) {
      case wire.CANCEL: // u8 code, UTF-8 reason
        return this.#onCancel(id, bytes, start, end)
      case wire.CREDIT: // u32 bytes granted
        return this.#onCredit(id, bytes, start, end)
      case wire.PING: // 8 opaque bytes
        return this.#onPing(flags, bytes, start, end)
      case wire.GOAWAY: // u32 lastStreamId, u8 reason, UTF-8 text
        return this.#onGoaway(bytes, start, end)
      case wire.HELLO:
        throw new ProtocolError('protocol error', 'a second HELLO')
      default:
        if (type < wire.IGNORABLE) throw new ProtocolError('protocol error', `frame type ${type} is unknown`)
    }
  }

  #onHello(bytes: Uint8Array, start: number, end: number): void {
    if (wire.readU32(bytes, start + 2) !== 0) throw new ProtocolError('protocol error', 'HELLO on a stream')
    const { settings, meta } = readHello(bytes, start, end)
    this.#hasHello = true
    const setting = (id: number): number => settings.get(id) ?? wire.assumed(id)
    const { limits, authenticate } = this.#options
    this.#writer.maxFrame = Math.min(Math.max(setting(wire.MAX_FRAME), LEAST_FRAME), limits.maxFrame)
    this.#writer.maxMessage = setting(wire.MAX_MESSAGE)
    const credit = setting(wire.INITIAL_CREDIT)
    if (credit > wire.MAX_CREDIT) throw new ProtocolError('flow control', `INITIAL_CREDIT of ${credit} bytes`)
    this.#incoming.onHello(credit)
    this.#outgoing.onHello(Math.max(1, setting(wire.MAX_STREAMS)), credit)
    if (authenticate === undefined) this.#onReady(setting(wire.MIN_PING_INTERVAL))
    else {
      // What stands behind the HELLO waits: nobody calls before it is known who that is.
      this.#connection.pause()
      void this.#authenticate(authenticate, meta, setting(wire.MIN_PING_INTERVAL))
    }
  }

  async #authenticate(authenticate: Authenticate, meta: Meta, minPingMs: number): Promise<void> {
    const refusal = await refusalOf(authenticate, meta, this, this.#options.onError)
    // Before reading goes on: what stands behind the HELLO is for nobody.
    if (refusal !== undefined) this.#breakOff('unauthenticated', refusal)
    else this.#onReady(minPingMs)
    this.#connection.resume()
  }

  #onReady(minPingMs: number): void {
    this.#clock.clearTimeout(this.#handshakeTimer)
    this.#keepalive.onHello(minPingMs)
    if (this.#state !== 'connecting') return
    this.#state = 'ready'
    this.#options.owner?.onReady()
  }

  #onOpen(id: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    const isPeersParity = (id & 1) === (this.#options.isConnecting ? 0 : 1)
    if (!isPeersParity || id <= this.#lastPeerId || id > wire.MAX_STREAM_ID) {
      throw new ProtocolError('protocol error', `OPEN with stream id ${id} after ${this.#lastPeerId}`)
    }
    this.#lastPeerId = id
    this.#controls.earn()
    readOpen(this.#open, bytes, start, end)
    this.#incoming.onOpen(id, this.#open, flags, bytes, end)
  }

  #onData(id: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isOwnCall(id)) this.#outgoing.onData(id, flags, bytes, start, end)
    else if (this.#isPeersCall(id)) this.#incoming.onData(id, flags, bytes, start, end)
    else throw neverOpened(id)
  }

  #onCancel(id: number, bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 1) throw new ProtocolError('protocol error', 'CANCEL without a code')
    if (!this.#isPeersCall(id)) throw neverOpened(id)
    this.#incoming.onCancel(id, new RpcError(codeName(bytes[start] as number), 'the caller gave up'))
  }

  #onPing(flags: number, bytes: Uint8Array, start: number, end: number): void {
    if (end - start !== 8) throw new ProtocolError('protocol error', `PING of ${end - start} bytes, not 8`)
    if ((flags & wire.LAST) !== 0) return this.#keepalive.onPong()
    this.#pings.spend()
    this.#writer.pong(this.#connection.keep(bytes, start, end))
  }

  #onCredit(id: number, bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 4) throw new ProtocolError('protocol error', `CREDIT of ${end - start} bytes, not 4`)
    const granted = wire.readU32(bytes, start)
    if (this.#isOwnCall(id)) this.#outgoing.onCredit(id, granted)
    else if (this.#isPeersCall(id)) this.#incoming.onCredit(id, granted)
    else throw neverOpened(id)
  }

  #onGoaway(bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 5) throw new ProtocolError('protocol error', 'GOAWAY shorter than its fields')
    const lastId = wire.readU32(bytes, start)
    const reason = wire.GOAWAY_REASONS[bytes[start + 4] as number] ?? 'protocol error'
    const text = `the peer goes away (${reason}): ${readText(bytes, start + 5, end)}`
    // Who is told closes, and that waits: behind the first GOAWAY of either side it is no news.
    const owner = this.#state === 'ready' ? this.#options.owner : undefined
    this.#goneReason ??= text
    this.#state = 'draining'
    owner?.onUnusable()
    const error = new RpcError('UNAVAILABLE', text, { notProcessed: true })
    this.#outgoing.refuse(error)
    this.#outgoing.failAbove(lastId, error)
    owner?.onGoaway(reason, error)
  }

  /** Whether a frame may belong to a call of ours, be it late. */
  #isOwnCall(id: number): boolean {
    return (id & 1) === (this.#options.isConnecting ? 1 : 0) && this.#outgoing.wasOpened(id)
  }

  #isPeersCall(id: number): boolean {
    return (id & 1) === (this.#options.isConnecting ? 0 : 1) && id > 0 && id <= this.#lastPeerId
  }

  #keepAlive({ pingIntervalMs, pingTimeoutMs }: Required<Limits>): Keepalive {
    const onLost = (silentMs: number): void => {
      this.#goneReason ??= `the peer has been silent for ${Math.round(silentMs)} ms and answers no PING`
      this.#settleAll()
      this.#connection.destroy(new Error(this.#goneReason))
    }
    const send = (opaque: Uint8Array): void => this.#writer.ping(opaque)
    const leaving = (): number | undefined => leavingOf(this.#connection)
    const options = { intervalMs: pingIntervalMs, timeoutMs: pingTimeoutMs, send, onLost, leaving, clock: this.#clock }
    return new Keepalive(options, wire.assumed(wire.MIN_PING_INTERVAL))
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
    this.#options.owner?.onUnusable()
    this.#incoming.drain()
    this.#outgoing.refuse(
      new RpcError('UNAVAILABLE', `the connection ends (${this.#goneReason})`, { notProcessed: true }),
    )
    if (this.#connection.state === 'open') this.#writer.goaway(this.#lastPeerId, reason, text)
  }

  get #isIdle(): boolean {
    return this.#outgoing.size === 0 && this.#incoming.size === 0 && this.#scheduler.isIdle
  }

  #checkIdle(): void {
    if (this.#isIdle) this.#drain.end()
  }

  #onClosed(info: CloseInfo): void {
    const cause = info.error
    this.#goneReason ??= cause === undefined ? 'the peer closed the connection' : `${cause.code}: ${cause.message}`
    this.#settleAll(cause)
  }

  /** The end of every call. A second time there is nothing left to do. */
  #settleAll(cause?: unknown): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#options.owner?.onUnusable()
    this.#clock.clearTimeout(this.#handshakeTimer)
    this.#deadlines.stop()
    const text = `the connection ended (${this.#goneReason})`
    this.#outgoing.failAll((notProcessed) => new RpcError('UNAVAILABLE', text, { notProcessed, cause }))
    this.#incoming.abortAll(new RpcError('UNAVAILABLE', text, { cause }))
    this.#keepalive.stop(new RpcError('UNAVAILABLE', text, { cause }))
    this.#scheduler.clear()
    this.#drain.end()
  }
}

function neverOpened(id: number): ProtocolError {
  return new ProtocolError('protocol error', `frame on stream ${id}, which was never opened`)
}
