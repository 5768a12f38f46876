import type { Connection } from '@framewire/transport'
import { NO_FAULTS, simulate } from '@framewire/transport/testing'
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
    const sim = simulate(seed, { faults: { ...NO_FAULTS, slow: 1 } })
    const limits = checkLimits()
    const { handlers } = implement(work, { long: () => 'x'.repeat(LENGTH) })
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
      const reply = await client.client(work).long(undefined, { timeoutMs: Number.POSITIVE_INFINITY })
      expect(reply.length).toBe(LENGTH)
      await client.closed
      await closing
    })
    expect(sim.pendingTimers).toBe(0)
  }
})
