// Frames that come slowly, in crumbs or with lengths that lie, and clocks that jump. The rows of the reliability scorecard
// stand in the names.

import { once } from 'node:events'
import { encode, type LengthFieldOptions, lengthField } from '@framewire/codec'
import { until, within } from '@framewire/testkit'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { chaosProxy } from '../src/chaos-proxy.ts'
import { systemClock } from '../src/clock.ts'
import { connect } from '../src/connect.ts'
import { Connection } from '../src/connection.ts'
import { NO_FAULTS } from '../src/network-faults.ts'
import { channelPair } from '../src/pair.ts'
import { simulate } from '../src/simulation.ts'
import { FakeChannel } from './fake-channel.ts'
import { ENDS } from './fake-connection.ts'
import { bytesOf, FRAMING, KiB, MiB, message, text } from './messages.ts'
import { rawConnect, readToEnd } from './raw-sockets.ts'
import { echo, serve } from './watched-server.ts'

describe('F11: a frame in segments of one byte', () => {
  /** What a connection holds at most while one message of 1 MiB arrives in chunks of so many bytes. */
  function receive(chunkLength: number): number {
    const payload = message(9, MiB)
    const bytes = encode(FRAMING, payload)
    const channel = new FakeChannel()
    const connection = new Connection(channel, {}, ENDS)
    const received: Uint8Array[] = []
    connection.on('message', (message) => received.push(message))
    const base = process.memoryUsage().arrayBuffers
    let most = 0
    for (let at = 0; at < bytes.length; at += chunkLength) {
      channel.onData(bytes.subarray(at, at + chunkLength))
      if (at % (64 * KiB) === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - base)
    }
    expect(received).toHaveLength(1)
    expect(Buffer.compare(received[0] as Uint8Array, payload)).toBe(0)
    connection.destroy()
    return most
  }

  test('of 1 MiB is delivered as it was; what is held meanwhile is at most 4 MiB', () => {
    expect(receive(1)).toBeLessThanOrEqual(4 * MiB)
  })

  test('is delivered as it was through real sockets', async () => {
    const rig = await serve({}, echo)
    await using proxy = await chaosProxy(rig.target)
    proxy.addToxic({ type: 'slicer', averageSize: 1, direction: 'upstream' })
    const client = await connect(proxy.address)
    onTestFinished(() => client.destroy())
    const payload = message(9, 256 * KiB)
    client.send(payload)
    const [answer] = (await within('the answer', once(client, 'message'), 25_000)) as [Uint8Array]
    expect(Buffer.compare(answer, payload)).toBe(0)
    expect([...proxy.connections][0]?.passed.upstream).toBe(payload.length + 4)
  })
})

describe('F13: a length that lies', () => {
  const framed = (options: LengthFieldOptions) => ({ framing: lengthField({ maxFrameLength: MiB, ...options }) })
  const LIES: readonly [name: string, header: Uint8Array, options: LengthFieldOptions][] = [
    ['4 GiB', Uint8Array.of(0xff, 0xff, 0xff, 0xff), {}],
    ['one more than the limit', Uint8Array.of(0, 0x10, 0, 1), {}],
    ['0 where the field counts itself', Uint8Array.of(0, 0, 0, 0), { lengthCounts: 'frame' }],
    ['3 where the field counts itself', Uint8Array.of(0, 0, 0, 3), { lengthCounts: 'frame' }],
  ]

  test.each(LIES)(
    '(%s) is refused at its header 25 of 25 times, and the peer reads why',
    async (_, header, options) => {
      const rig = await serve({ ...framed(options), farewell: (error) => bytesOf(error.code) })
      for (let round = 0; round < 25; round++) {
        const socket = await rawConnect(rig.target)
        await until('accepted', () => rig.connections.length > round)
        socket.write(header)
        const farewell = await readToEnd(socket)
        socket.end()
        const { error } = await within('closed', (rig.connections[round] as Connection).closed)
        expect(['MESSAGE_TOO_LARGE', 'PROTOCOL_ERROR']).toContain(error?.code)
        expect(text(farewell.subarray(4))).toBe(error?.code)
        expect(rig.connections[round]?.stats().bytesReceived).toBe(4)
      }
    },
  )
})

describe('F14: the longest frame declared, then silence', () => {
  test('costs 1,000 connections less than 16 MiB together', async () => {
    const before = process.memoryUsage().arrayBuffers
    const connections: Connection[] = []
    for (let count = 0; count < 1_000; count++) {
      const [channel, puppet] = channelPair()
      connections.push(new Connection(channel, {}, ENDS))
      puppet.write([Uint8Array.of(0, 0x10, 0, 0, 1, 2, 3)])
    }
    onTestFinished(() => {
      for (const connection of connections) connection.destroy()
    })
    await until('all headers', () => connections.every((connection) => connection.stats().bytesReceived === 7))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MiB)
    expect(connections.every(({ state }) => state === 'open')).toBe(true)
  })
})

describe('F18: a far and narrow link', () => {
  test('delivers everything, in order, at the pace of the link', async () => {
    const rig = await serve({}, echo)
    await using proxy = await chaosProxy(rig.target, { seed: 3 })
    for (const direction of ['upstream', 'downstream'] as const) {
      proxy.addToxic({ type: 'latency', latencyMs: 40, jitterMs: 20, direction })
      proxy.addToxic({ type: 'bandwidth', bytesPerSecond: 100_000, direction })
    }
    const client = await connect(proxy.address)
    onTestFinished(() => client.destroy())
    const answers: Uint8Array[] = []
    client.on('message', (message) => answers.push(message))
    const before = performance.now()
    for (let index = 0; index < 50; index++) client.send(message(index, 1_000))
    await until('all answers', () => answers.length === 50, 25_000)
    expect(performance.now() - before).toBeGreaterThanOrEqual(500)
    for (const [index, answer] of answers.entries()) expect(Buffer.compare(answer, message(index, 1_000))).toBe(0)
  })
})

describe('F26: a wall clock that jumps', () => {
  afterEach(() => void vi.useRealTimers())

  test('by an hour forward or back changes nothing in ten minutes: no timeout, no heartbeat more or less', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const start = Date.now()
    const beatsOf = async (jumpMs: number) => {
      let beats = 0
      const sim = simulate(1, { faults: NO_FAULTS })
      sim.listen('server', { idleTimeoutMs: 30_000 }, (connection) => {
        connection.on('message', (beat) => {
          beats++
          connection.send(beat)
        })
      })
      const heartbeat = { intervalMs: 15_000, timeoutMs: 10_000, message: bytesOf('beat') }
      const client = await sim.run(() => sim.connect('server', { heartbeat, idleTimeoutMs: 30_000 }))
      client.receive(() => {})
      for (let minute = 0; minute < 10; minute++) {
        vi.setSystemTime(start + (minute % 3) * jumpMs)
        await sim.runFor(60_000)
      }
      expect(client.state).toBe('open')
      return beats
    }
    const beats = await beatsOf(0)
    expect(beats).toBeGreaterThanOrEqual(20)
    expect([await beatsOf(3_600_000), await beatsOf(-3_600_000)]).toEqual([beats, beats])
  })

  test('is not what the clock of the process goes by', () => {
    const before = systemClock.now()
    vi.useFakeTimers({ toFake: ['Date'] })
    for (const jumpMs of [3_600_000, -3_600_000]) {
      vi.setSystemTime(Date.now() + jumpMs)
      expect(systemClock.now()).toBeGreaterThanOrEqual(before)
      expect(systemClock.now() - before).toBeLessThan(1_800_000)
    }
  })
})
