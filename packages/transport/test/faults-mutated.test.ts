// F15: recordings of good sessions, changed at random, sent to a server that goes on serving others. F33: a close that
// cannot be finished. The seed of a failing round stands in its message.

import { once } from 'node:events'
import { encode } from '@framewire/codec'
import { turn, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Connection } from '../src/connection.ts'
import { channelPair } from '../src/pair.ts'
import { ENDS } from './fake-connection.ts'
import { FRAMING, KiB, MiB, message, randomNumbers } from './messages.ts'
import { rawConnect } from './raw-sockets.ts'
import { ask, echo, ownConnection, serve } from './watched-server.ts'

const TYPED = new Set(['MESSAGE_TOO_LARGE', 'PROTOCOL_ERROR', 'FRAME_TRUNCATED', 'CONNECTION_RESET', undefined])

/** A session of a few messages as it stood on the wire, with a few bytes changed, lost, doubled or swapped. */
function mutated(seed: number): Uint8Array {
  const random = randomNumbers(seed)
  const pick = (most: number): number => Math.floor(random() * most)
  const session = Array.from({ length: 1 + pick(6) }, (_, index) => encode(FRAMING, message(index, pick(300))))
  let bytes = Buffer.concat(session)
  for (let count = 1 + pick(4); count > 0; count--) {
    const [at, length] = [pick(bytes.length), 1 + pick(8)]
    const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)]
    const changed = [
      () => Buffer.concat([before, part.map((byte) => byte ^ (1 << pick(8))), after]),
      () => Buffer.concat([before, after]),
      () => Buffer.concat([before, part, part, after]),
      () => Buffer.concat([after, before, part]),
      () => Buffer.concat([before, Buffer.from([0xff, 0xff, 0xff, 0xff]), after]),
    ]
    bytes = (changed[pick(changed.length)] as () => Buffer<ArrayBuffer>)()
  }
  return bytes
}

describe('F15: mutated sessions', () => {
  test('300 on real sockets end in a typed error or cleanly, and the next peer is served', async () => {
    const rig = await serve({ frameTimeoutMs: 10_000 }, echo)
    for (let seed = 0; seed < 300; seed++) {
      const socket = await rawConnect(rig.target)
      socket.resume()
      const ended = Promise.race([once(socket, 'end'), once(socket, 'close')])
      socket.end(mutated(seed))
      await within(`seed ${seed}: the end`, ended)
    }
    await until('all are closed', () => rig.closes.length === 300)
    const codes = rig.closes.map(({ error }) => error?.code)
    expect(codes.filter((code) => !TYPED.has(code))).toEqual([])
    // Otherwise the mutations changed nothing worth trying.
    expect(new Set(codes).size).toBeGreaterThan(2)
    expect(await ask(await ownConnection(rig), 'still there')).toBe('still there')
  }, 30_000)

  test('5,000 in memory, cut at any byte, end in a typed error or cleanly, each once', async () => {
    for (let from = 0; from < 5_000; from += 100) {
      const closes: Promise<unknown>[] = []
      for (let seed = from; seed < from + 100; seed++) {
        const [near, far] = channelPair({ seed })
        const connection: Connection = new Connection(near, { lingerTimeoutMs: 5_000 }, ENDS)
        echo(connection)
        far.onData = () => {}
        far.onEnd = () => {}
        far.write([mutated(seed)])
        far.end()
        const closed = connection.closed.then(({ error }) => {
          if (!TYPED.has(error?.code)) throw new Error(`seed ${seed}: ${error?.code} ${error?.message}`)
        })
        closes.push(within(`seed ${seed}`, closed))
      }
      await Promise.all(closes)
    }
  }, 60_000)
})

describe('F33: a close with 16 MiB queued and a peer that reads nothing', () => {
  test('resolves at its deadline and says what was not sent', async () => {
    const rig = await serve({ maxSendBuffer: 32 * MiB, sendHighWaterMark: 32 * MiB })
    const socket = await rawConnect(rig.target)
    socket.pause()
    onTestFinished(() => void socket.destroy())
    await until('accepted', () => rig.connections.length === 1)
    const connection = rig.connections[0] as Connection
    for (let count = 0; count < 256; count++) connection.send(message(count, 64 * KiB))
    await turn()
    const begin = performance.now()
    const info = await within('closed', connection.close({ timeoutMs: 200 }))
    expect(performance.now() - begin).toBeGreaterThanOrEqual(199)
    expect(info).toMatchObject({ initiator: 'local', error: { code: 'WRITE_TIMEOUT' } })
    expect(info.unsentBytes).toBeGreaterThan(8 * MiB)
    expect(info.unsentBytes).toBeLessThanOrEqual(256 * (64 * KiB + 4))
    const { bytesSent, bytesQueued, messagesSent } = connection.stats()
    expect({ messagesSent, total: bytesSent + bytesQueued }).toEqual({ messagesSent: 256, total: 256 * (64 * KiB + 4) })
  })
})
