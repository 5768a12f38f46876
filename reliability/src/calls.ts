// Load of calls: so many callers on one peer, each making one call after another of every kind, all booked.
import type { ClientOf, Peer } from '@framewire/rpc'
import { type CallLedger, checkOutcomes } from './ledger.ts'
import type { ClientReport } from './process-config.ts'
import type { Child } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'
import { work } from './work.ts'

export type WorkClient = ClientOf<typeof work>

/** The calls that a caller makes in turn. */
const KINDS: readonly (readonly [method: string, call: (api: WorkClient, id: number) => Promise<unknown>])[] = [
  ['echo', (api, id) => api.echo(id).then((answer) => expectSame(answer, id))],
  ['slow', (api, id) => api.slow(id).then((answer) => expectSame(answer, id))],
  ['count', countTo],
  ['note', (api, id) => api.note(id)],
]

/** Answers that are not those of the call are no RpcError, so they are a violation. */
function expectSame(answer: number, id: number): void {
  if (answer !== id) throw new Error(`call ${id} was answered with ${answer}`)
}

async function countTo(api: WorkClient, id: number): Promise<void> {
  let count = 0
  for await (const answer of api.count(id)) {
    expectSame(answer, id)
    count++
  }
  if (count !== 5) throw new Error(`a stream of 5 had ${count} messages`)
}

/** So many calls that no handler ends, and what becomes of them. */
export function holdCalls(peer: Peer, ledger: CallLedger, count: number): Promise<unknown> {
  const api = peer.client(work)
  return Promise.all(Array.from({ length: count }, () => ledger.run('hold', (id) => api.hold(id))))
}

/** The handlers of so many calls have begun: they are under way. */
export function untilUnderWay(server: Child, calls: number): Promise<void> {
  return until('calls under way', async () => (await server.ask<number[]>('executed')).length >= calls)
}

/** What the calls of a client say of their handlers is true of the journals of its servers. */
export async function checkCalls(trial: Trial, servers: readonly Child[], ...reports: ClientReport[]): Promise<void> {
  const executed = await Promise.all(servers.map((server) => server.ask<number[]>('executed')))
  for (const { outcomes, violations } of reports) {
    trial.violations.push(...violations)
    checkOutcomes(outcomes, executed.flat(), trial.violations)
  }
}

/** A hundred calls that were held when their connection was lost: each UNAVAILABLE, and what it was if not. */
export function countUnavailable(trial: Trial, report: ClientReport, name: string): void {
  const { UNAVAILABLE = 0, ...others } = report.calls
  trial.all(name, UNAVAILABLE, 100)
  trial.all('calls without an outcome', report.openCalls, 0)
  for (const [code, count] of Object.entries(others)) trial.tell(`calls that ended with ${code}`, count)
}

export class CallLoad {
  /** Calls that have ended. */
  ended = 0
  readonly #ledger: CallLedger
  readonly #callers: Promise<void>[]
  #isOver = false

  constructor(peer: Peer, ledger: CallLedger, callers: number) {
    this.#ledger = ledger
    const api = peer.client(work)
    this.#callers = Array.from({ length: callers }, (_, caller) => this.#loop(api, caller))
  }

  /** Resolves when the last calls have ended. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#callers)
  }

  async #loop(api: WorkClient, caller: number): Promise<void> {
    for (let round = caller; !this.#isOver; round++) {
      const [method, call] = KINDS[round % KINDS.length] as (typeof KINDS)[number]
      const { code } = await this.#ledger.run(method, (id) => call(api, id))
      this.ended++
      // Who fails at once must not fail a million times.
      if (code !== 'OK') await sleep(5)
    }
  }
}
