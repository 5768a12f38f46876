// The time that a tour may take, and what peers get of theirs so that it is kept: ours and the floors are measured for as
// long as planned, whatever it costs the peers.
import type { Step } from './plan.ts'
import { PEER_NAMES } from './roster.ts'

/** Below this a peer is hardly compiled and a round is a few calls: the tour then takes longer instead. */
const LEAST_SHARE = 0.25
/** Measured on a quiet machine; how much slower this one is shows as the tour goes on. */
const START_SECONDS = 0.35
const WARMUP_SECONDS = 0.8
const SETTLE_FACTOR = 1.15
const SECONDS_ELSEWHERE = 3
const SLOWEST_PACE = 4

interface Parts {
  /** What nobody shortens: ours, the floors, and the start of peers. */
  fixed: number
  peers: number
}

export class Budget {
  readonly #plan: readonly Step[]
  readonly #seconds: number
  #planned = 0

  /** Infinity = as long as it takes. */
  constructor(plan: readonly Step[], seconds: number) {
    this.#plan = plan
    this.#seconds = seconds
  }

  /** What the peers of step number `next` get, 0 to 1, when so much time has gone. */
  shareOf(next: number, elapsedSeconds: number): number {
    const pace = this.#planned === 0 ? 1 : Math.min(Math.max(1, elapsedSeconds / this.#planned), SLOWEST_PACE)
    const coming = this.#plan.slice(next).map(partsOf)
    const fixed = coming.reduce((sum, parts) => sum + parts.fixed, 0)
    const peers = coming.reduce((sum, parts) => sum + parts.peers, 0)
    const here = partsOf(this.#plan[next] as Step)
    const left = (this.#seconds - elapsedSeconds) / pace - fixed
    const share = here.peers === 0 || left >= peers ? 1 : Math.max(LEAST_SHARE, left / peers)
    this.#planned += here.fixed + here.peers * share
    return share
  }
}

function partsOf(step: Step): Parts {
  if (step.suite !== 'rpc' && step.suite !== 'latency') return { fixed: SECONDS_ELSEWHERE, peers: 0 }
  const measured = step.rounds * step.seconds * SETTLE_FACTOR
  const each = measured + (step.suite === 'rpc' ? WARMUP_SECONDS : step.seconds)
  const peers = step.contenders.filter((contender) => PEER_NAMES.includes(contender)).length
  return {
    fixed: step.contenders.length * START_SECONDS + (step.contenders.length - peers) * each,
    peers: peers * each,
  }
}
