// A server stream as its consumer sees it: messages a second, fast or held up by the consumer. The messages carry a number
// that is checked, and each must have its length; one that is wrong, missing or too many fails the run.
import { setTimeout as delay } from 'node:timers/promises'
import type { Caller } from './contender.ts'
import { NotRun } from './not-run.ts'

export interface StreamLoad {
  count: number
  size: number
  /** The consumer rests for a millisecond after this many messages; undefined for one that never rests. */
  restEvery?: number
}

export interface StreamRate {
  messagesPerSecond: number
}

const REST_MS = 1
/** The numbers of messages begin anew here, so that servers send from a ring made before. */
export const RING = 256

/** The messages a server stream consists of, by their number modulo `RING`. */
export function ringOf(size: number): Uint8Array[] {
  return Array.from({ length: RING }, (_, number) => new Uint8Array(size).fill(number))
}

export async function streamLoop(caller: Caller, { count, size, restEvery }: StreamLoad): Promise<StreamRate> {
  if (caller.receive === undefined) throw new NotRun('it has no streams here')
  let received = 0
  const begin = performance.now()
  await caller.receive(count, size, (message) => {
    if (message.length !== size || message[0] !== received % RING || message[size - 1] !== received % RING) {
      throw new Error(`wrong message ${received} of ${count}: ${message.length} B, number ${message[0]}`)
    }
    received++
    return restEvery !== undefined && received % restEvery === 0 ? delay(REST_MS) : undefined
  })
  const elapsedMs = performance.now() - begin
  if (received !== count) throw new Error(`${received} messages of ${count}`)
  return { messagesPerSecond: (received * 1_000) / elapsedMs }
}
