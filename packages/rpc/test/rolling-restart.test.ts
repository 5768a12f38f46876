import { within } from '@framewire/testkit'
import type { Address } from '@framewire/transport'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../src/connect.ts'
import { bidi, clientStream, contract, oneway, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { type Server, serve } from '../src/serve.ts'

const work = contract('work', {
  echo: unary<number, number>(),
  slow: unary<number, number>(),
  count: serverStream<number, number>(),
  sum: clientStream<number, number>(),
  double: bidi<number, number>(),
  note: oneway<number>(),
})

const RESTARTS = 6
const CALLERS = 8

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function serviceOf(noted: Set<number>) {
  return implement(work, {
    echo: (value) => value,
    async slow(value) {
      for (let turns = 0; turns < 20; turns++) await turn()
      return value
    },
    async *count(to) {
      for (let value = 0; value < to; value++) {
        await turn()
        yield value
      }
    },
    async sum(values) {
      let sum = 0
      for await (const value of values) sum += value
      return sum
    },
    async *double(values) {
      for await (const value of values) yield value * 2
    },
    note: (value) => void noted.add(value),
  })
}

async function* upTo(end: number): AsyncGenerator<number> {
  for (let value = 0; value < end; value++) {
    await turn()
    yield value
  }
}

async function listOf(values: AsyncIterable<number>): Promise<number[]> {
  const list: number[] = []
  for await (const value of values) list.push(value)
  return list
}

test('10. two servers restart in turn under load of every kind, and no call fails', async () => {
  const noted = new Set<number>()
  const start = (address: Address): Promise<Server> => serve(address, { services: [serviceOf(noted)] })
  const servers = [await start('tcp://127.0.0.1:0'), await start('tcp://127.0.0.1:0')]
  const addresses = servers.flatMap(({ addresses: [address] }) => address ?? [])
  const peer = await connect(addresses, { reconnect: { baseDelayMs: 5, minDelayMs: 1 }, waitForReady: true })
  onTestFinished(async () => {
    await peer.close({ drainMs: 0 })
    for (const server of servers) await server.close({ drainMs: 0 })
  })
  const api = peer.client(work)
  let isOver = false
  let calls = 0
  const load = async (): Promise<void> => {
    while (!isOver) {
      const value = calls++
      expect(await api.echo(value)).toBe(value)
      expect(await api.slow(value)).toBe(value)
      expect(await listOf(api.count(5))).toEqual([0, 1, 2, 3, 4])
      expect(await api.sum(upTo(5))).toBe(10)
      expect(await listOf(api.double(upTo(5)))).toEqual([0, 2, 4, 6, 8])
      await api.note(value)
    }
  }
  const callers = Array.from({ length: CALLERS }, load)
  for (let restart = 0; restart < RESTARTS; restart++) {
    const before = calls
    const at = restart % 2
    await within('a server to be drained', Promise.race([servers[at]?.close(), ...callers]))
    servers[at] = await start(addresses[at] as Address)
    await within('more calls', Promise.race([Promise.all(callers), reached(() => calls >= before + CALLERS)]))
  }
  isOver = true
  await within('the last calls', Promise.all(callers))
  expect(calls).toBeGreaterThan(RESTARTS * CALLERS)
})

async function reached(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}
