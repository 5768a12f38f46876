// The calls this side makes: from the promise to the OPEN frame, and from DATA or END back to the promise.
// Invariant: every call settles exactly once; it is in the table, or in the queue, or settled, never in two of them.

import { type Connection, TransportError } from '@framewire/transport'
import { CallTable } from './call-table.ts'
import type { Codec } from './codec.ts'
import type { EndFrame } from './frame.ts'
import type { FrameWriter } from './frame-writer.ts'
import { decodeMessage, type Message, toMessage } from './message.ts'
import type { CallOptions } from './peer.ts'
import { codeName, codeNumber, RpcError } from './rpc-error.ts'
import { type Schema, validate } from './schema.ts'
import { SignalWatch } from './signal-watch.ts'
import { LAST, MAX_STREAM_ID, MAX_TIMEOUT_MS, ONEWAY } from './wire.ts'

/** A method as its caller needs it. */
export interface OutgoingMethod {
  readonly path: string
  readonly kind: 'unary' | 'oneway'
  readonly codec: Codec
  /** u8 length and name, ready for the wire. */
  readonly name: Uint8Array
  readonly input: Schema | undefined
  readonly output: Schema | undefined
}

export interface OutgoingLimits {
  /** Calls that may wait for a free stream; one more fails with RESOURCE_EXHAUSTED. */
  maxQueued: number
}

const DEFAULT_TIMEOUT_MS = 10_000

class OutgoingCall {
  id = 0 // 0 = still queued
  deadline: number = Number.POSITIVE_INFINITY
  signal: AbortSignal | undefined
  message: Message = undefined
  readonly method: OutgoingMethod
  readonly timeoutMs: number
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly #owner: OutgoingCalls

  constructor(
    owner: OutgoingCalls,
    method: OutgoingMethod,
    timeoutMs: number,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#owner = owner
    this.method = method
    this.timeoutMs = timeoutMs
    this.resolve = resolve
    this.reject = reject
  }

  /** Resolves with the reply; with a schema, with what that makes of it, now or later. */
  answer(value: unknown): void {
    const { output, path } = this.method
    if (output === undefined) return this.resolve(value)
    const refuse = (error: unknown): never => {
      throw badReply(this.method, error)
    }
    try {
      const checked = validate(output, value, 'INTERNAL', `reply of ${path}`)
      this.resolve(checked instanceof Promise ? checked.catch(refuse) : checked)
    } catch (error) {
      this.reject(badReply(this.method, error))
    }
  }

  abort(reason: unknown): void {
    this.#owner.giveUp(this, this.cancelled(reason))
  }

  cancelled(reason: unknown): RpcError {
    const notProcessed = this.id === 0
    return new RpcError('CANCELLED', `${this.method.path} was cancelled`, { notProcessed, cause: reason })
  }
}

/** What is wrong with a reply is the other side's fault, whatever found it. */
function badReply({ path }: OutgoingMethod, error: unknown): RpcError {
  if (error instanceof RpcError && error.code === 'INTERNAL') return error
  const why = error instanceof Error ? error.message : 'it was refused'
  return new RpcError('INTERNAL', `reply of ${path}: ${why}`, { cause: error })
}

export class OutgoingCalls {
  readonly #connection: Connection
  readonly #writer: FrameWriter
  readonly #limits: OutgoingLimits
  readonly #watchDeadline: (deadline: number) => void
  readonly #onSettled: () => void
  readonly #table = new CallTable<OutgoingCall>()
  readonly #queue: OutgoingCall[] = []
  /** Oneway calls that the connection has accepted while its buffer is full. */
  readonly #leaving = new Set<OutgoingCall>()
  readonly #signals = new SignalWatch()
  #maxStreams: number
  #nextId: number
  #refusal: RpcError | undefined

  constructor(
    connection: Connection,
    writer: FrameWriter,
    options: {
      firstId: number
      maxStreams: number
      limits: OutgoingLimits
      watchDeadline: (deadline: number) => void
      onSettled: () => void
    },
  ) {
    this.#connection = connection
    this.#writer = writer
    this.#limits = options.limits
    this.#nextId = options.firstId
    this.#maxStreams = options.maxStreams
    this.#watchDeadline = options.watchDeadline
    this.#onSettled = options.onSettled
  }

  /** Calls that have not settled. */
  get size(): number {
    return this.#table.size + this.#queue.length + this.#leaving.size
  }

  /** The peer's MAX_STREAMS: calls above it wait here. */
  setMaxStreams(maxStreams: number): void {
    this.#maxStreams = maxStreams
    this.#startQueued()
  }

  call(method: OutgoingMethod, input: unknown, options: CallOptions): Promise<unknown> {
    if (method.input === undefined) return this.#start(method, input, options)
    // The peer gets what the caller gave: it applies the transforms of the schema itself.
    const checked = new Promise((resolve) => {
      resolve(validate(method.input as Schema, input, 'INVALID_ARGUMENT', `input of ${method.path}`))
    })
    return checked.then(() => this.#start(method, input, options))
  }

  #start(method: OutgoingMethod, input: unknown, options: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
      if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs must be above 0, got ${String(timeoutMs)}`)
      const call = new OutgoingCall(this, method, timeoutMs, resolve, reject)
      // Runs code of the application (toJSON), which may close the connection: nothing below does.
      call.message = toMessage(method.codec, input)
      if (this.#refusal !== undefined) throw this.#refusal
      if (signal?.aborted) throw call.cancelled(signal.reason)
      if (timeoutMs !== Number.POSITIVE_INFINITY) call.deadline = performance.now() + timeoutMs
      if (method.kind === 'oneway') {
        if (this.#sendOneway(call)) return resolve(undefined)
      } else if (this.#table.size < this.#maxStreams) this.#send(call)
      else this.#enqueue(call)
      if (signal !== undefined) {
        call.signal = signal
        this.#signals.add(signal, call)
      }
      this.#watchDeadline(call.deadline)
    })
  }

  /** Whether a reply to this id can still be late rather than wrong. */
  wasOpened(id: number): boolean {
    return id > 0 && id < this.#nextId
  }

  onData(id: number, bytes: Uint8Array, start: number, end: number, hasMessage: boolean): void {
    const call = this.#take(id)
    if (call === undefined) return
    let value: unknown
    try {
      if (hasMessage) value = decodeMessage(this.#connection, call.method.codec, bytes, start, end)
    } catch (error) {
      return call.reject(badReply(call.method, error))
    }
    call.answer(value)
  }

  onEnd(id: number, frame: EndFrame, bytes: Uint8Array, end: number): void {
    const call = this.#take(id)
    if (call === undefined) return
    const { message, appName, isNotProcessed: notProcessed, detailsAt } = frame
    if (frame.code === 0) return call.answer(undefined)
    let details: unknown
    if (detailsAt >= 0) {
      try {
        details = decodeMessage(this.#connection, call.method.codec, bytes, detailsAt, end)
      } catch (cause) {
        return call.reject(new RpcError(codeName(frame.code), message, { appName, notProcessed, cause }))
      }
    }
    call.reject(new RpcError(codeName(frame.code), message, { appName, details, notProcessed }))
  }

  /** Ends a call from this side: the handler, if it may be running, is told. */
  giveUp(call: OutgoingCall, error: RpcError): void {
    if (call.id === 0) {
      const at = this.#queue.indexOf(call)
      if (at < 0) return
      this.#queue.splice(at, 1)
    } else if (this.#table.delete(call.id) !== undefined) this.#writer.cancel(call.id, codeNumber(error.code))
    else if (!this.#leaving.delete(call)) return
    this.#release(call)
    call.reject(error)
  }

  /** Ends the calls whose deadline has passed and returns the earliest that is left. */
  sweep(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const call of [...this.#queue, ...this.#table.values(), ...this.#leaving]) {
      if (call.deadline > now) next = Math.min(next, call.deadline)
      else {
        const place = call.id === 0 ? 'while it waited for a free stream' : 'without an answer'
        const text = `${call.method.path} passed its deadline of ${call.timeoutMs} ms ${place}`
        this.giveUp(call, new RpcError('DEADLINE_EXCEEDED', text, { notProcessed: call.id === 0 }))
      }
    }
    return next
  }

  /** No call starts any more: each fails with this error. Those under way go on. */
  refuse(error: RpcError): void {
    this.#refusal ??= error
    for (const call of this.#queue.splice(0)) {
      this.#release(call)
      call.reject(this.#refusal)
    }
  }

  /** The connection is gone: settles every call with the error `make` gives for it. */
  failAll(make: (isNotProcessed: boolean) => RpcError): void {
    this.refuse(make(true))
    const calls = [...this.#table.takeAll(), ...this.#leaving]
    this.#leaving.clear()
    for (const call of calls) {
      this.#release(call)
      call.reject(make(false))
    }
  }

  /** The peer has said that it processed nothing above `lastId`. */
  failAbove(lastId: number, error: RpcError): void {
    for (const call of this.#table.values()) {
      if (call.id <= lastId) continue
      this.#take(call.id)
      call.reject(error)
    }
  }

  #enqueue(call: OutgoingCall): void {
    if (this.#queue.length < this.#limits.maxQueued) {
      // The bytes are the caller's again as soon as the call is made.
      if (call.message instanceof Uint8Array) call.message = new Uint8Array(call.message)
      this.#queue.push(call)
    } else {
      const text = `${this.#maxStreams} calls are under way and ${this.#queue.length} wait, the limit is maxQueued ${this.#limits.maxQueued}`
      throw new RpcError('RESOURCE_EXHAUSTED', text, { notProcessed: true })
    }
  }

  #send(call: OutgoingCall): void {
    const { deadline } = call
    // What is left now: relative, so the clocks of the two ends need not agree.
    const isQueued = call.id === 0 && this.#queue.length > 0
    const id = this.#nextId
    this.#open(call, LAST, isQueued ? deadline - performance.now() : call.timeoutMs)
    call.id = id
    call.message = undefined
    this.#table.add(call)
  }

  /** True = it is on its way; false = it waits, accepted, until the connection takes more. */
  #sendOneway(call: OutgoingCall): boolean {
    const id = this.#nextId
    if (this.#open(call, LAST | ONEWAY, call.timeoutMs)) return true
    call.id = id
    call.message = undefined
    if (this.#leaving.size === 0) this.#connection.drained().then(() => this.#onDrained(), ignore)
    this.#leaving.add(call)
    return false
  }

  #onDrained(): void {
    for (const call of this.#leaving) {
      this.#leaving.delete(call)
      this.#release(call)
      call.resolve(undefined)
    }
  }

  /** Writes OPEN and uses up its id; what the transport refuses is surely not processed. Answers as `Connection.send`. */
  #open({ method, message }: OutgoingCall, flags: number, leftMs: number): boolean {
    if (this.#nextId > MAX_STREAM_ID)
      throw new RpcError('UNAVAILABLE', 'stream ids are used up', { notProcessed: true })
    const timeoutMs = leftMs === Number.POSITIVE_INFINITY ? 0 : Math.min(Math.max(1, Math.ceil(leftMs)), MAX_TIMEOUT_MS)
    try {
      const goesOn = this.#writer.open(this.#nextId, flags, timeoutMs, method.codec.id, method.name, message)
      this.#nextId += 2
      return goesOn
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
      const code = error.code === 'SEND_BUFFER_FULL' ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE'
      throw new RpcError(code, error.message, { notProcessed: true, cause: error })
    }
  }

  #take(id: number): OutgoingCall | undefined {
    const call = this.#table.delete(id)
    if (call !== undefined) this.#release(call)
    return call
  }

  #release(call: OutgoingCall): void {
    if (call.signal !== undefined) this.#signals.delete(call.signal, call)
    if (this.#queue.length > 0) this.#startQueued()
    if (this.size === 0) this.#onSettled()
  }

  #startQueued(): void {
    while (this.#queue.length > 0 && this.#table.size < this.#maxStreams) {
      const call = this.#queue[0] as OutgoingCall
      const { signal } = call
      try {
        // One signal may end many calls: those behind must not start only to be cancelled.
        if (signal?.aborted) throw call.cancelled(signal.reason)
        this.#send(call)
        this.#queue.shift()
      } catch (error) {
        this.#queue.shift()
        if (signal !== undefined) this.#signals.delete(signal, call)
        call.reject(error)
      }
    }
  }
}

/** For a promise whose failure is told in another way too. */
function ignore(): void {}
