// The calls the peer makes: from the OPEN frame to the handler, and from what it returns or throws to DATA or END.
// Invariant: a call has exactly one answer, or none after CANCEL; its slot is free when the handler has settled, not
// when CANCEL arrives, so a peer that opens and cancels can not pile up work (CVE-2023-44487).

import type { Clock, Connection } from '@framewire/transport'
import { refusalFor } from './admission.ts'
import type { Budget } from './budget.ts'
import { CallTable } from './call-table.ts'
import type { Codec } from './codec.ts'
import { withTrace } from './diagnostics.ts'
import type { OnError } from './error-report.ts'
import { checkData, type OpenFrame } from './frame.ts'
import type { Handler } from './implement.ts'
import { Inbound } from './inbound.ts'
import { IncomingCall } from './incoming-call.ts'
import { type Interceptor, intercept } from './interceptor.ts'
import type { Limits } from './limits.ts'
import { decodeMessage, type Keeper, type Message } from './message.ts'
import { checkLength, type Memory, MessageBuffer } from './message-buffer.ts'
import type { MethodTable } from './method-table.ts'
import { Outbound } from './outbound.ts'
import type { Peer } from './peer.ts'
import { ProtocolError } from './protocol-error.ts'
import { encodeReply, Replies } from './replies.ts'
import { RpcError } from './rpc-error.ts'
import type { Scheduler } from './scheduler.ts'
import { validate } from './schema.ts'
import { LAST, MORE, NONE, ONEWAY } from './wire.ts'

export interface IncomingOptions {
  peer: Peer
  methods: MethodTable
  limits: Required<Limits>
  clock: Clock
  /** Of messages that wait to be taken. */
  memory: Memory
  interceptors: readonly Interceptor[]
  /** Codecs by which a method may be called besides its own. */
  codecs: ReadonlyMap<number, Codec>
  /** What the other side may cancel before it is done. */
  cancels: Budget
  /** The callers are told what a handler threw that was no RpcError. */
  exposeErrors: boolean
  /** Gets what a handler threw that was no RpcError: the peer is told INTERNAL only. */
  onError: OnError
  watchDeadline: (deadline: number) => void
  onSettled: () => void
  /** A message of a stream has left: the peer may answer it with CREDIT. */
  onMessage: () => void
}

const DRAINING = new RpcError('UNAVAILABLE', 'the peer is shutting down')

export class IncomingCalls {
  readonly #connection: Connection
  readonly #scheduler: Scheduler
  readonly #options: IncomingOptions
  readonly #table = new CallTable<IncomingCall>()
  readonly #replies: Replies
  #credit: number
  #oneways = 0 // in the table
  #isDraining = false

  /** `credit`: what is assumed until the peer's HELLO. */
  constructor(connection: Connection, scheduler: Scheduler, credit: number, options: IncomingOptions) {
    this.#connection = connection
    this.#scheduler = scheduler
    this.#credit = credit
    this.#options = options
    this.#replies = new Replies(scheduler, options.exposeErrors, options.onError)
  }

  /** Handlers that have not settled. */
  get size(): number {
    return this.#table.size
  }

  /** The peer's HELLO: messages start with INITIAL_CREDIT. */
  onHello(credit: number): void {
    for (const { outbound } of this.#table.values()) outbound?.grant(credit - this.#credit)
    this.#credit = credit
  }

  /** From now on calls are refused, surely not processed. */
  drain(): void {
    this.#isDraining = true
  }

  onOpen(id: number, open: OpenFrame, flags: number, bytes: Uint8Array, end: number): void {
    const isOneway = (flags & ONEWAY) !== 0
    const handler = this.#options.methods.find(bytes, open.methodAt, open.methodEnd)
    const codec = handler === undefined ? undefined : this.#codecOf(handler, open.encoding)
    const isPart = (flags & MORE) !== 0
    if (isPart && ((flags & (LAST | NONE)) !== 0 || open.messageAt === end)) {
      throw new ProtocolError('protocol error', `OPEN of stream ${id} with MORE and LAST, NONE or an empty message`)
    }
    // Who calls counts no oneway, so those have places of their own.
    const running = isOneway ? this.#oneways : this.#table.size - this.#oneways
    const { limits } = this.#options
    const refusal = this.#isDraining ? DRAINING : refusalFor(open, flags, bytes, end, handler, codec, running, limits)
    if (refusal !== undefined || handler === undefined || codec === undefined) {
      if (!isOneway) this.#replies.sendError(id, codec, '', refusal as RpcError, { notProcessed: true })
      return
    }
    const { peer, clock } = this.#options
    const timeoutMs = this.#timeoutOf(handler, open.timeoutMs)
    const meta = open.metaAt === open.messageAt ? undefined : this.#connection.keep(bytes, open.metaAt, open.messageAt)
    const call = new IncomingCall(id, handler, codec, peer, timeoutMs, meta, isOneway, clock)
    if (handler.sendsMany) return this.#openStream(call, open, flags, bytes, end)
    if (isPart) return this.#openPart(call, bytes, open.messageAt, end)
    this.#run(call, this.#connection, bytes, open.messageAt, end, open.hasMessage)
  }

  onData(id: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    const call = this.#table.get(id)
    // Of a call that was refused in the middle of a message the rest is on its way, and nobody looks where it ends.
    checkData(id, flags, start, end, false, call?.isAnswered === false && call.isInside)
    if (call === undefined || call.isAnswered) return
    const isWhole = (flags & MORE) === 0
    const { inbound, buffer } = call
    if ((inbound === undefined && buffer === undefined) || inbound?.hasEnded) {
      throw new ProtocolError('protocol error', `DATA of stream ${id} after LAST`)
    }
    if ((flags & NONE) === 0) {
      try {
        checkLength(end - start, this.#options.limits.maxMessage)
        if (inbound !== undefined) inbound.push(bytes, start, end, isWhole)
        else buffer?.append(this.#connection, bytes, start, end, isWhole)
      } catch (error) {
        if (!(error instanceof RpcError)) throw error
        return this.#refuse(call, error)
      }
    }
    if (inbound !== undefined) {
      if ((flags & LAST) !== 0) inbound.end()
    } else if (isWhole) this.#runBuffered(call, buffer as MessageBuffer)
  }

  /** The caller has given up: the handler is told, and nothing more is sent. */
  onCancel(id: number, reason: RpcError): void {
    this.#scheduler.drop(id)
    const call = this.#table.get(id)
    if (call === undefined || call.isAnswered) return
    const isWorkLost = call.outbound?.hasSent !== true
    this.#abort(call, reason)
    if (isWorkLost) this.#options.cancels.spend()
  }

  /** The peer takes so many bytes more of a stream. */
  onCredit(id: number, bytes: number): void {
    this.#table.get(id)?.outbound?.grant(bytes)
  }

  /** The connection is gone: every handler is told. They stay in the table until they settle. */
  abortAll(reason: RpcError): void {
    for (const call of this.#table.values()) this.#abort(call, reason)
  }

  /** Answers the calls whose deadline has passed and returns the earliest that is left. */
  sweep(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const call of this.#table.values()) {
      if (call.isAnswered) continue
      if (call.deadline > now) next = Math.min(next, call.deadline)
      else {
        const error = new RpcError('DEADLINE_EXCEEDED', `${call.handler.path} passed its deadline in the handler`)
        this.#refuse(call, error)
      }
    }
    return next
  }

  /** The codec of a call: the method's own, or another that is known. Bytes are never taken for values, nor values for bytes. */
  #codecOf({ codec }: Handler, encoding: number): Codec | undefined {
    if (encoding === codec.id) return codec
    return codec.id === 0 ? undefined : this.#options.codecs.get(encoding)
  }

  /** Infinity = none. What has one answer is never open for ever. */
  #timeoutOf({ kind }: Handler, timeoutMs: number): number {
    const asked = timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs
    return kind === 'unary' || kind === 'oneway' ? Math.min(asked, this.#options.limits.maxTimeoutMs) : asked
  }

  #openPart(call: IncomingCall, bytes: Uint8Array, start: number, end: number): void {
    const { memory, limits } = this.#options
    call.buffer = new MessageBuffer(memory, limits.maxMessage)
    this.#list(call)
    try {
      call.buffer.append(this.#connection, bytes, start, end, false)
    } catch (error) {
      this.#refuse(call, error as RpcError)
    }
  }

  #openStream(call: IncomingCall, open: OpenFrame, flags: number, bytes: Uint8Array, end: number): void {
    const { memory, limits } = this.#options
    const { input, path } = call.handler
    call.inbound = new Inbound({
      keeper: this.#connection,
      memory,
      maxMessage: limits.maxMessage,
      window: limits.streamCredit,
      decode: (keeper, frame, from, to) => {
        const value = decodeMessage(keeper, call.codec, frame, from, to)
        return input === undefined ? value : validate(input, value, 'INVALID_ARGUMENT', `input of ${path}`)
      },
      grant: (taken) => {
        if (!call.isAnswered) this.#scheduler.writer.credit(call.id, taken)
      },
      onFirst: () => {},
      onLeft: () => {},
    })
    this.#list(call)
    try {
      if (open.hasMessage && open.messageAt < end) call.inbound.push(bytes, open.messageAt, end, (flags & MORE) === 0)
    } catch (error) {
      return this.#refuse(call, error as RpcError, true)
    }
    if ((flags & LAST) !== 0) call.inbound.end()
    this.#invoke(call, call.inbound)
  }

  #runBuffered(call: IncomingCall, buffer: MessageBuffer): void {
    call.buffer = undefined
    buffer.take((bytes, start, end) => this.#run(call, buffer, bytes, start, end, true))
  }

  #run(call: IncomingCall, keeper: Keeper, bytes: Uint8Array, start: number, end: number, hasMessage: boolean): void {
    let input: unknown
    try {
      if (hasMessage) input = decodeMessage(keeper, call.codec, bytes, start, end)
    } catch (error) {
      return this.#failed(call, error)
    }
    this.#invoke(call, input)
  }

  #invoke(call: IncomingCall, input: unknown): void {
    let result: unknown
    try {
      const around = withTrace(this.#options.interceptors, false)
      result = around.length === 0 ? this.#handle(call, input) : this.#intercepted(call, input, around)
      // Another kind of thenable may throw, or call back twice.
      const isThenable = typeof (result as PromiseLike<unknown> | undefined)?.then === 'function'
      if (isThenable && !(result instanceof Promise)) result = Promise.resolve(result)
    } catch (error) {
      return this.#failed(call, error)
    }
    if (result instanceof Promise) {
      this.#list(call)
      result.then(
        (value) => this.#finish(call, value),
        (error: unknown) => this.#failed(call, error),
      )
    } else this.#finish(call, result)
  }

  #handle(call: IncomingCall, input: unknown): unknown {
    const { handler } = call
    if (handler.input === undefined || handler.sendsMany) return this.#call(call, input)
    const checked = validate(handler.input, input, 'INVALID_ARGUMENT', `input of ${handler.path}`)
    return checked instanceof Promise ? checked.then((value) => this.#call(call, value)) : this.#call(call, checked)
  }

  /** Runs the handler, unless nobody waits for it any more: interceptors and schemas may have taken their time. */
  #call(call: IncomingCall, input: unknown): unknown {
    if (call.isAnswered) throw call.signal.reason ?? new RpcError('CANCELLED', 'the call was answered')
    return call.handler.run(input, call)
  }

  async #intercepted(call: IncomingCall, input: unknown, interceptors: readonly Interceptor[]): Promise<unknown> {
    const { peer, meta, values, deadline, trailers, handler } = call
    const run = intercept(interceptors, async (inner) => ({ output: await this.#handle(call, inner.input), trailers }))
    const { output } = await run({
      method: handler.path,
      kind: handler.kind,
      input,
      get signal() {
        return call.signal
      },
      meta,
      deadline,
      peer,
      values,
    })
    return output
  }

  /** The handler has returned. The caller gets that: it applies the transforms of the schema itself. */
  #finish(call: IncomingCall, value: unknown): void {
    const { output, path, returnsMany } = call.handler
    let checked: unknown
    try {
      if (returnsMany) return this.#stream(call, value)
      if (output === undefined || call.isOneway || call.isAnswered) return this.#succeed(call, value)
      checked = validate(output, value, 'INTERNAL', `reply of ${path}`)
    } catch (error) {
      return this.#failed(call, error)
    }
    if (!(checked instanceof Promise)) return this.#succeed(call, value)
    this.#list(call)
    checked.then(
      () => this.#succeed(call, value),
      (error: unknown) => this.#failed(call, error),
    )
  }

  /** The handler has returned its messages: they are pulled at the pace of the caller. */
  #stream(call: IncomingCall, value: unknown): void {
    const { output, path } = call.handler
    const messages = Object(value) as Partial<AsyncIterable<unknown> & Iterable<unknown>>
    const source = messages[Symbol.asyncIterator]?.() ?? messages[Symbol.iterator]?.()
    if (source === undefined) throw new TypeError(`${path} must return an async iterable`)
    const encode = (message: unknown): Message | Promise<Message> => {
      if (output === undefined) return encodeReply(call, message)
      const checked = validate(output, message, 'INTERNAL', `message of ${path}`)
      return checked instanceof Promise ? checked.then(() => encodeReply(call, message)) : encodeReply(call, message)
    }
    const { onMessage } = this.#options
    const outbound = new Outbound(this.#scheduler, call.id, this.#credit, { source, encode, onMessage, isKept: false })
    call.outbound = outbound
    if (call.isAnswered) outbound.stop()
    this.#list(call)
    outbound.sendAll().then(
      () => this.#succeed(call, undefined),
      (error: unknown) => this.#failed(call, error),
    )
  }

  /** Its slot is taken until its handler has settled. */
  #list(call: IncomingCall): void {
    if (call.isListed) return
    call.isListed = true
    this.#table.add(call)
    if (call.isOneway) this.#oneways++
    this.#options.watchDeadline(call.deadline)
  }

  /** `isUnused`: no handler runs, the first message is not whole. */
  #abort(call: IncomingCall, reason: RpcError, isUnused: boolean = call.buffer !== undefined): void {
    call.abort(reason)
    if (!isUnused) return
    this.#unlist(call)
    this.#settled(call)
  }

  #unlist(call: IncomingCall): void {
    if (!call.isListed || this.#table.delete(call.id) === undefined) return
    if (call.isOneway) this.#oneways--
    void call.inbound?.return()
  }

  #succeed(call: IncomingCall, value: unknown): void {
    this.#unlist(call)
    try {
      if (!call.isOneway && !call.isAnswered) {
        this.#options.cancels.earn()
        this.#replies.send(call, value)
      }
    } catch (error) {
      this.#replies.fail(call, error)
    }
    this.#settled(call)
  }

  #failed(call: IncomingCall, error: unknown): void {
    this.#unlist(call)
    this.#replies.fail(call, error)
    this.#settled(call)
  }

  #settled(call: IncomingCall): void {
    call.isAnswered = true
    if (call.isListed && this.#table.size === 0) this.#options.onSettled()
  }

  /** A call that this side ends: the caller is told why, and so is the handler, if it runs. */
  #refuse(call: IncomingCall, error: RpcError, isUnused: boolean = call.buffer !== undefined): void {
    if (!call.isOneway)
      this.#replies.sendError(call.id, call.codec, call.handler.path, error, { notProcessed: isUnused })
    this.#abort(call, error, isUnused)
  }
}
