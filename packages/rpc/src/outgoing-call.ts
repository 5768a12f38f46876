// One call made here: what its caller asked for, what has come back so far, and where its time went.

import type { Clock } from '@framewire/transport'
import { type Kind, returnsMany, sendsMany } from './contract.ts'
import type { Inbound } from './inbound.ts'
import { decodeMessage, type Keeper, type Message, toMessage } from './message.ts'
import { type Memory, MessageBuffer } from './message-buffer.ts'
import { Meta } from './meta.ts'
import { Outbound, type Source } from './outbound.ts'
import { badReply, checkInput, checkReply, type OutgoingMethod, sourceOf } from './outgoing-method.ts'
import type { CallOptions } from './peer.ts'
import { RpcError } from './rpc-error.ts'
import type { Scheduler } from './scheduler.ts'
import type { SignalWatch } from './signal-watch.ts'
import { LAST } from './wire.ts'

/** Who keeps a call: the connection it is made on, or who looks for one. */
export interface CallOwner {
  readonly clock: Clock
  readonly keeper: Keeper
  giveUp(call: OutgoingCall, error: RpcError): void
  onSent(call: OutgoingCall): void
  /** So many bytes of its messages were taken. */
  grant(call: OutgoingCall, bytes: number): void
}

const DEFAULT_TIMEOUT_MS = 10_000
const NO_META: Uint8Array = new Uint8Array(0)
/** Of the metadata of a call what belongs to the calls made for it too. */
const TRACE_KEYS = ['traceparent', 'tracestate']

/** The time a call has, in ms: what it asks for, or the default of its kind, and no more than the call it is made for. */
export function timeoutOf(kind: Kind, { timeoutMs, ctx }: CallOptions, clock: Clock): number {
  const own = timeoutMs ?? (returnsMany(kind) ? Number.POSITIVE_INFINITY : DEFAULT_TIMEOUT_MS)
  if (!(own > 0 && own === +own)) throw new RangeError(`timeoutMs must be above 0, got ${own}`)
  return ctx === undefined ? own : Math.min(own, ctx.deadline - clock.now())
}

/** The metadata of a call, with the trace of the call that it is made for. */
export function metaOf({ meta, ctx }: CallOptions): Meta {
  const own = new Meta(meta)
  for (const key of ctx === undefined ? [] : TRACE_KEYS) {
    const inherited = ctx?.meta.getBytes(key)
    if (inherited !== undefined && own.getBytes(key) === undefined) own.append(key, inherited)
  }
  return own
}

export class OutgoingCall {
  id = 0 // 0 = nothing was sent yet
  message: Message = undefined
  /** The messages that come back, and those that go out, of kinds that have many. */
  inbound: Inbound | undefined
  source: Source | undefined
  outbound: Outbound | undefined
  /** Settled, or left by its caller: it must not start any more. */
  isOver = false
  /** It was refused once and made again: not a second time. */
  isRetried = false
  /** For a connection: how long by now, and since when. */
  waitedMs = 0
  waitingSince = 0
  owner: CallOwner
  openedAt = 0
  sentAt = 0
  readonly method: OutgoingMethod
  readonly meta: Uint8Array
  readonly timeoutMs: number
  readonly startedAt: number
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  readonly parent: AbortSignal | undefined
  readonly waitForReady: boolean
  readonly onTrailers: ((trailers: Meta) => void) | undefined
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  #openSource: (() => Source) | undefined
  #buffer: MessageBuffer | undefined // of a reply in several frames
  #hasReply = false // a reply has come, END follows
  #reply: unknown

  constructor(
    owner: CallOwner,
    method: OutgoingMethod,
    options: CallOptions,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.owner = owner
    this.method = method
    const { meta, ctx } = options
    this.timeoutMs = timeoutOf(method.kind, options, owner.clock)
    this.startedAt = owner.clock.now()
    this.deadline = this.startedAt + this.timeoutMs
    this.meta = meta === undefined && ctx === undefined ? NO_META : (metaOf(options).encode() ?? NO_META)
    this.signal = options.signal
    this.parent = ctx?.signal
    this.waitForReady = options.waitForReady === true
    this.onTrailers = options.onTrailers
    this.resolve = resolve
    this.reject = reject
  }

  /** Nothing has come yet, and one message is to come: a reply in one frame can be taken as it stands. */
  get isFresh(): boolean {
    return this.inbound === undefined && !this.#hasReply && this.#buffer === undefined
  }

  /** Nothing came of it: it can be made on another connection as it is. */
  get isMovable(): boolean {
    if (this.isOver || this.#hasReply || this.#buffer !== undefined) return false
    return this.outbound?.isMovable !== false && this.inbound?.isFresh !== false
  }

  /** A message has begun and is not whole. */
  get isInside(): boolean {
    return this.inbound?.isInside ?? (this.#buffer !== undefined && !this.#hasReply)
  }

  get sendsMany(): boolean {
    return sendsMany(this.method.kind)
  }

  /** Throws what is wrong with the input. Runs code of the application (toJSON), which may close the connection. */
  prepare(input: unknown): void {
    if (this.sendsMany) this.#openSource = sourceOf(this.method, input)
    else this.message = toMessage(this.method.codec, input)
  }

  /** Opens the application's iterable, if there is one and it is not open: true = it was. Throws what that throws. */
  begin(): boolean {
    if (this.#openSource === undefined || this.source !== undefined) return false
    this.source = this.#openSource()
    return true
  }

  /** Sends what the application's iterable gives, at the pace of the other side. */
  send(scheduler: Scheduler, credit: number, onMessage: () => void, isKept: boolean): void {
    const { id, method, owner } = this
    const encode = (value: unknown): Message | Promise<Message> => {
      if (method.input === undefined) return toMessage(method.codec, value)
      return checkInput(method, value).then(() => toMessage(method.codec, value))
    }
    this.outbound?.bind(scheduler, id, credit)
    const options = { source: this.source as Source, encode, onMessage, isKept }
    this.outbound ??= new Outbound(scheduler, id, credit, options)
    this.outbound.sendAll().then(
      (hasEnded) => {
        if (hasEnded && !this.isOver && this.id === id && this.owner === owner) scheduler.data(id, LAST, undefined)
      },
      (cause) => {
        const text = `${method.path} was cancelled: its input failed`
        this.owner.giveUp(this, cause instanceof RpcError ? cause : new RpcError('CANCELLED', text, { cause }))
      },
    )
  }

  /** It is going to be made on another connection. */
  move(): void {
    this.outbound?.park()
    this.id = 0
    this.openedAt = 0
    this.sentAt = 0
  }

  /** A message, or a piece of one. Throws an RpcError for what the call fails with. */
  receive(
    keeper: Keeper,
    memory: Memory,
    max: number,
    frame: Uint8Array,
    start: number,
    end: number,
    isWhole: boolean,
  ): void {
    this.message = undefined // it is not made again
    this.outbound?.confirm()
    if (this.inbound !== undefined) return this.inbound.push(frame, start, end, isWhole)
    if (this.#hasReply) throw new RpcError('INTERNAL', `${this.method.path} was answered with more than one message`)
    if (isWhole && this.#buffer === undefined) this.#reply = this.decode(keeper, frame, start, end)
    else {
      this.#buffer ??= new MessageBuffer(memory, max)
      const buffer = this.#buffer
      buffer.append(keeper, frame, start, end, isWhole)
      if (isWhole) this.#reply = buffer.take((bytes, from, to) => this.decode(buffer, bytes, from, to))
    }
    this.#hasReply = isWhole
  }

  /** The value of a reply. What is wrong with it is INTERNAL. */
  decode(keeper: Keeper, bytes: Uint8Array, start: number, end: number): unknown {
    try {
      return decodeMessage(keeper, this.method.codec, bytes, start, end)
    } catch (error) {
      throw badReply(this.method, error)
    }
  }

  /** Nothing more comes, and all went well. */
  finish(): void {
    this.close()
    if (this.inbound !== undefined) this.inbound.end()
    else this.answer(this.#reply)
  }

  /** `discard`: what has arrived and was not taken is not wanted any more. */
  fail(error: unknown, discard = false): void {
    this.close()
    this.inbound?.fail(error, { discard })
    this.reject(error)
  }

  /** Nothing more goes out, and nothing of the reply is kept. */
  close(): void {
    this.isOver = true
    this.#buffer?.clear()
    this.outbound?.stop()
  }

  /** Resolves with the reply; with a schema, with what that makes of it, now or later. */
  answer(value: unknown): void {
    this.isOver = true
    this.outbound?.stop()
    if (this.method.output === undefined) return this.resolve(value)
    try {
      this.resolve(checkReply(this.method, value))
    } catch (error) {
      this.reject(error)
    }
  }

  abort(reason: unknown): void {
    this.owner.giveUp(this, this.cancelled(reason))
  }

  onSent(): void {
    this.owner.onSent(this)
  }

  /** Its signals end it from now on, until `unwatch`. */
  watch(signals: SignalWatch): void {
    if (this.signal !== undefined) signals.add(this.signal, this)
    if (this.parent !== undefined) signals.add(this.parent, this)
  }

  unwatch(signals: SignalWatch): void {
    if (this.signal !== undefined) signals.delete(this.signal, this)
    if (this.parent !== undefined) signals.delete(this.parent, this)
  }

  /** Throws CANCELLED for a call whose signal has aborted, or that of the call it is made for. */
  checkSignals(): void {
    if (this.signal?.aborted) throw this.cancelled(this.signal.reason)
    if (this.parent?.aborted) throw this.cancelled(this.parent.reason)
  }

  cancelled(reason: unknown): RpcError {
    const notProcessed = this.id === 0
    return new RpcError('CANCELLED', `${this.method.path} was cancelled`, { notProcessed, cause: reason })
  }

  /** The deadline has passed: where the time went. `helloAt`: when the peer's HELLO came; Infinity = not yet. */
  late(now: number, helloAt: number, lagMs: number): RpcError {
    const openedAt = this.id === 0 ? now : this.openedAt
    const sentAt = this.id === 0 ? now : this.sentAt === 0 ? now : this.sentAt
    const readyAt = Math.min(now, Math.max(sentAt, helloAt))
    const parts = [
      ['queued', openedAt - this.startedAt - this.waitedMs],
      ['written', sentAt - openedAt],
      ['connecting', readyAt - sentAt + this.waitedMs],
      ['waiting', now - readyAt],
    ] as const
    const spent = parts.filter(([, ms]) => ms >= 0.5).map(([what, ms]) => `${what} ${Math.round(ms)} ms`)
    const text = `${this.method.path} passed its deadline of ${Math.max(0, Math.ceil(this.timeoutMs))} ms (${spent.join(', ')})`
    const delay = `the event loop was ${Math.round(lagMs)} ms late`
    return new RpcError('DEADLINE_EXCEEDED', `${text}; ${delay}`, { notProcessed: this.id === 0 })
  }
}
