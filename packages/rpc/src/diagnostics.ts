// What the process can be told about calls and connections through node:diagnostics_channel. Without subscribers it costs
// a look.

import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { CloseInfo } from '@framewire/transport'
import { returnsMany } from './contract.ts'
import type { Call, Interceptor, Reply } from './interceptor.ts'
import type { Peer } from './peer.ts'

/** `result` is the reply, `error` what the call failed with; a stream ends with its last message. */
interface CallTrace extends Pick<Call, 'method' | 'kind' | 'meta' | 'deadline' | 'peer'> {
  /** Made here; false = served here. */
  isOutgoing: boolean
}

const CALL: TracingChannel<unknown, CallTrace> = tracingChannel('framewire:rpc:call')
const CONNECTION: TracingChannel<unknown, { peer: Peer }> = tracingChannel('framewire:rpc:connection')

/** From the connection that stands to its end; `result` is how it ended. */
export function traceConnection(peer: Peer, closed: Promise<CloseInfo>): void {
  if (CONNECTION.hasSubscribers) void CONNECTION.tracePromise(() => closed, { peer })
}

/** The interceptors with the trace around them, if anybody wants it. */
export function withTrace(interceptors: readonly Interceptor[], isOutgoing: boolean): readonly Interceptor[] {
  if (!CALL.hasSubscribers) return interceptors
  return [(call, next) => trace(call, next, isOutgoing), ...interceptors]
}

function trace(call: Call, next: (call: Call) => Promise<Reply>, isOutgoing: boolean): Promise<Reply> {
  const { method, kind, meta, deadline, peer } = call
  const context = { method, kind, meta, deadline, peer, isOutgoing }
  if (!returnsMany(kind)) return CALL.tracePromise(() => next(call), context) as Promise<Reply>
  return new Promise((resolve, reject) => {
    const whole = async (): Promise<Reply> => {
      const reply = await next(call)
      await new Promise<void>((end, fail) => {
        const output = watched(reply.output as AsyncIterable<unknown>, end, fail)
        resolve({ output, trailers: reply.trailers })
      })
      return reply
    }
    CALL.tracePromise(whole, context).catch(reject)
  })
}

/** The same messages; `end` or `fail` is told when there are no more. */
function watched(messages: AsyncIterable<unknown>, end: () => void, fail: (error: unknown) => void): unknown {
  const source = messages[Symbol.asyncIterator]()
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      try {
        const result = await source.next()
        if (result.done === true) end()
        return result
      } catch (error) {
        fail(error)
        throw error
      }
    },
    async return() {
      end()
      await source.return?.()
      return { done: true, value: undefined }
    },
  }
}
