import type { Connection } from '@framewire/transport'
import { NO_FAULTS, type Simulation, simulate } from '@framewire/transport/testing'
import { expect, test } from 'vitest'
import { contract, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { checkLimits, framingOf } from '../src/limits.ts'
import { MethodTable } from '../src/method-table.ts'
import { RpcConnection } from '../src/rpc-connection.ts'

const work = contract('work', { long: unary<void, string>() })
const LENGTH = 200_000

test('a side that drains is gone when its last answer has left, however slow the other side is', async () => {
  for (let seed = 0; seed < 10; seed++) {
    // From 16 to 1024 bytes a millisecond: the answer takes from 0.2 to 12 s.
    await drain(simulate(seed, { faults: { ...NO_FAULTS, slow: 1 } }), LENGTH, async () => {})
  }
})

test('a side that drains waits until its last answer is read, not only until the kernel has it', async () => {
  const sim = simulate(0, { faults: NO_FAULTS })
  await drain(sim, 20_000, async (client, connection) => {
    while (client.state === 'connecting') await sim.sleep(1)
    connection.pause()
    await sim.sleep(4_000)
    // What is said to a side that is gone already makes the kernel throw away what was not read.
    client.ping().catch(() => {})
    await sim.sleep(1_000)
    connection.resume()
  })
})

/** A server that answers with `length` bytes is closed while they are on their way. The client gets them. */
async function drain(
  sim: Simulation,
  length: number,
  meanwhile: (client: RpcConnection, connection: Connection) => Promise<void>,
): Promise<void> {
  const limits = checkLimits()
  const { handlers } = implement(work, {
    long: async () => {
      await sim.sleep(500)
      return 'x'.repeat(length)
    },
  })
  const methods = new MethodTable(handlers)
  const options = { methods, limits, defaults: {}, onError: () => {}, clock: sim.clock }
  const framing = framingOf(limits)
  let closing: Promise<void> | undefined
  const close = async (peer: RpcConnection): Promise<void> => {
    while (peer.state === 'connecting') await sim.sleep(1)
    await sim.sleep(1_000)
    await peer.close({ drainMs: 60_000 })
  }
  sim.listen('server', { framing }, (connection) => {
    closing = close(new RpcConnection(connection as never, { ...options, isConnecting: false }))
  })
  await sim.run(async () => {
    const connection = (await sim.connect('server', { framing })) as unknown as Connection
    const client = new RpcConnection(connection, { ...options, isConnecting: true })
    const reply = client.client(work).long(undefined, { timeoutMs: Number.POSITIVE_INFINITY })
    await meanwhile(client, connection)
    expect((await reply).length).toBe(length)
    await client.closed
    await closing
  })
  expect(sim.pendingTimers).toBe(0)
}
