// The calls the peer makes: from the OPEN frame to the handler, and from what it returns or throws to DATA or END.
// Invariant: a call has exactly one answer, or none after CANCEL; its slot is free when the handler has settled, not
// when CANCEL arrives, so a peer that opens and cancels can not pile up work (CVE-2023-44487).

import type { Connection } from '@framewire/transport'
import { CallTable } from './call-table.ts'
import type { OpenFrame } from './frame.ts'
import type { FrameWriter } from './frame-writer.ts'
import type { Handler } from './implement.ts'
import { decodeMessage, type Message, toMessage } from './message.ts'
import type { MethodTable } from './method-table.ts'
import type { Ctx, Peer } from './peer.ts'
import { codeNumber, RpcError } from './rpc-error.ts'
import { validate } from './schema.ts'

/** One call of the peer, and what its handler is told about it. */
class IncomingCall implements Ctx {
  readonly id: number
  readonly handler: Handler
  readonly peer: Peer
  readonly isOneway: boolean
  /** Nothing more may be sent on this stream. */
  isAnswered = false
  readonly #timeoutMs: number
  #deadline = 0 // 0 = not asked for yet
  #controller: AbortController | undefined
  #abortReason: RpcError | undefined

  /** `timeoutMs` as OPEN said it: 0 = none. */
  constructor(id: number, handler: Handler, peer: Peer, timeoutMs: number, isOneway: boolean) {
    this.id = id
    this.handler = handler
    this.peer = peer
    this.#timeoutMs = timeoutMs
    this.isOneway = isOneway
  }

  /** Computed on first access: a handler that answers at once costs no look at the clock. */
  get deadline(): number {
    if (this.#deadline !== 0) return this.#deadline
    const isLimited = this.#timeoutMs > 0
    this.#deadline = isLimited ? performance.now() + this.#timeoutMs : Number.POSITIVE_INFINITY
    return this.#deadline
  }

  /** Made on first access: most handlers never look. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason)
    return this.#controller.signal
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

  abort(reason: RpcError): void {
    this.#abortReason ??= reason
    this.#controller?.abort(this.#abortReason)
  }
}

export interface IncomingOptions {
  peer: Peer
  methods: MethodTable
  /** Handlers that may run at a time; one more call is refused with RESOURCE_EXHAUSTED. */
  maxStreams: number
  /** Gets what a handler threw that was no RpcError: the peer is told INTERNAL only. */
  onError: (error: unknown, method: string) => void
  watchDeadline: (deadline: number) => void
  onSettled: () => void
}

export class IncomingCalls {
  readonly #connection: Connection
  readonly #writer: FrameWriter
  readonly #options: IncomingOptions
  readonly #table = new CallTable<IncomingCall>()
  #isDraining = false

  constructor(connection: Connection, writer: FrameWriter, options: IncomingOptions) {
    this.#connection = connection
    this.#writer = writer
    this.#options = options
  }

  /** Handlers that have not settled. */
  get size(): number {
    return this.#table.size
  }

  /** From now on calls are refused, surely not processed. */
  drain(): void {
    this.#isDraining = true
  }

  onOpen(id: number, open: OpenFrame, bytes: Uint8Array, end: number, isOneway: boolean): void {
    const handler = this.#options.methods.find(bytes, open.methodAt, open.methodEnd)
    const refusal = this.#refusalFor(handler, open, bytes)
    if (refusal !== undefined || handler === undefined) {
      if (!isOneway) this.#sendError(id, handler, refusal as RpcError, true)
      return
    }
    const call = new IncomingCall(id, handler, this.#options.peer, open.timeoutMs, isOneway)
    let result: unknown
    try {
      const { codec, path, input } = handler
      const value = open.hasMessage ? decodeMessage(this.#connection, codec, bytes, open.messageAt, end) : undefined
      if (input === undefined) result = handler.run(value, call)
      else result = this.#runValidated(call, validate(input, value, 'INVALID_ARGUMENT', `input of ${path}`))
      // A thenable of another kind may throw, or call back twice; a promise around it does neither.
      if (!(result instanceof Promise) && isThenable(result)) result = Promise.resolve(result)
    } catch (error) {
      this.#fail(call, error)
      return
    }
    if (result instanceof Promise) this.#await(call, result)
    else this.#reply(call, result)
  }

  /** The caller has given up: the handler is told, and nothing more is sent. */
  onCancel(id: number, reason: RpcError): void {
    const call = this.#table.get(id)
    if (call === undefined) return
    call.isAnswered = true
    call.abort(reason)
  }

  /** The connection is gone: every handler is told. They stay in the table until they settle. */
  abortAll(reason: RpcError): void {
    for (const call of this.#table.values()) {
      call.isAnswered = true
      call.abort(reason)
    }
  }

  /** Answers the calls whose deadline has passed and returns the earliest that is left. */
  sweep(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const call of this.#table.values()) {
      if (call.isAnswered) continue
      if (call.deadline > now) next = Math.min(next, call.deadline)
      else {
        const error = new RpcError('DEADLINE_EXCEEDED', `${call.handler.path} passed its deadline in the handler`)
        if (!call.isOneway) this.#sendError(call.id, call.handler, error, false)
        call.isAnswered = true
        call.abort(error)
      }
    }
    return next
  }

  #refusalFor(handler: Handler | undefined, open: OpenFrame, bytes: Uint8Array): RpcError | undefined {
    if (this.#isDraining) return new RpcError('UNAVAILABLE', 'the peer is shutting down')
    if (handler === undefined) {
      const name = Buffer.from(bytes.subarray(open.methodAt, open.methodEnd)).toString('latin1')
      return new RpcError('UNIMPLEMENTED', `there is no method ${JSON.stringify(name)}`)
    }
    if (open.encoding !== handler.codec.id) {
      const { path, codec } = handler
      return new RpcError('UNIMPLEMENTED', `${path} takes encoding ${codec.id} (${codec.name}), not ${open.encoding}`)
    }
    if (this.#table.size < this.#options.maxStreams) return undefined
    return new RpcError(
      'RESOURCE_EXHAUSTED',
      `${this.#table.size} calls are running, the limit is maxStreams ${this.#options.maxStreams}`,
    )
  }

  #runValidated(call: IncomingCall, input: unknown): unknown {
    if (!(input instanceof Promise)) return call.handler.run(input, call)
    return input.then((value) => (call.isAnswered ? undefined : call.handler.run(value, call)))
  }

  #await(call: IncomingCall, result: Promise<unknown>): void {
    this.#table.add(call)
    this.#options.watchDeadline(call.deadline)
    result.then(
      (value) => this.#settle(call, () => this.#reply(call, value)),
      (error: unknown) => this.#settle(call, () => this.#fail(call, error)),
    )
  }

  #settle(call: IncomingCall, answer: () => void): void {
    this.#table.delete(call.id)
    answer()
    if (this.#table.size === 0) this.#options.onSettled()
  }

  #reply(call: IncomingCall, value: unknown): void {
    if (call.isOneway || call.isAnswered) return
    const { output, path } = call.handler
    try {
      const checked = output === undefined ? value : validate(output, value, 'INTERNAL', `reply of ${path}`)
      if (checked instanceof Promise) this.#sendChecked(call, value, checked)
      else this.#writer.dataLast(call.id, encodeReply(call.handler, value))
    } catch (error) {
      this.#fail(call, error)
    }
  }

  /** The caller gets what the handler returned: it applies the transforms of the schema itself. */
  #sendChecked(call: IncomingCall, value: unknown, checked: Promise<unknown>): void {
    this.#table.add(call)
    const send = (): void => {
      if (!call.isAnswered) this.#writer.dataLast(call.id, encodeReply(call.handler, value))
    }
    checked.then(send).then(
      () => this.#settle(call, () => {}),
      (error: unknown) => this.#settle(call, () => this.#fail(call, error)),
    )
  }

  /** Only an RpcError crosses the wire; anything else stays here, with its stack, and is INTERNAL there. */
  #fail(call: IncomingCall, error: unknown): void {
    if (!(error instanceof RpcError)) this.#options.onError(error, call.handler.path)
    if (call.isOneway || call.isAnswered) return
    this.#sendError(
      call.id,
      call.handler,
      error instanceof RpcError ? error : new RpcError('INTERNAL', 'internal error'),
      false,
    )
  }

  /** `notProcessed` is said here and not by the error: one that a handler passes on speaks of another call. */
  #sendError(id: number, handler: Handler | undefined, error: RpcError, notProcessed: boolean): void {
    const { appName } = error
    let details: Message
    try {
      if (handler !== undefined && error.details !== undefined) details = toMessage(handler.codec, error.details)
    } catch (cause) {
      this.#options.onError(cause, handler?.path ?? '')
    }
    this.#writer.end(id, { code: codeNumber(error.code), message: error.message, appName, notProcessed, details })
  }
}

/** A reply that has no bytes is the handler's fault: no RpcError, so the caller is told no more than INTERNAL. */
function encodeReply({ codec, path }: Handler, value: unknown): Message {
  try {
    return toMessage(codec, value)
  } catch (cause) {
    throw new TypeError(`the reply of ${path} cannot be encoded`, { cause })
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
