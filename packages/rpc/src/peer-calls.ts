// The calls of a peer that outlives its connections: they go to the connection there is, or wait here for one. Invariant: a
// call waits here, or is on a connection, or has settled; what waits is bounded in number and bytes and keeps its deadline.

import type { Clock } from '@framewire/transport'
import { CallQueue } from './call-queue.ts'
import { type Starter, startCall, startStream } from './call-start.ts'
import type { Caller } from './client.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import type { Inbound } from './inbound.ts'
import type { Limits } from './limits.ts'
import type { Keeper } from './message.ts'
import { Memory } from './message-buffer.ts'
import type { OutgoingCall } from './outgoing-call.ts'
import type { OutgoingCalls } from './outgoing-calls.ts'
import type { OutgoingMethod } from './outgoing-method.ts'
import type { CallOptions } from './peer.ts'
import type { RpcError } from './rpc-error.ts'
import { SignalWatch } from './signal-watch.ts'

/** Nothing arrives for a call that waits. */
const NOBODY: Keeper = { keep: (bytes, start, end) => bytes.slice(start, end) }

export class PeerCalls implements Caller, Starter {
  readonly clock: Clock
  readonly limits: Required<Limits>
  readonly memory: Memory
  readonly keeper: Keeper = NOBODY
  readonly #queue: CallQueue
  readonly #signals = new SignalWatch()
  readonly #deadlines: DeadlineTimer
  #current: OutgoingCalls | undefined
  #failure: RpcError | undefined // of the latest attempts, while there is no connection
  #refusal: RpcError | undefined

  constructor(clock: Clock, limits: Required<Limits>) {
    this.clock = clock
    this.limits = limits
    this.memory = new Memory(limits.maxBuffered)
    this.#queue = new CallQueue(limits.maxQueued, new Memory(limits.maxBuffered))
    this.#deadlines = new DeadlineTimer((now, lagMs) => this.#sweep(now, lagMs), clock)
  }

  /** Calls that wait for a connection. */
  get size(): number {
    return this.#queue.length
  }

  call(method: OutgoingMethod, input: unknown, options: CallOptions): Promise<unknown> {
    return startCall(this.#current ?? this, method, input, options)
  }

  stream(method: OutgoingMethod, input: unknown, options: CallOptions): Inbound {
    return startStream(this, method, input, options)
  }

  /** Calls are made there from now on, first those that wait. Undefined: they wait from now on. */
  use(calls: OutgoingCalls | undefined): void {
    this.#current = calls
    if (calls !== undefined) this.#failure = undefined
    // A call that is made may end the connection that it is made on.
    while (this.#current !== undefined && this.#queue.first !== undefined) {
      const call = this.#queue.first
      this.#take(call)
      this.#current.adopt(call)
    }
  }

  /** No address could be connected to: only those wait on that want to. */
  fail(error: RpcError): void {
    this.#failure = error
    for (const call of [...this.#queue]) {
      if (call.waitForReady) continue
      this.#take(call)
      call.fail(error)
    }
  }

  /** For good: no call is made any more. */
  refuse(error: RpcError): void {
    this.#refusal ??= error
    this.#current = undefined
    this.#deadlines.stop()
    for (const call of [...this.#queue]) {
      this.#take(call)
      call.fail(this.#refusal)
    }
  }

  start(call: OutgoingCall, input: unknown): void {
    call.prepare(input)
    if (this.#current !== undefined) this.#current.adopt(call)
    else this.#wait(call, call.startedAt)
  }

  /** Takes a call that could not be made on its connection. False = it can not be made elsewhere either. */
  handOver(call: OutgoingCall): boolean {
    if (this.#refusal !== undefined) return false
    if (this.#current !== undefined) {
      this.#current.adopt(call)
      return true
    }
    try {
      this.#wait(call, this.clock.now())
      return true
    } catch {
      return false // it fails with what its connection said
    }
  }

  giveUp(call: OutgoingCall, error: RpcError): void {
    if (call.isOver) return
    this.#take(call)
    call.fail(error, true)
  }

  /** What waits was not sent, and has nothing to take. */
  onSent(): void {}
  grant(): void {}

  /** Throws what the call can not wait for. */
  #wait(call: OutgoingCall, now: number): void {
    if (this.#refusal !== undefined) throw this.#refusal
    call.checkSignals()
    if (call.deadline <= now) throw call.late(now, 0, 0)
    if (this.#failure !== undefined && !call.waitForReady) throw this.#failure
    call.owner = this
    call.waitingSince = now
    this.#queue.push(call, 'there is no connection')
    call.watch(this.#signals)
    this.#deadlines.watch(call.deadline)
  }

  #take(call: OutgoingCall): void {
    this.#queue.remove(call)
    call.waitedMs += this.clock.now() - call.waitingSince
    call.unwatch(this.#signals)
  }

  #sweep(now: number, lagMs: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const call of [...this.#queue]) {
      if (call.deadline > now) next = Math.min(next, call.deadline)
      else {
        this.#take(call)
        call.fail(call.late(now, Number.POSITIVE_INFINITY, lagMs), true)
      }
    }
    return next
  }
}
