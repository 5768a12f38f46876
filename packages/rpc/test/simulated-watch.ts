// Looks into the connections of a simulated run without a hook in the sources: methods of their parts are wrapped once,
// and tell whichever run is watching. A table may hold no more than the handlers that run and the calls whose first
// message is not whole.

import { CallQueue } from '../src/call-queue.ts'
import { FrameWriter } from '../src/frame-writer.ts'
import { IncomingCalls } from '../src/incoming-calls.ts'
import { Memory } from '../src/message-buffer.ts'
import { OutgoingCall } from '../src/outgoing-call.ts'
import { OutgoingCalls } from '../src/outgoing-calls.ts'
import type { RpcConnection } from '../src/rpc-connection.ts'
import { Scheduler } from '../src/scheduler.ts'
import { MORE } from '../src/wire.ts'

/** The calls of the peer on one connection. */
interface Served {
  readonly calls: IncomingCalls
  running: number
  /** Of those that run. */
  oneways: number
  /** Their first message is not whole: they have a slot, and no handler. */
  readonly partial: Set<number>
}

let watch: Watch | undefined

/** The `onTrailers` of calls that were refused on one connection and made on another. */
export const movedCalls = new WeakSet<object>()

export class Watch {
  readonly violations: string[]
  readonly #maxStreams: number
  readonly #memories = new Set<Memory>()
  readonly #schedulers = new Set<Scheduler>()
  readonly #sending = new WeakSet<Memory>()
  readonly #queues = new Set<CallQueue>()
  readonly #outgoing = new Set<OutgoingCalls>()
  readonly #served = new Map<IncomingCalls, Served>()
  readonly #servedOn = new Map<OutgoingCalls, Served>()
  readonly #endings = new WeakMap<OutgoingCall, number>()
  #latest: Served | undefined
  #isChecking = false

  constructor(violations: string[], maxStreams: number) {
    this.violations = violations
    this.#maxStreams = maxStreams
    watch = this
  }

  /** A handler has begun (1) or ended (-1) on this connection. */
  onHandler(peer: RpcConnection, isOneway: boolean, change: 1 | -1): void {
    const served = this.#servedOn.get(peer.calls)
    if (served === undefined) return void this.violations.push('a handler ran before the HELLO')
    served.running += change
    if (isOneway) served.oneways += change
    this.#checkSoon()
  }

  /** Once the turn is over, and all that it set off. */
  #checkSoon(): void {
    if (this.#isChecking) return
    this.#isChecking = true
    setImmediate(() => {
      this.#isChecking = false
      for (const each of this.#served.values()) this.#checkSlots(each)
    })
  }

  #checkSlots({ calls: { size }, running, oneways, partial }: Served): void {
    const most = this.#maxStreams
    if (size < running) this.violations.push(`${running} handlers run and have ${size} slots`)
    if (size > running + partial.size) this.violations.push(`${size} slots are taken, ${running} handlers run`)
    const text = `${running} handlers run, ${oneways} of them oneway, the limit of each is maxStreams ${most}`
    if (running - oneways > most || oneways > most || size > 2 * most) this.violations.push(text)
  }

  /** Nothing is under way: whether all is given back. */
  checkIdle(when: string): void {
    for (const { used } of this.#memories) {
      if (used !== 0) this.violations.push(`${used} bytes of memory are held ${when}`)
    }
    for (const { memory, isIdle } of this.#schedulers) {
      if (!isIdle) this.violations.push(`something waits to be written ${when}`)
      else if (memory.used !== 0)
        this.violations.push(`${memory.used} bytes that wait to be written are counted ${when}`)
    }
    for (const { length } of this.#queues) if (length > 0) this.violations.push(`${length} calls are queued ${when}`)
    for (const { size } of this.#outgoing) if (size > 0) this.violations.push(`${size} own calls are kept ${when}`)
    for (const served of this.#served.values()) {
      if (served.calls.size > 0) this.violations.push(`${served.calls.size} calls of the peer are kept ${when}`)
    }
  }

  onMemory(memory: Memory): void {
    if (!this.#sending.has(memory)) this.#memories.add(memory)
    if (memory.used < 0) this.violations.push(`more is given back than was taken: ${memory.used} bytes`)
  }

  onScheduler(scheduler: Scheduler): void {
    this.#schedulers.add(scheduler)
    this.#sending.add(scheduler.memory)
  }

  /** What waited to be written went with its connection, counted or not. */
  onSchedulerEnd(scheduler: Scheduler): void {
    this.#schedulers.delete(scheduler)
  }

  onQueue(queue: CallQueue): void {
    this.#queues.add(queue)
  }

  onServing(calls: IncomingCalls): void {
    this.#latest = { calls, running: 0, oneways: 0, partial: new Set() }
    this.#served.set(calls, this.#latest)
  }

  /** Follows `onServing` of the same connection. */
  onCalling(calls: OutgoingCalls): void {
    this.#outgoing.add(calls)
    if (this.#latest !== undefined) this.#servedOn.set(calls, this.#latest)
  }

  onOpened(calls: IncomingCalls, id: number, isPart: boolean): void {
    if (isPart) this.#served.get(calls)?.partial.add(id)
    this.#checkSoon()
  }

  /** The first message is whole, or nobody waits for it any more. */
  onWhole(calls: IncomingCalls, id: number): void {
    this.#served.get(calls)?.partial.delete(id)
    this.#checkSoon()
  }

  onEnding(call: OutgoingCall): void {
    const count = (this.#endings.get(call) ?? 0) + 1
    this.#endings.set(call, count)
    if (count > 1) this.violations.push(`a call of ${call.method.path} was settled ${count} times`)
  }

  onGoaway(reason: string, text: string): void {
    if (reason === 'drain' || reason === 'handshake timeout') return
    this.violations.push(`GOAWAY ${reason}: ${text}`)
  }
}

/** Calls `tell` after a method of every instance, with the instance and what was passed. */
// biome-ignore lint/suspicious/noExplicitAny: methods of any class, whatever they take
function after(owner: { prototype: any }, name: string, tell: (self: never, ...passed: never[]) => unknown): void {
  const real = owner.prototype[name] as (...passed: unknown[]) => unknown
  owner.prototype[name] = function (this: never, ...passed: never[]): unknown {
    try {
      return real.apply(this, passed)
    } finally {
      tell(this, ...passed)
    }
  }
}

after(Memory, 'take', (memory) => watch?.onMemory(memory))
after(Scheduler, 'connect', (scheduler) => watch?.onScheduler(scheduler))
after(Scheduler, 'clear', (scheduler) => watch?.onSchedulerEnd(scheduler))
after(CallQueue, 'push', (queue) => watch?.onQueue(queue))
after(IncomingCalls, 'onHello', (calls) => watch?.onServing(calls))
after(OutgoingCalls, 'onHello', (calls) => watch?.onCalling(calls))
after(IncomingCalls, 'onOpen', (calls, id, _, flags) => watch?.onOpened(calls, id, (flags & MORE) !== 0))
after(IncomingCalls, 'onData', (calls, id, flags) => (flags & MORE) === 0 && watch?.onWhole(calls, id))
after(IncomingCalls, 'onCancel', (calls, id) => watch?.onWhole(calls, id))
after(OutgoingCall, 'move', ({ onTrailers }: OutgoingCall) => onTrailers && movedCalls.add(onTrailers))
after(OutgoingCall, 'fail', (call) => watch?.onEnding(call))
after(OutgoingCall, 'answer', (call) => watch?.onEnding(call))
after(FrameWriter, 'goaway', (_, _lastId, reason, text) => watch?.onGoaway(reason, text))
