// What callers get: replies, their trailers and errors as frames.

import type { Codec } from './codec.ts'
import type { OnError } from './error-report.ts'
import type { IncomingCall } from './incoming-call.ts'
import { type Message, toMessage } from './message.ts'
import { codeNumber, RpcError } from './rpc-error.ts'
import type { Scheduler } from './scheduler.ts'
import { LAST } from './wire.ts'

export class Replies {
  readonly #scheduler: Scheduler
  readonly #exposeErrors: boolean
  readonly #onError: OnError

  constructor(scheduler: Scheduler, exposeErrors: boolean, onError: OnError) {
    this.#scheduler = scheduler
    this.#exposeErrors = exposeErrors
    this.#onError = onError
  }

  /** DATA with LAST; with trailers DATA, and END. */
  send(call: IncomingCall, value: unknown): void {
    const message = encodeReply(call, value)
    const trailers = call.encodedTrailers
    if (trailers === undefined) {
      this.#scheduler.data(call.id, LAST, message)
      return
    }
    const end = { code: 0, message: '', appName: '', notProcessed: false, details: undefined, trailers }
    const sendEnd = (): void => this.#scheduler.writer.end(call.id, end)
    if (message === undefined || this.#scheduler.data(call.id, 0, message, { onSent: sendEnd })) sendEnd()
  }

  /** Only an RpcError crosses the wire; anything else stays here, with its stack, and is INTERNAL there. */
  fail(call: IncomingCall, error: unknown): void {
    const { path } = call.handler
    if (!(error instanceof RpcError)) this.#onError(error, path)
    if (call.isOneway || call.isAnswered) return
    const text = this.#exposeErrors && error instanceof Error ? error.message : 'internal error'
    const told = error instanceof RpcError ? error : new RpcError('INTERNAL', text)
    this.sendError(call.id, call.codec, path, told, { notProcessed: false, trailers: call.encodedTrailers })
  }

  /** `notProcessed` is said here and not by the error: one that a handler passes on speaks of another call. */
  sendError(
    id: number,
    codec: Codec | undefined,
    path: string,
    error: RpcError,
    rest: { notProcessed: boolean; trailers?: Uint8Array | undefined },
  ): void {
    const { appName, message } = error
    let details: Message
    try {
      if (codec !== undefined && error.details !== undefined) details = toMessage(codec, error.details)
    } catch (cause) {
      this.#onError(cause, path)
    }
    this.#scheduler.writer.end(id, { code: codeNumber(error.code), message, appName, details, ...rest })
  }
}

/** A reply that has no bytes is the handler's fault: no RpcError, so the caller is told no more than INTERNAL. */
export function encodeReply({ codec, handler }: IncomingCall, value: unknown): Message {
  try {
    return toMessage(codec, value)
  } catch (cause) {
    throw new TypeError(`the reply of ${handler.path} cannot be encoded`, { cause })
  }
}
