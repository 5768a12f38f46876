// Peers that break the rules, by mistake or on purpose: bare sockets as puppets. Each ends its own connection with a typed
// error at most, before anything is allocated for it, and nobody else notices.

import { once } from 'node:events'
import { type LengthFieldOptions, lengthField } from '@framewire/codec'
import { turn, until, within } from '@framewire/testkit'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Connection } from '../src/connection.ts'
import type { CloseInfo } from '../src/connection-state.ts'
import { listen } from '../src/server.ts'
import type { ServerOptions } from '../src/server-options.ts'
import { bytesOf, frames, MiB, message, text } from './messages.ts'
import { rawConnect } from './raw-sockets.ts'

interface Attacked {
  /** A bare socket and the connection it got. */
  attack(): Promise<{ socket: Awaited<ReturnType<typeof rawConnect>>; connection: Connection }>
  /** The texts that were handed out so far. */
  received: string[]
}

/** A server that notes what it gets, and checks in the end that it still serves. */
async function setUp(options: ServerOptions = {}): Promise<Attacked> {
  const received: string[] = []
  const server = await listen('tcp://127.0.0.1:0', options)
  const attack = async () => {
    const accepted = once(server, 'connection')
    const socket = await rawConnect(server.addresses[0] as object)
    const [connection] = (await within('accepted', accepted)) as [Connection]
    connection.on('message', (message) => received.push(text(message)))
    return { socket, connection }
  }
  onTestFinished(async () => {
    expect(server.addresses).toHaveLength(1)
    for (const connection of server.connections) connection.destroy()
    await server.close()
  })
  return { attack, received }
}

/** How the connection ended for which a puppet sent these bytes and no more. */
async function endFor(bytes: Uint8Array, options?: ServerOptions): Promise<CloseInfo> {
  const { attack } = await setUp(options)
  const { socket, connection } = await attack()
  const isCutOff = Promise.race([once(socket.resume(), 'end'), once(socket, 'close')])
  socket.write(bytes)
  const info = await within('closed', connection.closed)
  await within('the puppet is cut off', isCutOff)
  return info
}

const framed = (options: LengthFieldOptions) => ({ framing: lengthField(options) })

describe('a frame that cannot be', () => {
  test('longer than maxFrameLength ends at its header, with both numbers', async () => {
    const info = await endFor(Uint8Array.of(0, 0, 0, 101), framed({ maxFrameLength: 100 }))
    expect(info).toMatchObject({ initiator: 'local', error: { code: 'MESSAGE_TOO_LARGE', retryable: false } })
    expect(info.error?.message).toBe(
      'frame of 101 bytes exceeds maxFrameLength 100 at stream offset 0 (first bytes 00 00 00 65)',
    )
  })

  test.each([
    ['4 GiB', Uint8Array.of(0xff, 0xff, 0xff, 0xff), {}, 'MESSAGE_TOO_LARGE'],
    ['one byte over the limit', Uint8Array.of(0, 0x10, 0, 1), {}, 'MESSAGE_TOO_LARGE'],
    ['less than it counts', Uint8Array.of(0, 0, 0, 3), framed({ lengthCounts: 'frame' }), 'PROTOCOL_ERROR'],
    ['above 2^53', new Uint8Array(8).fill(0xff), framed({ lengthFieldLength: 8 }), 'PROTOCOL_ERROR'],
    ['padded', Uint8Array.of(0x80, 0), framed({ lengthFieldLength: 'varint' }), 'PROTOCOL_ERROR'],
  ] as const)('with a length that lies, %s, is refused at once', async (_, bytes, options, code) => {
    expect(await endFor(bytes, options)).toMatchObject({ initiator: 'local', error: { code } })
  })

  test('leaves what stood in front of it delivered', async () => {
    const { attack, received } = await setUp()
    const { socket, connection } = await attack()
    socket.write(Buffer.concat([frames('a', 'b'), Uint8Array.of(0xff, 0, 0, 0), frames('c')]))
    expect(await within('closed', connection.closed)).toMatchObject({ error: { code: 'MESSAGE_TOO_LARGE' } })
    expect(received).toEqual(['a', 'b'])
  })

  test('exactly at the limit is welcome', async () => {
    const { attack, received } = await setUp(framed({ maxFrameLength: 3 }))
    const { socket } = await attack()
    socket.write(frames('abc', ''))
    await until('both', () => received.length === 2)
    expect(received).toEqual(['abc', ''])
  })
})

describe('another protocol', () => {
  test('HTTP is named', async () => {
    const { error } = await endFor(bytesOf('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
    expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(error?.message).toContain('the peer may be speaking HTTP')
  })

  test('TLS is named', async () => {
    const clientHello = Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), message(7, 194)])
    const { error } = await endFor(clientHello)
    expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(error?.message).toContain('the peer may be speaking TLS')
  })

  test('any bytes at all end in a typed error or in nothing, and the next peer is served', async () => {
    const { attack, received } = await setUp({ framing: lengthField({ lengthFieldLength: 2, maxFrameLength: 300 }) })
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (garbage) => {
      const { socket, connection } = await attack()
      socket.end(garbage)
      const { error } = await within('closed', connection.closed)
      expect(['MESSAGE_TOO_LARGE', 'FRAME_TRUNCATED', undefined]).toContain(error?.code)
    })
    await fc.assert(property, { numRuns: 150 })
    const { socket } = await attack()
    socket.write(Uint8Array.of(0, 5, ...bytesOf('hello')))
    await until('the next peer', () => received.at(-1) === 'hello')
  })
})

describe('an end', () => {
  const FRAME = frames('x'.repeat(60))

  test('inside a frame, at any byte, is FRAME_TRUNCATED, and no part of the frame is handed out', async () => {
    const { attack, received } = await setUp()
    for (let cut = 1; cut < FRAME.length; cut++) {
      const { socket, connection } = await attack()
      socket.end(FRAME.subarray(0, cut))
      const info = await within('closed', connection.closed)
      expect(info).toMatchObject({ initiator: 'peer', error: { code: 'FRAME_TRUNCATED' } })
      expect(info.error?.message).toContain(`${cut} bytes are there`)
    }
    expect(received).toEqual([])
  })

  test('between frames is clean', async () => {
    const { attack, received } = await setUp()
    for (let count = 0; count <= 3; count++) {
      const { socket, connection } = await attack()
      socket.end(frames(...new Array(count).fill('a')))
      const info = await within('closed', connection.closed)
      expect(info).toEqual({ initiator: 'peer', error: undefined, unsentBytes: 0 })
    }
    expect(received).toHaveLength(6)
  })

  test('by reset, at any byte of a frame, is CONNECTION_RESET, and no part of the frame is handed out', async () => {
    const { attack, received } = await setUp()
    for (let cut = 0; cut < FRAME.length; cut++) {
      const { socket, connection } = await attack()
      if (cut > 0) socket.write(FRAME.subarray(0, cut))
      await until('the bytes', () => connection.stats().bytesReceived === cut)
      socket.resetAndDestroy()
      expect(await within('closed', connection.closed)).toMatchObject({
        initiator: 'peer',
        error: { code: 'CONNECTION_RESET', retryable: true },
      })
    }
    expect(received).toEqual([])
  })

  test('by reset counts what was queued as unsent', async () => {
    const { attack } = await setUp()
    const { socket, connection } = await attack()
    for (let count = 0; count < 12; count++) connection.send(message(count, MiB))
    await turn()
    const buffered = connection.bufferedAmount
    expect(buffered).toBeGreaterThan(0)
    socket.resetAndDestroy()
    const info = await within('closed', connection.closed)
    expect(info).toMatchObject({ error: { code: 'CONNECTION_RESET' } })
    expect(info.unsentBytes).toBeGreaterThanOrEqual(buffered)
  })
})

describe('memory', () => {
  test('follows the bytes received, not the length declared: 200 peers announce 1 MiB and go silent', async () => {
    const { attack } = await setUp()
    const before = process.memoryUsage().arrayBuffers
    const puppets: Connection[] = []
    for (let count = 0; count < 200; count++) {
      const { socket, connection } = await attack()
      socket.write(Uint8Array.of(0, 0x10, 0, 0, 1, 2, 3))
      puppets.push(connection)
    }
    await until('all headers', () => puppets.every((connection) => connection.stats().bytesReceived === 7))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MiB)
    expect(puppets.every(({ state }) => state === 'open')).toBe(true)
  })

  test('is bounded for a flood of empty frames that nobody reads', async () => {
    const { attack } = await setUp()
    const { socket, connection } = await attack()
    connection.pause()
    connection.removeAllListeners('message')
    connection.resume()
    const flood = new Uint8Array(4 * 100_000)
    socket.write(flood)
    await until('a full queue', () => connection.stats().messagesReceived >= 1024)
    for (let count = 0; count < 20; count++) await turn()
    expect(connection.stats().messagesReceived).toBe(1024)
    expect(connection.stats().bytesReceived).toBeLessThan(256 * 1024)
    let received = 0
    connection.on('message', () => received++)
    await until('all of them', () => received === 100_000)
  })

  test('is bounded while a connection closes under a flood that nobody reads', async () => {
    const { attack } = await setUp({ maxQueuedMessages: 10 })
    const { socket, connection } = await attack()
    connection.removeAllListeners('message')
    const block = Buffer.concat(new Array(64).fill(frames('x'.repeat(16_000))))
    const flood = () => {
      while (socket.write(block));
    }
    socket.on('drain', flood)
    flood()
    await until('a full queue', () => connection.stats().messagesReceived === 10)
    const closed = connection.close({ timeoutMs: 60_000 })
    await until('10 MiB', () => connection.stats().bytesReceived > 10 * MiB)
    connection.destroy()
    const waiting: Uint8Array[] = []
    await within('closed', closed)
    for await (const left of connection) waiting.push(left)
    expect(waiting).toHaveLength(10)
  })
})
