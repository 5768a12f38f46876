// The books of a row, beside those of its messages: every call and every wait has one outcome (I2); what a server counted
// adds up (I6). What does not hold is a violation, in words.
import { RpcError } from '@framewire/rpc'
import { type Server, TransportError } from '@framewire/transport'

/** How a call ended. */
export interface CallOutcome {
  readonly id: number
  readonly method: string
  /** 'OK' or the code of its error. */
  readonly code: string
  readonly notProcessed: boolean
}

/** Calls that were begun, each by a number of its own, and how each ended. */
export class CallLedger {
  readonly outcomes: CallOutcome[] = []
  readonly #violations: string[]
  readonly #open = new Map<number, string>()
  #next: number

  /** Numbers start at `first`, so that several ledgers may share a journal. */
  constructor(violations: string[], first = 1) {
    this.#violations = violations
    this.#next = first
  }

  get openCalls(): number {
    return this.#open.size
  }

  /** Makes a call with the next number and books its end. What it fails with must be an RpcError. Never rejects. */
  async run(method: string, call: (id: number) => Promise<unknown>): Promise<CallOutcome> {
    const id = this.#next++
    this.#open.set(id, method)
    const outcome = await this.#end(id, method, call)
    if (!this.#open.delete(id)) this.#violations.push(`I2 call ${id} of ${method} ended twice`)
    this.outcomes.push(outcome)
    return outcome
  }

  /** How many ended so. */
  count(isCounted: (outcome: CallOutcome) => boolean): number {
    return this.outcomes.filter(isCounted).length
  }

  /** Every call has ended, and what it says of its handler is true: `executed` lists the numbers that handlers saw. */
  check(executed: readonly number[]): void {
    for (const [id, method] of this.#open) this.#violations.push(`I2 call ${id} of ${method} has no outcome`)
    checkOutcomes(this.outcomes, executed, this.#violations)
  }

  async #end(id: number, method: string, call: (id: number) => Promise<unknown>): Promise<CallOutcome> {
    try {
      await call(id)
      return { id, method, code: 'OK', notProcessed: false }
    } catch (error) {
      if (error instanceof RpcError) return { id, method, code: error.code, notProcessed: error.notProcessed }
      this.#violations.push(`I2 call ${id} of ${method} failed with ${String(error)}`)
      return { id, method, code: 'UNTYPED', notProcessed: false }
    }
  }
}

/** What calls say of their handlers is true: `executed` lists the numbers that handlers saw. */
export function checkOutcomes(
  outcomes: readonly CallOutcome[],
  executed: readonly number[],
  violations: string[],
): void {
  const times = new Map<number, number>()
  for (const id of executed) times.set(id, (times.get(id) ?? 0) + 1)
  for (const { id, method, code, notProcessed } of outcomes) {
    const runs = times.get(id) ?? 0
    if (runs > 1) violations.push(`I2 call ${id} ran ${runs} times`)
    // A oneway is only on its way when it resolves.
    if (code === 'OK' && runs === 0 && method !== 'note') violations.push(`I2 call ${id} succeeded and never ran`)
    if (notProcessed && runs > 0) violations.push(`I2 call ${id} says notProcessed (${code}) and ran`)
  }
}

/** An error that an action ended with is a TransportError, or nothing. */
export function checkTyped(action: string, error: unknown, violations: string[]): void {
  if (error === undefined || error instanceof TransportError) return
  violations.push(`I2 ${action} ended with ${String(error)}`)
}

/** What a server has counted, whatever the reason. */
export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

/** I6: every socket was dropped, is pending, or became a connection; every connection is live or closed. */
export function checkCounters(server: Server, violations: string[]): void {
  const { pending, live, accepted, closed } = server.stats()
  const ended = sum(closed)
  if (accepted !== live + ended) violations.push(`I6 ${accepted} accepted, ${live} live and ${ended} closed`)
  if (live !== server.connections.size) violations.push(`I6 ${live} live, ${server.connections.size} connections`)
  if (pending < 0) violations.push(`I6 ${pending} pending`)
}
