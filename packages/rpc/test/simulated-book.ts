// The books of a simulated run: each call that was made, what its caller and its handler saw, and what of that can not be.
// Every message carries its call, its direction and its number.

import { getEventListeners } from 'node:events'
import type { Random } from '../../transport/src/random.ts'
import type { Meta } from '../src/meta.ts'
import { RpcError } from '../src/rpc-error.ts'
import type { CallPlan, Scenario } from './simulated-plan.ts'
import { movedCalls } from './simulated-watch.ts'

/** A timer of whole milliseconds, and what is rounded on the way. */
export const LATE_MS = 2.5

type Way = 'in' | 'out'
interface JsonMessage {
  call: number
  way: Way
  at: number
  pad: string
}

/** One call, from the moment it was made. */
export class CallRecord {
  readonly number: number
  readonly plan: CallPlan
  readonly parent: CallRecord | undefined
  readonly random: { readonly caller: Random; readonly input: Random; readonly handler: Random }
  outcome: 'pending' | 'done' | 'left' | RpcError = 'pending'
  madeAt = 0
  settledAt = 0
  abortedAt: number | undefined
  /** Gives the call up, where its plan allows that. */
  abort: () => void = () => {}
  /** It is made by a peer that goes on to another connection. */
  isLasting = false
  readonly onTrailers = (trailers: Meta): void => void this.trailers.push(trailers.get('call'))
  #isAfterClose = false
  runs = 0
  isRunning = false
  isInputOpen = false
  /** The handler has read to the end of its input. */
  isInputWhole = false
  inputs = 0
  outputs = 0
  replies = 0
  trailers: (string | undefined)[] = []
  readonly #book: CallBook

  constructor(book: CallBook, number: number, plan: CallPlan, random: Random, parent: CallRecord | undefined) {
    this.#book = book
    this.number = number
    this.plan = plan
    this.parent = parent
    this.random = { caller: random.fork(), input: random.fork(), handler: random.fork() }
  }

  violate(what: string): void {
    this.#book.violations.push(`call ${this.number} (${this.plan.kind}): ${what}`)
  }

  message(way: Way, at: number): unknown {
    const length = (way === 'in' ? this.plan.inputs : this.plan.outputs)[at] ?? 0
    if (!this.plan.isRaw) return { call: this.number, way, at, pad: 'x'.repeat(length) } satisfies JsonMessage
    const bytes = Buffer.alloc(12 + length, this.number)
    bytes.writeUInt32BE(this.number, 0)
    bytes.writeUInt32BE(way === 'in' ? 0 : 1, 4)
    bytes.writeUInt32BE(at, 8)
    return bytes
  }

  /** The next message of one direction, as it arrived. */
  receive(way: Way, message: unknown): void {
    const at = way === 'in' ? this.inputs++ : this.replies++
    const due = this.message(way, at)
    if (message instanceof Uint8Array && due instanceof Uint8Array) {
      if (Buffer.compare(message, due) !== 0) this.violate(`raw message ${at} ${way} is another`)
      return
    }
    const { call, way: told, at: number, pad } = message as JsonMessage
    const length = (due as JsonMessage).pad?.length
    if (call === this.number && told === way && number === at && pad.length === length) return
    this.violate(`got message ${number} ${told} of call ${call} where ${at} ${way} was due`)
  }

  settle(outcome: 'done' | 'left' | RpcError): void {
    if (this.outcome !== 'pending') this.violate('settled twice')
    this.outcome = outcome
    this.settledAt = this.#book.now()
    this.#isAfterClose = this.#book.hasClosed
    this.#book.note(this, outcome instanceof RpcError ? `${outcome.code} ${outcome.message}` : outcome)
  }

  fail(error: unknown): void {
    if (error instanceof RpcError) return this.settle(error)
    this.violate(`failed with ${String(error)}`)
    this.settle('left')
  }

  /** What was asked for at `askedAt` has come now: not later than the deadline or the signal allows. */
  checkWait(askedAt: number): void {
    const now = this.#book.now()
    const deadline = Math.max(askedAt, this.madeAt + this.plan.timeoutMs)
    if (now > deadline + LATE_MS) this.violate(`came ${now - deadline} ms after its deadline`)
    const { abortedAt } = this
    if (abortedAt !== undefined && now > Math.max(askedAt, abortedAt)) this.violate('did not end with its signal')
  }

  /** All is over: whether what its caller was told is true. */
  check(): void {
    const { plan, outcome, runs, isRunning, isInputOpen, inputs } = this
    if (runs > 1) this.violate(`ran ${runs} times`)
    if (isRunning) this.violate('its handler still runs')
    if (isInputOpen) this.violate('its input was not ended')
    if (this.isInputWhole && (inputs < plan.inputs.length || plan.inputFailsAt < inputs)) {
      this.violate(`its handler saw the end after ${inputs} of ${plan.inputs.length} messages`)
    }
    if (outcome === 'pending') this.violate('did not settle')
    else if (outcome === 'done') this.#checkDone()
    else if (outcome !== 'left') this.#checkError(outcome)
  }

  #checkDone(): void {
    const { plan, runs, replies, trailers } = this
    if (plan.kind === 'oneway') return
    if (runs !== 1) this.violate('was answered and did not run')
    if (plan.fails !== undefined && !plan.holds) this.violate('succeeded and should have failed')
    if (replies !== plan.outputs.length) this.violate(`ended after ${replies} of ${plan.outputs.length} replies`)
    const due = plan.hasTrailers ? String(this.number) : undefined
    if (trailers.length !== 1 || trailers[0] !== due) this.violate(`got trailers ${JSON.stringify(trailers)}`)
  }

  #checkError(error: RpcError): void {
    const { code, message, notProcessed } = error
    const { plan, runs } = this
    if (!this.#mayFailWith(error)) this.violate(`failed with ${code}: ${message}`)
    if (notProcessed && runs > 0) this.violate(`is told not to be processed, and ran: ${message}`)
    if ((code === 'ABORTED' || code === 'INTERNAL') && runs !== 1) this.violate(`failed with ${code} and did not run`)
    if (this.trailers.length > 1) this.violate('was told of trailers twice')
    const isOwn = this.parent === undefined && code === 'DEADLINE_EXCEEDED'
    if (isOwn && this.settledAt < this.madeAt + plan.timeoutMs - 1) this.violate('passed its deadline before it came')
  }

  #mayFailWith({ code, notProcessed }: RpcError): boolean {
    const { plan, parent } = this
    const { isLossy, isStrict, isClosing, isReconnecting } = this.#book.scenario
    if (code === 'ABORTED') return plan.fails === 'rpc'
    if (code === 'INTERNAL') return plan.fails === 'error'
    if (code === 'CANCELLED') {
      return this.abortedAt !== undefined || plan.inputFailsAt < plan.inputs.length || parent !== undefined
    }
    if (code === 'DEADLINE_EXCEEDED') return plan.timeoutMs < 600_000 || (parent?.plan.timeoutMs ?? 600_000) < 600_000
    if (code === 'RESOURCE_EXHAUSTED') return !isStrict
    // A connection that goes takes no more calls. Who has others makes them there, once.
    const isLeft = !this.isLasting || movedCalls.has(this.onTrailers)
    const isRefused = notProcessed && (isClosing || (isReconnecting && isLeft))
    return code === 'UNAVAILABLE' && (isLossy || this.#isAfterClose || isRefused)
  }
}

export class CallBook {
  readonly violations: string[]
  readonly scenario: Scenario
  readonly records: CallRecord[] = []
  readonly notes: string[] = []
  readonly signals = new Set<AbortSignal>()
  readonly now: () => number
  readonly #note: (what: string) => void
  /** Somebody closes: from now on calls may be refused. */
  hasClosed = false

  constructor(violations: string[], scenario: Scenario, now: () => number, note: (what: string) => void) {
    this.violations = violations
    this.scenario = scenario
    this.now = now
    this.#note = note
  }

  make(plan: CallPlan, random: Random, parent?: CallRecord): CallRecord {
    const record = new CallRecord(this, this.records.length, plan, random, parent)
    this.records.push(record)
    return record
  }

  note({ number, plan: { kind } }: CallRecord, what: string): void {
    this.notes.push(`${this.now().toFixed(3)} ms call ${number} (${kind}) ${what}`)
    this.#note(`call ${number} (${kind}) ${what}`)
  }

  /** The signal has aborted that calls share. */
  onShared(): void {
    for (const record of this.records) if (record.plan.isShared) record.abortedAt ??= this.now()
  }

  get isRunning(): boolean {
    return this.records.some(({ isRunning }) => isRunning)
  }

  check(): void {
    for (const record of this.records) record.check()
    for (const signal of this.signals) {
      const { length } = getEventListeners(signal, 'abort')
      if (length > 0) this.violations.push(`${length} listeners are left on a signal`)
    }
  }
}
