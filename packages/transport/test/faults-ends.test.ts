// Connections that end where they should not, through a chaos proxy on real sockets. The rows of the reliability
// scorecard stand in the names.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { encode } from '@framewire/codec'
import { until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ChaosProxy, chaosProxy } from '../src/chaos-proxy.ts'
import type { Connection } from '../src/connection.ts'
import { FRAMING, frames, KiB, message, text } from './messages.ts'
import { rawConnect, readToEnd } from './raw-sockets.ts'
import { type Rig, serve } from './watched-server.ts'

/** A frame with 64 places inside where it can be cut. */
const FRAME = frames('x'.repeat(61))
const CUTS = Array.from({ length: 64 }, (_, index) => index + 1)

/** A server behind a proxy that notes every text it gets. */
async function setUp() {
  const received: string[] = []
  const rig = await serve({}, (connection) => {
    connection.on('message', (message) => received.push(text(message)))
  })
  const proxy = await chaosProxy(rig.target, { seed: 1 })
  onTestFinished(() => proxy.close())
  return { rig, proxy, received }
}

/** A bare socket through the proxy, and the connection it got. */
async function attack(rig: Rig, proxy: ChaosProxy): Promise<{ socket: Socket; connection: Connection }> {
  const count = rig.connections.length
  const socket = await rawConnect(proxy.address)
  await until('accepted', () => rig.connections.length > count)
  return { socket, connection: rig.connections[count] as Connection }
}

describe('F01: a reset inside a frame', () => {
  test('is CONNECTION_RESET at 64 of 64 places, and no part of the frame is delivered', async () => {
    const { rig, proxy, received } = await setUp()
    const codes: (string | undefined)[] = []
    for (const cut of CUTS) {
      const { socket, connection } = await attack(rig, proxy)
      socket.write(FRAME.subarray(0, cut))
      await until('the bytes', () => connection.stats().bytesReceived === cut)
      const reset = proxy.addToxic({ type: 'reset_peer' })
      codes.push((await within('closed', connection.closed)).error?.code)
      reset.remove()
    }
    expect(codes).toEqual(CUTS.map(() => 'CONNECTION_RESET'))
    expect(received).toEqual([])
  })
})

describe('F02: an end inside a frame', () => {
  test('is FRAME_TRUNCATED at 64 of 64 places, and no part of the frame is delivered', async () => {
    const { rig, proxy, received } = await setUp()
    const seen: unknown[] = []
    for (const cut of CUTS) {
      const limit = proxy.addToxic({ type: 'limit_data', bytes: cut, direction: 'upstream' })
      const { socket, connection } = await attack(rig, proxy)
      socket.resume().write(FRAME)
      const { error, initiator } = await within('closed', connection.closed)
      seen.push([error?.code, initiator, connection.stats().bytesReceived])
      limit.remove()
    }
    expect(seen).toEqual(CUTS.map((cut) => ['FRAME_TRUNCATED', 'peer', cut]))
    expect(received).toEqual([])
  })
})

describe('F03: an end on the border of a frame', () => {
  test('is clean 100 of 100 times, and everything before it is delivered', async () => {
    const { rig, proxy, received } = await setUp()
    let whole = 0
    for (let round = 0; round < 100; round++) {
      const count = round % 5
      whole += count
      const limit = proxy.addToxic({ type: 'limit_data', bytes: count * FRAME.length, direction: 'upstream' })
      const { socket, connection } = await attack(rig, proxy)
      socket.resume().write(Buffer.concat(new Array(count + 1).fill(FRAME)))
      const info = await within('closed', connection.closed)
      expect(info).toEqual({ initiator: 'peer', error: undefined, unsentBytes: 0 })
      limit.remove()
    }
    expect(received).toEqual(new Array(whole).fill('x'.repeat(61)))
  })
})

describe('F31: a peer that half-closes', () => {
  test('gets everything that was pending, 100 of 100 times, then the end', async () => {
    const reply = message(7, 32 * KiB)
    const rig = await serve({}, (connection) => {
      connection.on('message', () => {
        for (let count = 0; count < 8; count++) connection.send(reply)
      })
    })
    await using proxy = await chaosProxy(rig.target)
    proxy.addToxic({ type: 'slicer', averageSize: 8 * KiB, sizeVariation: 8 * KiB })
    const expected = Buffer.concat(new Array(8).fill(encode(FRAMING, reply)))
    for (let round = 0; round < 100; round++) {
      const { socket, connection } = await attack(rig, proxy)
      socket.end(frames('all of it'))
      const received = await readToEnd(socket)
      expect(Buffer.compare(received, expected)).toBe(0)
      expect(await within('closed', connection.closed)).toEqual({ initiator: 'peer', error: undefined, unsentBytes: 0 })
      if (!socket.closed) await within('closed', once(socket, 'close'))
    }
  })
})
