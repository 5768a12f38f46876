// Of the promises of semantics.test.ts those about connections that come and go.

import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { quiet, rejection, turn, until, within } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { VirtualClock } from '../../transport/test/virtual-clock.ts'
import { connect } from '../src/connect.ts'
import { contract, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { hello } from './frames.ts'
import { addressOf, startServer } from './peers.ts'
import { type Puppet, PuppetServer } from './puppet.ts'

const HOUR_MS = 3_600_000
const PING_INTERVAL_MS = 15_000
const PING_TIMEOUT_MS = 10_000
const STEP_MS = 500

const work = contract('work', { echo: unary<number, number>() })
const service = implement(work, { echo: (value) => value })

test('11. a lost connection is made again at once, with full jitter: an hour of delay may be none', async () => {
  const listening = await PuppetServer.listen()
  let draws = 0
  const random = (): number => {
    draws++
    return 0
  }
  const reconnect = { baseDelayMs: HOUR_MS, maxDelayMs: HOUR_MS, minDelayMs: 1, random }
  const connecting = connect(listening.address, { reconnect })
  const first = await listening.next()
  first.write(hello())
  const peer = await connecting
  first.destroy()
  const second = await within('another connection', listening.next())
  second.write(hello())
  const call = peer.client(work).echo(1)
  await second.answer('1')
  expect([await call, draws]).toEqual([1, 1])
  const closing = peer.close({ drainMs: 0 })
  second.destroy()
  await closing
  await listening.close()
})

test('11. a half-open connection is found within ping interval and timeout, and another takes over', async () => {
  const clock = new VirtualClock()
  const passing = async (what: string, stepMs: number, isMet: () => boolean): Promise<void> => {
    const end = performance.now() + 20_000
    while (!isMet()) {
      if (performance.now() > end) throw new Error(`${what} did not come by ${clock.now()} ms`)
      await clock.advance(stepMs)
      await turn()
    }
  }
  const listening = await PuppetServer.listen()
  const connecting = connect(listening.address, { clock, reconnect: { baseDelayMs: 1, minDelayMs: 1 } })
  const first = await listening.next()
  first.write(hello())
  const peer = await connecting
  let settledAt = 0
  const call = quiet(peer.client(work).echo(1, { timeoutMs: HOUR_MS }))
  const settled = call.catch(() => {
    settledAt = clock.now()
  })
  await passing('the loss', STEP_MS, () => settledAt > 0)
  expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: false })
  await settled
  expect(settledAt).toBeLessThanOrEqual(PING_INTERVAL_MS + PING_TIMEOUT_MS + STEP_MS)
  expect(settledAt).toBeGreaterThan(PING_TIMEOUT_MS)
  let second: Puppet | undefined
  void listening.next().then((puppet) => {
    second = puppet
  })
  await passing('another connection', 1, () => second !== undefined)
  second?.write(hello())
  const again = peer.client(work).echo(2)
  await second?.answer('2')
  expect(await again).toBe(2)
  let isClosed = false
  void peer.close({ drainMs: 0 }).then(() => {
    isClosed = true
  })
  first.destroy()
  second?.destroy()
  await passing('the end', STEP_MS, () => isClosed)
  await listening.close()
})

test('14. a thousand reconnects leave nothing behind: heap, timers, listeners', async () => {
  const RECONNECTS = 500
  const ROUNDS = 8
  const LEAK_BYTES = 400 * RECONNECTS
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const timersBefore = timers()
  const server = await startServer({ services: [service] })
  const peer = await connect(addressOf(server), { reconnect: { baseDelayMs: 1, minDelayMs: 1 }, waitForReady: true })
  const api = peer.client(work)
  const { signal } = new AbortController()
  let grown = Number.POSITIVE_INFINITY
  for (let round = 0, before = 0; round < ROUNDS && grown > LEAK_BYTES; round++) {
    for (let count = 0; count < RECONNECTS; count++) {
      expect(await within('a call', api.echo(count, { signal }))).toBe(count)
      await Promise.all([...server.peers].map((other) => other.close({ drainMs: 0 })))
    }
    for (let times = 0; times < 3; times++) collect()
    const after = process.memoryUsage().heapUsed
    if (round > 0) grown = after - before
    before = after
  }
  expect(grown).toBeLessThanOrEqual(LEAK_BYTES)
  expect(getEventListeners(signal, 'abort')).toEqual([])
  await within('close', Promise.all([peer.close({ drainMs: HOUR_MS }), server.close({ drainMs: HOUR_MS })]))
  await until('no timer is left', () => timers() <= timersBefore)
}, 120_000)
