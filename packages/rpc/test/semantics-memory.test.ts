// The fourteenth of the promises of semantics.test.ts: many calls, cancelled ones and late ones leave nothing behind.
// FRAMEWIRE_CALLS=1000000 makes a long run of it.

import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { until, within } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { contract, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { ClientOf, Ctx } from '../src/peer.ts'
import { connectTo, startServer } from './peers.ts'

const CALLS = Number(process.env.FRAMEWIRE_CALLS ?? 20_000)
/** As many are cancelled, and as many time out. */
const ENDED = CALLS / 10
const AT_ONCE = 100
/** A call that is kept costs several times this; a million calls give the heap back within 5 MiB. */
const LEAK_BYTES = Math.min(40 * (CALLS + 2 * ENDED), 5 * 1024 * 1024)
const ROUNDS = 4

const work = contract('work', { echo: unary<number, number>(), hold: unary<void, void>() })
const untilAborted = ({ signal }: Ctx): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
const service = implement(work, { echo: (value) => value, hold: (_, ctx) => untilAborted(ctx) })

/** All the calls, in batches: each answered one pays for one that may be cancelled. */
async function round(api: ClientOf<typeof work>, signal: AbortSignal): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const count = (outcome: string): void => {
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  const done = (call: Promise<unknown>) =>
    call.then(
      () => count('done'),
      ({ code }) => count(code),
    )
  for (let made = 0; made < CALLS; made += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => done(api.echo(index, { signal }))))
    const controller = new AbortController()
    const few = Array.from({ length: AT_ONCE / 10 }, () => [
      done(api.hold(undefined, { signal: controller.signal, timeoutMs: 600_000 })),
      done(api.hold(undefined, { signal, timeoutMs: 1 })),
    ])
    controller.abort()
    await Promise.all(few.flat())
  }
  return counts
}

function heapAfter(collect: () => void): number {
  for (let times = 0; times < 3; times++) collect()
  return process.memoryUsage().heapUsed
}

test('14. nothing is left of calls, cancelled calls and late calls: heap, tables, timers, listeners', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const timersBefore = timers()
  const server = await startServer({ services: [service] })
  const peer = await connectTo(server)
  const { signal } = new AbortController()
  let grown = Number.POSITIVE_INFINITY
  for (let turn = 0, before = 0; turn < ROUNDS && grown > LEAK_BYTES; turn++) {
    const counts = await round(peer.client(work), signal)
    expect(counts).toEqual({ done: CALLS, CANCELLED: ENDED, DEADLINE_EXCEEDED: ENDED })
    const after = heapAfter(collect)
    if (turn > 0) grown = after - before
    before = after
  }
  console.log(`${CALLS} calls: the heap has grown by ${Math.round(grown / 1024)} KiB`)
  expect(grown).toBeLessThanOrEqual(LEAK_BYTES)
  expect(getEventListeners(signal, 'abort')).toEqual([])
  // Neither would end before its time if a call were still in a table.
  await within('close', Promise.all([peer.close({ drainMs: 3_600_000 }), server.close({ drainMs: 3_600_000 })]))
  await until('no timer is left', () => timers() <= timersBefore)
}, 600_000)
