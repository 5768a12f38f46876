// The calls this side makes: from the promise to the OPEN frame, and from DATA or END back to the promise.
// Invariant: every call settles exactly once; it is in the table, or in the queue, or settled, never in two of them.

import { type Clock, type Connection, TransportError } from '@framewire/transport'
import { CallQueue } from './call-queue.ts'
import { type Starter, startCall, startStream } from './call-start.ts'
import { CallTable } from './call-table.ts'
import { checkData, type EndFrame } from './frame.ts'
import type { OpenHead } from './frame-writer.ts'
import type { Inbound } from './inbound.ts'
import type { Limits } from './limits.ts'
import { decodeMessage, type Keeper } from './message.ts'
import { checkLength, type Memory } from './message-buffer.ts'
import { Meta } from './meta.ts'
import type { OutgoingCall } from './outgoing-call.ts'
import type { OutgoingMethod } from './outgoing-method.ts'
import type { CallOptions } from './peer.ts'
import { ProtocolError } from './protocol-error.ts'
import { type Code, codeName, codeNumber, RpcError } from './rpc-error.ts'
import type { Scheduler } from './scheduler.ts'
import { SignalWatch } from './signal-watch.ts'
import { LAST, LAST_STREAM_ID, MAX_TIMEOUT_MS, MORE, NONE, ONEWAY } from './wire.ts'

export interface OutgoingOptions {
  firstId: number
  limits: Required<Limits>
  clock: Clock
  /** Of messages that wait to be taken. */
  memory: Memory
  watchDeadline: (deadline: number) => void
  onSettled: () => void
  /** A message of a stream has left: the peer may answer it with CREDIT. */
  onMessage: () => void
  /** Gets what a callback of the application threw. */
  onError: (error: unknown, method: string) => void
  /** Takes a call that was surely not processed, to make it on another connection. False = it fails. */
  handOver?: ((call: OutgoingCall) => boolean) | undefined
  /** The stream ids come to their end. */
  onIdsLow?: (() => void) | undefined
  /** Calls can not be made here any more. */
  onUnusable?: (() => void) | undefined
}

/** Calls that can still be made when it is time for another connection: 65536. */
const LOW_IDS_FROM = LAST_STREAM_ID - 0x2_0000

export class OutgoingCalls implements Starter {
  readonly #connection: Connection
  readonly #scheduler: Scheduler
  readonly #options: OutgoingOptions
  readonly #table = new CallTable<OutgoingCall>()
  readonly #queue: CallQueue
  readonly #signals = new SignalWatch()
  /** One object for all OPENs: they are written one after the other. */
  readonly #head: OpenHead = { timeoutMs: 0, encoding: 0, method: new Uint8Array(), meta: new Uint8Array() }
  #maxStreams: number
  #credit: number
  #helloAt = Number.POSITIVE_INFINITY
  #nextId: number
  #refusal: RpcError | undefined

  /** `maxStreams`, `credit`: what is assumed until the peer's HELLO. */
  constructor(
    connection: Connection,
    scheduler: Scheduler,
    assumed: { maxStreams: number; credit: number },
    options: OutgoingOptions,
  ) {
    this.#connection = connection
    this.#scheduler = scheduler
    this.#options = options
    this.#queue = new CallQueue(options.limits.maxQueued, scheduler.memory)
    this.#maxStreams = assumed.maxStreams
    this.#credit = assumed.credit
    this.#nextId = options.firstId
  }

  /** Calls that have not settled. */
  get size(): number {
    return this.#table.size + this.#queue.length
  }

  /** The peer's HELLO: calls above MAX_STREAMS wait here; messages start with INITIAL_CREDIT. */
  onHello(maxStreams: number, credit: number): void {
    this.#helloAt = this.clock.now()
    this.#maxStreams = maxStreams
    for (const { outbound } of this.#table.values()) outbound?.grant(credit - this.#credit)
    this.#credit = credit
    this.#scheduler.turn()
  }

  call(method: OutgoingMethod, input: unknown, options: CallOptions): Promise<unknown> {
    return startCall(this, method, input, options)
  }

  stream(method: OutgoingMethod, input: unknown, options: CallOptions): Inbound {
    return startStream(this, method, input, options)
  }

  get clock(): Clock {
    return this.#options.clock
  }

  get limits(): Required<Limits> {
    return this.#options.limits
  }

  get memory(): Memory {
    return this.#options.memory
  }

  get keeper(): Keeper {
    return this.#connection
  }

  grant(call: OutgoingCall, bytes: number): void {
    this.#scheduler.writer.credit(call.id, bytes)
  }

  start(call: OutgoingCall, input: unknown): void {
    call.prepare(input)
    this.adopt(call, call.startedAt)
  }

  /** Makes a call, or takes over one that was to be made elsewhere. */
  adopt(call: OutgoingCall, now: number = this.clock.now()): void {
    call.owner = this
    if (this.#refusal !== undefined) return this.#fail(call, this.#refusal, false)
    try {
      call.checkSignals()
      if (call.deadline <= now) throw call.late(now, 0, 0)
      // First: what is no signal throws here, and the source of a call that is opened may abort one.
      call.watch(this.#signals)
      if (this.#mayStart(call) && this.#queue.length === 0) this.#open(call, now)
      else this.#enqueue(call)
      this.#options.watchDeadline(call.deadline)
    } catch (error) {
      call.unwatch(this.#signals)
      call.fail(error)
    }
  }

  /** Opens a stream for a call; where that can not be done any more, another connection may. */
  #open(call: OutgoingCall, now: number): void {
    try {
      if (call.begin()) {
        // That was code of the application: what has ended the call, or all calls here, by now?
        call.checkSignals()
        if (this.#refusal !== undefined) throw this.#refusal
      }
      this.#send(call, now)
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== 'UNAVAILABLE') throw error
      this.#options.onUnusable?.()
      this.#fail(call, error, false)
    }
  }

  /** Fails a call that was surely not processed, unless it can be made on another connection. */
  #fail(call: OutgoingCall, error: RpcError, wasSent: boolean): void {
    const { handOver } = this.#options
    call.unwatch(this.#signals)
    if (handOver === undefined || !call.isMovable || (wasSent && call.isRetried)) return call.fail(error)
    call.move()
    if (wasSent) call.isRetried = true
    if (!handOver(call)) call.fail(error)
  }

  /** Whether a frame for this id can still be late rather than wrong. */
  wasOpened(id: number): boolean {
    return id > 0 && id < this.#nextId
  }

  onData(id: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    const isLast = (flags & LAST) !== 0
    const call = this.#table.get(id)
    if (call === undefined) return
    const isWhole = (flags & MORE) === 0
    const hasMessage = (flags & NONE) === 0
    const { memory, limits } = this.#options
    try {
      if (hasMessage) checkLength(end - start, limits.maxMessage)
      if (!isLast || !isWhole || !call.isFresh) {
        checkData(id, flags, start, end, call.isFresh, call.isInside)
        if (hasMessage) call.receive(this.#connection, memory, limits.maxMessage, bytes, start, end, isWhole)
        if (!isLast) return
      } else if (hasMessage) {
        const value = call.decode(this.#connection, bytes, start, end)
        this.#take(id)
        if (call.onTrailers !== undefined) this.#tellTrailers(call, new Meta())
        return call.answer(value)
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error
      if (!isLast) return this.giveUp(call, error)
      this.#take(id)
      return call.fail(error)
    }
    this.#take(id)
    this.#tellTrailers(call, new Meta())
    call.finish()
  }

  onEnd(id: number, frame: EndFrame, bytes: Uint8Array, end: number): void {
    const call = this.#table.get(id)
    if (call === undefined) return
    if (frame.code === 0 && call.isInside) {
      throw new ProtocolError('protocol error', `END of stream ${id} with code 0 inside a message`)
    }
    this.#take(id)
    const { maxMeta } = this.#options.limits
    if (frame.trailersLength > maxMeta) {
      const text = `metadata of ${frame.trailersLength} bytes exceeds maxMeta ${maxMeta}`
      return call.fail(new RpcError('RESOURCE_EXHAUSTED', text))
    }
    const { message, appName, isNotProcessed: notProcessed, detailsAt, trailers } = frame
    const code = codeName(frame.code)
    const isRefused = notProcessed && isPassing(code) && this.#options.handOver !== undefined
    if (isRefused && call.isMovable && !call.isRetried) {
      return this.#fail(call, new RpcError(code, message, { appName, notProcessed, trailers }), true)
    }
    this.#tellTrailers(call, trailers)
    if (frame.code === 0) return call.finish()
    try {
      const { codec } = call.method
      const details = detailsAt < 0 ? undefined : decodeMessage(this.#connection, codec, bytes, detailsAt, end)
      call.fail(new RpcError(code, message, { appName, details, notProcessed, trailers }))
    } catch (cause) {
      call.fail(new RpcError(code, message, { appName, notProcessed, trailers, cause }))
    }
  }

  /** The peer takes so many bytes more of a stream. */
  onCredit(id: number, bytes: number): void {
    const { outbound } = this.#table.get(id) ?? {}
    outbound?.confirm()
    outbound?.grant(bytes)
  }

  /** Ends a call from this side: the handler, if it may be running, is told. */
  giveUp(call: OutgoingCall, error: RpcError): void {
    if (call.isOver) return
    call.isOver = true
    if (call.id === 0) this.#queue.remove(call)
    else if (this.#table.delete(call.id) !== undefined) {
      this.#scheduler.drop(call.id)
      this.#scheduler.writer.cancel(call.id, codeNumber(error.code))
    }
    this.#release(call)
    call.fail(error, true)
  }

  /** Ends the calls whose deadline has passed and returns the earliest that is left. `lagMs`: how late the timer is. */
  sweep(now: number, lagMs: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const call of [...this.#queue, ...this.#table.values()]) {
      if (call.deadline > now) next = Math.min(next, call.deadline)
      else this.giveUp(call, call.late(now, this.#helloAt, lagMs))
    }
    return next
  }

  /** No call starts any more: each fails with this error. Those under way go on. */
  refuse(error: RpcError): void {
    this.#refusal ??= error
    for (const call of [...this.#queue]) {
      this.#queue.remove(call)
      this.#release(call)
      this.#fail(call, this.#refusal, false)
    }
  }

  /** The connection is gone: settles every call with the error `make` gives for it. */
  failAll(make: (isNotProcessed: boolean) => RpcError): void {
    this.refuse(make(true))
    for (const call of this.#table.takeAll()) {
      this.#release(call)
      call.fail(make(false))
    }
  }

  /** The peer has said that it processed nothing above `lastId`. */
  failAbove(lastId: number, error: RpcError): void {
    for (const call of this.#table.values()) {
      if (call.id <= lastId) continue
      this.#take(call.id)
      this.#scheduler.drop(call.id)
      this.#fail(call, error, true)
    }
  }

  /** Starts the call that waits longest, if it may. */
  startQueued(): boolean {
    const call = this.#queue.first
    if (call === undefined || !this.#mayStart(call)) return false
    this.#queue.remove(call)
    try {
      // One signal may end many calls: those behind must not start only to be cancelled.
      call.checkSignals()
      this.#open(call, this.clock.now())
      if (call.id === 0) this.#release(call)
    } catch (error) {
      this.#release(call)
      call.fail(error)
    }
    return true
  }

  #mayStart({ method }: OutgoingCall): boolean {
    if (this.#refusal !== undefined || this.#scheduler.isBlocked) return false
    return method.kind === 'oneway' || this.#table.size < this.#maxStreams
  }

  #enqueue(call: OutgoingCall): void {
    this.#queue.push(
      call,
      this.#scheduler.isBlocked ? 'the peer does not read' : `${this.#maxStreams} calls are under way`,
    )
  }

  /** Writes OPEN and uses up its id; what the transport refuses is surely not processed. */
  #send(call: OutgoingCall, now: number): void {
    const { method, message } = call
    const { handOver, onMessage, onIdsLow } = this.#options
    const isOneway = method.kind === 'oneway'
    const id = this.#nextId
    if (id > LAST_STREAM_ID) throw new RpcError('UNAVAILABLE', 'stream ids are used up', { notProcessed: true })
    const head = this.#head
    head.timeoutMs = wireTimeout(now === call.startedAt ? call.timeoutMs : call.deadline - now)
    head.encoding = method.codec.id
    head.method = method.name
    head.meta = call.meta
    const flags = isOneway ? LAST | ONEWAY : call.sendsMany ? 0 : LAST
    try {
      if (handOver === undefined) call.message = undefined
      const isSent = this.#scheduler.open(id, flags, head, message, call)
      this.#nextId += 2
      if (id > LOW_IDS_FROM) onIdsLow?.()
      call.id = id
      call.openedAt = now
      if (isSent) call.sentAt = now
      this.#table.add(call)
      if (isOneway && isSent) this.onSent(call)
      else if (call.sendsMany) call.send(this.#scheduler, this.#credit, onMessage, handOver !== undefined)
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
      const code = error.code === 'SEND_BUFFER_FULL' ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE'
      throw new RpcError(code, error.message, { notProcessed: true, cause: error })
    }
  }

  /** All of a message that was too long for one frame is on its way. */
  onSent(call: OutgoingCall): void {
    call.sentAt = this.clock.now()
    if (call.method.kind === 'oneway') this.#take(call.id)?.answer(undefined)
  }

  #tellTrailers({ onTrailers, method }: OutgoingCall, trailers: Meta): void {
    const onError = (error: unknown): void => this.#options.onError(error, method.path)
    try {
      const told: unknown = onTrailers?.(trailers)
      if (told instanceof Promise) told.catch(onError)
    } catch (error) {
      onError(error)
    }
  }

  #take(id: number): OutgoingCall | undefined {
    const call = this.#table.delete(id)
    if (call !== undefined) this.#release(call)
    return call
  }

  #release(call: OutgoingCall): void {
    call.unwatch(this.#signals)
    if (this.#queue.length > 0) this.#scheduler.turn()
    if (this.size === 0) this.#options.onSettled()
  }
}

/** What OPEN says: relative, so the clocks of the two ends need not agree. 0 = none. */
function wireTimeout(leftMs: number): number {
  if (leftMs === Number.POSITIVE_INFINITY) return 0
  return Math.min(Math.max(1, Math.ceil(leftMs)), MAX_TIMEOUT_MS)
}

/** Refusals that pass: another connection, or the same a moment later, may do better. */
function isPassing(code: Code): boolean {
  return code === 'UNAVAILABLE' || code === 'RESOURCE_EXHAUSTED'
}
