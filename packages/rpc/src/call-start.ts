// From the function that was called to a call: one promise, or one stream. Nothing is encoded before the input was checked,
// and a stream is a call only when its first message is asked for.

import { sendsMany } from './contract.ts'
import { Inbound } from './inbound.ts'
import type { Limits } from './limits.ts'
import type { Memory } from './message-buffer.ts'
import { type CallOwner, OutgoingCall, timeoutOf } from './outgoing-call.ts'
import { checkInput, checkReply, type OutgoingMethod } from './outgoing-method.ts'
import type { CallOptions } from './peer.ts'
import { RpcError } from './rpc-error.ts'

/** Who makes calls. */
export interface Starter extends CallOwner {
  readonly limits: Required<Limits>
  /** Of messages that wait to be taken. */
  readonly memory: Memory
  /** Throws what the call can not start for. */
  start(call: OutgoingCall, input: unknown): void
}

/** A call that is answered with one message, or with none. */
export function startCall(
  starter: Starter,
  method: OutgoingMethod,
  input: unknown,
  options: CallOptions,
): Promise<unknown> {
  if (method.input === undefined || sendsMany(method.kind)) return start(starter, method, input, options)
  // The peer gets what the caller gave: it applies the transforms of the schema itself.
  return checkInput(method, input).then(() => start(starter, method, input, options))
}

function start(starter: Starter, method: OutgoingMethod, input: unknown, options: CallOptions): Promise<unknown> {
  return new Promise((resolve, reject) => {
    starter.start(new OutgoingCall(starter, method, options, resolve, reject), input)
  })
}

/** A call that is answered with a stream. It is made when the first message is asked for. */
export function startStream(starter: Starter, method: OutgoingMethod, input: unknown, options: CallOptions): Inbound {
  timeoutOf(method.kind, options, starter.clock) // a mistake in the options shows at once
  let call: OutgoingCall | undefined
  const fail = (error: unknown): void => inbound.fail(error, { discard: true })
  const begin = (): void => {
    const made = new OutgoingCall(starter, method, options, ignore, fail)
    made.inbound = inbound
    call = made
    if (method.input === undefined || sendsMany(method.kind)) starter.start(made, input)
    else
      checkInput(method, input)
        .then(() => made.isOver || starter.start(made, input))
        .catch(fail)
  }
  const inbound = new Inbound({
    get keeper() {
      return (call as OutgoingCall).owner.keeper
    },
    memory: starter.memory,
    maxMessage: starter.limits.maxMessage,
    window: starter.limits.streamCredit,
    decode: (keeper, bytes, from, to) => checkReply(method, (call as OutgoingCall).decode(keeper, bytes, from, to)),
    grant: (bytes) => (call as OutgoingCall).owner.grant(call as OutgoingCall, bytes),
    onFirst: () => {
      try {
        begin()
      } catch (error) {
        fail(error)
      }
    },
    onLeft: (error) => {
      const left = call as OutgoingCall
      left.owner.giveUp(left, error instanceof RpcError ? error : left.cancelled('the caller left the stream'))
    },
  })
  return inbound
}

function ignore(): void {}
