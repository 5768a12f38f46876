// Peers that are slow or silent, with real sockets and times of a tenth of the defaults or less. The rows of the
// reliability scorecard stand in the names.

import { turn, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Connection } from '../src/connection.ts'
import { frames, KiB, MiB, message } from './messages.ts'
import { rawConnect } from './raw-sockets.ts'
import { sendUntilStuck } from './traffic.ts'
import { ask, echo, ownConnection, serve } from './watched-server.ts'

function fill(sender: Connection): void {
  while (sender.state === 'open' && !sender.writableNeedDrain) sender.send(message(1, 64 * KiB))
}

describe('F07: a reader that takes a little at a time', () => {
  test('gets false to its sender at the mark, loses nothing, and holds nobody else up', async () => {
    const rig = await serve({ sendHighWaterMark: 128 * KiB })
    const slow = await rawConnect(rig.target)
    slow.pause()
    await until('accepted', () => rig.connections.length === 1)
    const sender = rig.connections[0] as Connection
    let sent = 0
    for (let quiet = 0; quiet < 20; quiet++) {
      await turn()
      for (; !sender.writableNeedDrain; sent++) {
        sender.send(message(sent, 16 * KiB))
        quiet = 0
      }
      expect(sender.bufferedAmount).toBeLessThanOrEqual(128 * KiB + 16 * KiB + 4)
    }
    const healthy = await ownConnection(rig)
    echo(rig.connections[1] as Connection)
    for (let count = 0; count < 50; count++) expect(await ask(healthy, `${count}`)).toBe(`${count}`)
    let received = 0
    slow.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    slow.resume()
    await until('everything arrived', () => received === sent * (16 * KiB + 4))
  })
})

describe('F08: a reader that has stopped', () => {
  test('is WRITE_TIMEOUT, and its connection only', async () => {
    const rig = await serve({ sendStallTimeoutMs: 400 })
    const stopped = await rawConnect(rig.target)
    stopped.pause()
    await until('accepted', () => rig.connections.length === 1)
    const sender = rig.connections[0] as Connection
    sender.on('drain', () => fill(sender))
    fill(sender)
    const { error, unsentBytes } = await within('closed', sender.closed)
    expect(error).toMatchObject({ code: 'WRITE_TIMEOUT' })
    expect(error?.message).toMatch(/^the peer took none of \d+ waiting bytes within 400 ms$/)
    expect(unsentBytes).toBeGreaterThan(0)
    const healthy = await ownConnection(rig)
    echo(rig.connections[1] as Connection)
    expect(await ask(healthy, 'still there')).toBe('still there')
  })
})

describe('F09: many readers that have stopped', () => {
  test('share one cap: above it those that hold the most end with SLOW_CONSUMER, and nobody else', async () => {
    const options = { maxTotalBuffered: 8 * MiB, maxSendBuffer: 4 * MiB, sendStallTimeoutMs: 60_000 }
    const rig = await serve(options)
    for (let count = 0; count < 12; count++) {
      const socket = await rawConnect(rig.target)
      socket.pause()
      await until('accepted', () => rig.connections.length === count + 1)
      const connection = rig.connections[count] as Connection
      await sendUntilStuck(connection, message(1, 64 * KiB), 500)
    }
    const before = process.memoryUsage().arrayBuffers
    const total = () =>
      rig.connections.reduce((sum, { bufferedAmount, state }) => sum + (state === 'open' ? bufferedAmount : 0), 0)
    const extra = message(1, 256 * KiB)
    for (let round = 0; round < 40; round++) {
      // The first ones get more than the last ones.
      for (const [index, connection] of rig.connections.entries()) {
        if (connection.state !== 'open' || round % (index + 1) !== 0) continue
        try {
          connection.send(extra)
        } catch (error) {
          expect(error).toMatchObject({ code: 'SEND_BUFFER_FULL' })
        }
        expect(total()).toBeLessThanOrEqual(8 * MiB)
      }
      await turn()
    }
    await until('the closes are told', () => rig.closes.length > 0)
    const held = rig.closes.map(({ error, unsentBytes }) => ({ code: error?.code, unsentBytes }))
    for (const { code, unsentBytes } of held) {
      expect(code).toBe('SLOW_CONSUMER')
      // With twelve of them, who holds the most holds at least a twelfth.
      expect(unsentBytes).toBeGreaterThanOrEqual((8 * MiB) / 12)
    }
    expect(rig.closes[0]?.error?.message).toMatch(
      /^\d+ unsent bytes of all connections exceed maxTotalBuffered 8388608, and \d+ of them, the most, are for this peer$/,
    )
    expect(rig.connections.filter(({ state }) => state === 'open').length).toBeGreaterThan(2)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MiB)
  }, 30_000)
})

describe('F10: slowloris', () => {
  test('500 connections that trickle a frame are FRAME_TIMEOUT, and newcomers are served meanwhile', async () => {
    const rig = await serve({ frameTimeoutMs: 700 }, echo)
    const sockets = await Promise.all(Array.from({ length: 500 }, () => rawConnect(rig.target)))
    for (const socket of sockets) socket.resume()
    const frame = frames('a message of a few dozen bytes, which never ends')
    let at = 0
    const trickle = setInterval(() => {
      at++
      for (const socket of sockets) if (socket.writable && at < frame.length) socket.write(frame.subarray(at - 1, at))
    }, 50)
    onTestFinished(() => clearInterval(trickle))
    const newcomer = await ownConnection(rig)
    for (let count = 0; rig.closes.length < 500; count++) {
      expect(await ask(newcomer, `${count}`)).toBe(`${count}`)
      if (count > 100_000) throw new Error(`${rig.closes.length} of 500 were closed`)
    }
    const codes = new Set(rig.closes.map(({ error }) => error?.code))
    expect([...codes]).toEqual(['FRAME_TIMEOUT'])
  }, 30_000)
})

describe('F16: a flood of empty frames', () => {
  test('lets everybody else have a turn after every thousand', async () => {
    const rig = await serve({})
    const flooder = await rawConnect(rig.target)
    await until('accepted', () => rig.connections.length === 1)
    let received = 0
    rig.connections[0]?.receive(() => void received++)
    let turns = 0
    const count = (): void => {
      turns++
      if (received < 500_000) setImmediate(count)
    }
    setImmediate(count)
    flooder.write(Buffer.alloc(4 * 500_000))
    await until('the flood is over', () => received === 500_000)
    expect(turns).toBeGreaterThan(500_000 / 1_100)
  })
})

describe('F43: a caller that ignores false for ever', () => {
  test('is SEND_BUFFER_FULL at the limit; nothing is lost but what was refused, and memory stays bounded', async () => {
    const rig = await serve({ maxSendBuffer: 4 * MiB, sendStallTimeoutMs: 60_000 })
    const slow = await rawConnect(rig.target)
    slow.pause()
    await until('accepted', () => rig.connections.length === 1)
    const sender = rig.connections[0] as Connection
    const before = process.memoryUsage().arrayBuffers
    const payload = message(1, KiB)
    let [accepted, refused, most] = [0, 0, 0]
    while (refused < 10_000) {
      try {
        sender.send(payload)
        accepted++
      } catch (error) {
        expect(error).toMatchObject({ code: 'SEND_BUFFER_FULL' })
        refused++
        if (refused % 500 === 0) await turn()
      }
      if (accepted % 1_000 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
    expect(sender.bufferedAmount).toBeLessThanOrEqual(4 * MiB)
    expect(most).toBeLessThan(64 * MiB)
    let received = 0
    slow.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    slow.resume()
    await until('all that was accepted arrived', () => received === accepted * (KiB + 4))
    expect(sender.state).toBe('open')
  }, 20_000)
})
