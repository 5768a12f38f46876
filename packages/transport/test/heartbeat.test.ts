// Heartbeats in virtual time, where their number is exact.

import { expect, test } from 'vitest'
import { NO_FAULTS } from '../src/network-faults.ts'
import { simulate } from '../src/simulation.ts'

/** Heartbeats that a silent peer gets in a minute, answering each. */
async function beatsInAMinute(timeoutMs: number): Promise<number> {
  const sim = simulate(1, { faults: NO_FAULTS })
  let beats = 0
  sim.listen('server', {}, (connection) => {
    connection.on('message', (beat) => {
      beats++
      connection.send(beat)
    })
  })
  const heartbeat = { intervalMs: 1_000, timeoutMs, message: new Uint8Array(1) }
  const client = await sim.run(() => sim.connect('server', { heartbeat }))
  client.receive(() => {})
  await sim.runFor(60_500)
  return beats
}

test.each([500, 1_000, 20_000])(
  'come every intervalMs while they are answered, with a timeoutMs of %i',
  async (timeoutMs) => {
    expect(await beatsInAMinute(timeoutMs)).toBe(60)
  },
)
