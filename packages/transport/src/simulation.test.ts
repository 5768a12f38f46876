import { rejection } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { bytesOf, text } from '../test/messages.ts'
import { runSeed } from '../test/simulated-run.ts'
import type { Connection } from './connection.ts'
import { NO_FAULTS } from './network-faults.ts'
import { simulate } from './simulation.ts'

const CALM = { faults: NO_FAULTS }

async function echo(connection: Connection): Promise<void> {
  for await (const message of connection) connection.send(message)
}

/** Two connected ends in a network without faults of its own. */
async function joined(sim = simulate(1, CALM)) {
  const servers: Connection[] = []
  sim.listen('server', { closeTimeoutMs: 1_000 }, (connection) => void servers.push(connection))
  const client = await sim.run(() => sim.connect('server', { sendStallTimeoutMs: 2_000, closeTimeoutMs: 1_000 }))
  const [server] = servers as [Connection]
  const link = sim.links[0] as (typeof sim.links)[number]
  return { sim, client, server, link }
}

describe('a simulated network', () => {
  test('carries messages both ways, in virtual time', async () => {
    const sim = simulate(7, { faults: { ...NO_FAULTS, latencyMs: 1_000 } })
    const server = sim.listen('echo', {}, echo)
    const before = performance.now()
    const answer = await sim.run(async () => {
      const client = await sim.connect('echo')
      client.send(bytesOf('hello'))
      for await (const message of client) {
        await client.close()
        await server.close()
        return text(message)
      }
      return 'nothing'
    })
    expect(answer).toBe('hello')
    expect(sim.clock.now()).toBeGreaterThan(100)
    expect(performance.now() - before).toBeLessThan(sim.clock.now() + 1_000)
    await sim.runUntilIdle()
    expect([sim.pendingTimers, sim.links.map(({ isOpen }) => isOpen)]).toEqual([0, [false]])
  })

  test('refuses who connects to a name that nobody listens on', async () => {
    const sim = simulate(1, CALM)
    const error = await sim.run(() => rejection(sim.connect('nobody')))
    expect(error).toMatchObject({ code: 'CONNECT_REFUSED', retryable: true })
  })

  test('refuses a name that is listened on already, until that server is closed', async () => {
    const sim = simulate(1, CALM)
    const server = sim.listen('a')
    expect(() => sim.listen('a')).toThrow(expect.objectContaining({ code: 'ADDRESS_IN_USE' }))
    await sim.run(() => server.close())
    sim.listen('a')
  })

  test('leaves who connects without an answer until connectTimeoutMs, and ends at once by signal', async () => {
    const sim = simulate(1, { faults: { ...NO_FAULTS, ignore: 1 } })
    sim.listen('a')
    const late = await sim.run(() => rejection(sim.connect('a', { connectTimeoutMs: 700 })))
    expect(late).toMatchObject({ code: 'CONNECT_TIMEOUT', message: 'a did not answer within 700 ms' })
    expect(sim.clock.now()).toBe(700)
    const aborted = await sim.run(() => rejection(sim.connect('a', { signal: AbortSignal.abort() })))
    expect(aborted).toMatchObject({ code: 'ABORTED' })
    expect([sim.clock.now(), sim.pendingTimers]).toEqual([700, 0])
  })

  test('ends one connection only when its listener throws', async () => {
    const sim = simulate(1, CALM)
    let count = 0
    sim.listen('a', {}, () => {
      if (count++ === 0) throw new Error('mine')
    })
    const [first, second] = await sim.run(() => Promise.all([sim.connect('a'), sim.connect('a')]))
    await sim.run(() => first.closed)
    expect([first.state, second.state]).toEqual(['closed', 'open'])
  })
})

describe('a link', () => {
  test('that is reset ends both ends with CONNECTION_RESET', async () => {
    const { sim, client, server, link } = await joined()
    link.reset()
    const infos = await sim.run(() => Promise.all([client.closed, server.closed]))
    for (const info of infos) expect(info).toMatchObject({ error: { code: 'CONNECTION_RESET' } })
    expect(link.broken).toEqual(['reset'])
  })

  test('whose one socket fails ends that end with its error and resets the other', async () => {
    const { sim, client, server, link } = await joined()
    link.fail('upstream', 'EPIPE')
    const infos = await sim.run(() => Promise.all([client.closed, server.closed]))
    expect(infos.map((info) => info.error?.message)).toEqual(['write EPIPE', 'read ECONNRESET'])
  })

  test('that is half-closed shows one end the end of the other', async () => {
    const { sim, client, server, link } = await joined()
    link.halfClose('downstream')
    const infos = await sim.run(() => Promise.all([client.closed, server.closed]))
    expect(infos.map(({ initiator, error }) => [initiator, error])).toEqual([
      ['peer', undefined],
      ['peer', undefined],
    ])
  })

  test('that is a black hole is found by the stalled write, and by nothing before it', async () => {
    const { sim, client, link } = await joined()
    link.blackHole()
    const began = sim.clock.now()
    while (client.bufferedAmount < 256 * 1024) client.send(new Uint8Array(10_000))
    const info = await sim.run(() => client.closed)
    expect(info).toMatchObject({ error: { code: 'WRITE_TIMEOUT' } })
    expect(sim.clock.now() - began).toBeGreaterThanOrEqual(2_000)
    expect(sim.clock.now() - began).toBeLessThanOrEqual(2_500)
  })

  test('that is restored delivers what was sent into the black hole', async () => {
    const { sim, client, server, link } = await joined()
    link.blackHole('upstream')
    client.send(bytesOf('a'))
    await sim.runFor(500)
    expect(server.stats().bytesReceived).toBe(0)
    link.restore()
    await sim.runFor(1)
    expect(server.stats().bytesReceived).toBe(5)
  })

  test('is found by either of its ends', async () => {
    const { sim, client, server, link } = await joined()
    expect([sim.linkOf(client), sim.linkOf(server)]).toEqual([link, link])
  })
})

describe('a run', () => {
  test('has the same trace for the same seed, and another for another', async () => {
    const hashes = new Set<string>()
    for (let seed = 0; seed < 20; seed++) {
      const [one, other] = [await runSeed(seed), await runSeed(seed)]
      expect(one).toEqual(other)
      hashes.add(one.traceHash)
    }
    expect(hashes.size).toBe(20)
  })

  test('that waits for what never comes is cut off, with its seed', async () => {
    const sim = simulate(42, CALM)
    await expect(sim.run(() => new Promise(() => {}))).rejects.toThrow('simulate(42): the program waits for what never')
  })

  test('that never ends is cut off by its events and by its time, with its seed', async () => {
    const events = simulate(5, { maxEvents: 100 })
    const again = () => events.clock.setImmediate(again)
    again()
    await expect(events.runUntilIdle()).rejects.toThrow('simulate(5): more than 100 events')
    const time = simulate(6, { maxTimeMs: 1_000 })
    const later = () => void time.clock.setTimeout(later, 100)
    later()
    await expect(time.runUntilIdle()).rejects.toThrow('simulate(6): more than 1000 ms')
  })

  test('throws what its program throws, and what a callback of its clock throws', async () => {
    const mistake = new Error('mine')
    const sim = simulate(1)
    expect(await rejection(sim.run(() => Promise.reject(mistake)))).toBe(mistake)
    sim.clock.setTimeout(() => {
      throw mistake
    }, 10)
    expect(await rejection(sim.runUntilIdle())).toBe(mistake)
  })

  test('does not wait for a timer that is unref, unless a connection is open', async () => {
    const { sim, client } = await joined()
    let count = 0
    sim.clock.setTimeout(() => count++, 100).unref()
    await sim.runUntilIdle()
    expect(count).toBe(1)
    client.destroy()
    await sim.runFor(10)
    sim.clock.setTimeout(() => count++, 100).unref()
    await sim.runUntilIdle()
    expect(count).toBe(1)
  })

  test('keeps notes of the program between the events, and hashes them too', async () => {
    const [one, other] = [simulate(1), simulate(1)]
    one.note('a')
    other.note('b')
    expect(one.trace).toEqual(['0.000 ms program a'])
    expect(one.traceHash).not.toBe(other.traceHash)
  })

  test.each([-1, 0.5, Number.NaN, 2 ** 32])('is refused for the seed %s', (seed) => {
    expect(() => simulate(seed)).toThrow(RangeError)
  })

  test('is refused for a fault that is no chance', () => {
    expect(() => simulate(1, { faults: { reset: 2 } })).toThrow('faults.reset must be a number from 0 to 1, got 2')
  })
})
