// A call of a simulated run, as its caller makes it: it does what the plan says and books what it sees.

import type { Simulation } from '@framewire/transport/testing'
import { returnsMany, sendsMany } from '../src/contract.ts'
import type { CallOptions, Ctx, MessageStream, Peer } from '../src/peer.ts'
import { ReconnectingPeer } from '../src/reconnecting-peer.ts'
import type { CallBook, CallRecord } from './simulated-book.ts'
import { MISTAKE, work } from './simulated-service.ts'

export interface Caller {
  readonly sim: Simulation
  readonly book: CallBook
  /** For calls that abort together. */
  readonly shared: AbortController
}

type Functions = Record<string, (input: unknown, options: CallOptions) => unknown>

/** Makes the call and settles with it; never rejects. */
export async function makeCall(caller: Caller, peer: Peer, record: CallRecord, ctx?: Ctx): Promise<void> {
  const { plan } = record
  const { sim, book } = caller
  const client = peer.client(work) as unknown as Functions
  const method = plan.isRaw ? `${plan.kind}Raw` : plan.kind
  const own = new AbortController()
  const mayAbort = plan.abortAfterMs !== undefined || plan.abortsAtEnd
  const signal = plan.isShared ? caller.shared.signal : mayAbort ? own.signal : undefined
  const onAbort = (): void => {
    record.abortedAt = sim.clock.now()
    book.note(record, 'is aborted')
  }
  const delayMs = plan.isShared ? undefined : plan.abortAfterMs
  const timer = delayMs === undefined ? undefined : sim.clock.setTimeout(() => own.abort(), delayMs)
  if (plan.abortsAtEnd) record.abort = () => own.abort()
  if (signal?.aborted) onAbort()
  // First, so that what the abort sets off sees it. The shared one is watched once, by the run.
  if (!plan.isShared) signal?.addEventListener('abort', onAbort)
  if (signal !== undefined) book.signals.add(signal)
  record.isLasting = peer instanceof ReconnectingPeer
  record.madeAt = sim.clock.now()
  book.note(record, 'is made')
  const input = sendsMany(plan.kind)
    ? inputOf(caller, record)
    : plan.inputs.length > 0
      ? record.message('in', 0)
      : undefined
  try {
    const options = optionsOf(record, signal, ctx)
    const answer = client[method]?.(input, options)
    if (returnsMany(plan.kind)) await take(caller, record, answer as MessageStream<unknown>)
    else await reply(record, answer as Promise<unknown>)
  } catch (error) {
    record.fail(error)
  }
  sim.clock.clearTimeout(timer)
  signal?.removeEventListener('abort', onAbort)
}

function optionsOf(record: CallRecord, signal: AbortSignal | undefined, ctx: Ctx | undefined): CallOptions {
  const { timeoutMs, waitForReady } = record.plan
  return {
    ...(signal && { signal }),
    ...(ctx && { ctx }),
    timeoutMs,
    waitForReady,
    meta: { call: String(record.number) },
    onTrailers: record.onTrailers,
  }
}

async function reply(record: CallRecord, answer: Promise<unknown>): Promise<void> {
  const { plan, madeAt } = record
  try {
    const value = await answer
    if (plan.outputs.length > 0) record.receive('out', value)
    else if (value !== undefined) record.violate('got a reply and should have none')
  } finally {
    record.checkWait(madeAt)
  }
  record.settle('done')
}

async function take({ sim }: Caller, record: CallRecord, stream: MessageStream<unknown>): Promise<void> {
  const { plan, random } = record
  for (;;) {
    if (record.replies >= plan.takes) return leave(record, stream)
    const askedAt = sim.clock.now()
    let result: IteratorResult<unknown>
    try {
      result = await stream.next()
    } finally {
      record.checkWait(askedAt)
    }
    if (result.done) break
    record.receive('out', result.value)
    if (plan.isSlow && random.caller.chance(0.3)) await sim.sleep(random.caller.magnitude(60))
  }
  record.settle('done')
}

/** Nothing follows, and what was on its way is for nobody. */
async function leave(record: CallRecord, stream: MessageStream<unknown>): Promise<void> {
  const { leaves } = record.plan
  const pending = leaves === 'return' ? stream.next() : undefined
  if (leaves === 'throw') await stream.throw(new Error(MISTAKE)).catch(() => {})
  else await stream.return(undefined)
  // It was asked for before: a message that was there, the end, or what the call failed with.
  await pending?.catch((error: unknown) => record.fail(error))
  const { done } = await stream.next()
  if (!done) record.violate('a message came after the stream was left')
  if (record.outcome === 'pending') record.settle('left')
}

/** What the caller sends, as an array or with pauses; it may fail on its way. */
function inputOf({ sim }: Caller, record: CallRecord): Iterable<unknown> | AsyncIterable<unknown> {
  const { plan } = record
  const messages = plan.inputs.map((_, at) => at)
  const random = record.random.input
  if (plan.inputFailsAt >= messages.length && random.chance(0.2)) return messages.map((at) => record.message('in', at))
  return (async function* () {
    record.isInputOpen = true
    try {
      for (const at of messages) {
        if (plan.isSlow && random.chance(0.3)) await sim.sleep(random.magnitude(60))
        if (at === plan.inputFailsAt) throw new Error(MISTAKE)
        yield record.message('in', at)
      }
    } finally {
      record.isInputOpen = false
    }
  })()
}
