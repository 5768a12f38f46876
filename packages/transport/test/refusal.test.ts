// What a peer that broke a rule still gets, and what it can no longer do.

import { once } from 'node:events'
import { endOfTick, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import type { Connection } from '../src/connection.ts'
import { listen } from '../src/server.ts'
import type { ServerOptions } from '../src/server-options.ts'
import { FakeClock } from './fake-clock.ts'
import { setUpConnection } from './fake-connection.ts'
import { bytesOf, frames, KiB, MiB, message } from './messages.ts'
import { rawConnect } from './raw-sockets.ts'

const TOO_LONG = Uint8Array.of(0x7f, 0xff, 0xff, 0xff)
const farewell = (error: Error) => bytesOf(error.message)

async function serve(options: ServerOptions, onConnection?: (connection: Connection) => void) {
  const server = await listen('tcp://127.0.0.1:0', options, onConnection)
  return { server, target: server.addresses[0] as { host: string; port: number } }
}

describe('the error', () => {
  test('reaches a peer that goes on sending while it is reported, 100 of 100', async () => {
    const accepted: Connection[] = []
    const options = { farewell, lingerTimeoutMs: 5_000 }
    const { server, target } = await serve(options, (connection) => void accepted.push(connection))
    let told = 0
    for (let count = 0; count < 100; count++) {
      const socket = await rawConnect(target)
      socket.write(Buffer.concat([frames('a'), TOO_LONG]))
      await until('refused', () => accepted[count] !== undefined && accepted[count]?.state !== 'open')
      // The kernel answers what comes to a closed socket with a reset, and drops what was not read yet.
      for (let more = 0; more < 8; more++) {
        socket.write(Buffer.alloc(16 * KiB))
        await turn()
      }
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => void chunks.push(chunk))
      await within('the end', Promise.race([once(socket, 'end'), once(socket, 'close')]))
      socket.end()
      if (Buffer.concat(chunks).includes('exceeds maxFrameLength 1048576')) told++
    }
    await server.close()
    expect(told).toBe(100)
  })

  test('comes behind the answers that were accepted before it', async () => {
    const { server, target } = await serve({ farewell }, (connection) => {
      connection.on('message', (request) => void connection.send(request))
    })
    const socket = await rawConnect(target)
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => void chunks.push(chunk))
    socket.write(Buffer.concat([frames('one', 'two'), TOO_LONG]))
    await within('the end', once(socket, 'end'))
    socket.end()
    await server.close()
    const answers = frames('one', 'two')
    const received = Buffer.concat(chunks)
    expect(received.subarray(0, answers.length)).toEqual(Buffer.from(answers))
    expect(received.subarray(answers.length + 4).toString()).toMatch(/^frame of 2147483647 bytes exceeds/)
  })
})

describe('a refused peer', () => {
  const options = { lingerTimeoutMs: 1_000, farewell }

  test('that never ends is cut off after the linger time', async () => {
    const clock = new FakeClock()
    const { channel, connection } = setUpConnection(undefined, { ...options, clock })
    channel.bring(TOO_LONG)
    await endOfTick()
    expect([connection.state, channel.hasEnded, channel.isDestroyed]).toEqual(['closing', true, false])
    clock.pass(999)
    expect(channel.isDestroyed).toBe(false)
    clock.pass(2)
    expect(channel.isDestroyed).toBe(true)
    expect((await connection.closed).error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(clock.timers).toBe(0)
  })

  test('that sends on is cut off after 1 MiB', async () => {
    const { channel, connection } = setUpConnection(undefined, options)
    channel.bring(TOO_LONG)
    for (let count = 0; count < 16; count++) channel.bring(new Uint8Array(64 * KiB))
    expect(channel.isDestroyed).toBe(false)
    channel.bring(new Uint8Array(1))
    expect(channel.isDestroyed).toBe(true)
    expect((await connection.closed).error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })

  test('brings no more messages, and readers are told at once', async () => {
    const { channel, connection } = setUpConnection(undefined, options)
    const seen: Uint8Array[] = []
    const reading = (async () => {
      for await (const received of connection) seen.push(received)
    })()
    channel.bring(Buffer.concat([frames('a'), TOO_LONG]))
    await expect(within('reader', reading)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    channel.bring(frames('b'))
    expect(seen).toHaveLength(1)
    expect(() => connection.send(bytesOf('c'))).toThrow(/^send on a connection that is closing: frame of/)
  })

  test('that takes nothing does not keep the farewell alive', async () => {
    const clock = new FakeClock()
    const { channel, connection } = setUpConnection(0, { ...options, clock })
    connection.send(message(1, 50))
    channel.bring(TOO_LONG)
    await endOfTick()
    clock.pass(1_001)
    const { error, unsentBytes } = await connection.closed
    expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(unsentBytes).toBeGreaterThan(54)
  })

  test('keeps nobody from being served: a farewell that throws is a warning', async () => {
    const warning = once(process, 'warning')
    const { channel, connection } = setUpConnection(undefined, {
      farewell: () => {
        throw new Error('mine')
      },
    })
    channel.bring(TOO_LONG)
    channel.onEnd()
    channel.onClose()
    expect((await connection.closed).error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect((await within('warning', warning))[0]).toMatchObject({ message: 'mine' })
  })
})

describe('a peer that ends its side', () => {
  test('still gets what is answered later, when half-open connections are allowed', async () => {
    const ends: string[] = []
    const { server, target } = await serve({ allowHalfOpen: true }, (connection) => {
      let last: Uint8Array | undefined
      connection.on('message', (request) => {
        last = request
      })
      connection.on('end', () => {
        ends.push(connection.state)
        setTimeout(() => {
          connection.send(last as Uint8Array)
          void connection.close()
        }, 20)
      })
    })
    const socket = await rawConnect(target)
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => void chunks.push(chunk))
    socket.end(frames('late'))
    await within('the end', once(socket, 'end'))
    await server.close()
    expect(Buffer.concat(chunks)).toEqual(Buffer.from(frames('late')))
    expect(ends).toEqual(['open'])
  })

  test('ends the connection otherwise, after what was sent', async () => {
    const { channel, connection } = setUpConnection(undefined, {})
    connection.on('end', () => void connection.send(bytesOf('last words')))
    channel.bring(frames('a'))
    connection.on('message', () => {})
    await turn()
    channel.onEnd()
    await turn()
    await turn()
    expect([connection.state, channel.hasEnded]).toEqual(['closing', true])
    expect(Buffer.from(channel.bytes)).toEqual(Buffer.from(frames('last words')))
  })
})

test('closed while paused: what still comes is dropped, and the end of the peer is seen', async () => {
  const { channel, connection } = setUpConnection()
  const seen: Uint8Array[] = []
  connection.on('message', (received) => void seen.push(received))
  connection.pause()
  const closing = connection.close({ timeoutMs: 60_000 })
  expect(channel.isPaused).toBe(false)
  channel.bring(frames('a', 'b'))
  channel.onEnd()
  channel.onClose()
  expect(await closing).toMatchObject({ initiator: 'local', error: undefined })
  expect(seen).toEqual([])
})

describe('a flood of messages', () => {
  test('yields after about a thousand small ones, and goes on in the next turn', () => {
    const clock = new FakeClock()
    const { channel, connection } = setUpConnection(undefined, { clock })
    let count = 0
    connection.receive(() => void count++)
    channel.bring(Buffer.alloc(4 * 5_000)) // empty frames
    const turns = [count]
    while (count < 5_000 && turns.length < 20) {
      expect(channel.isPaused).toBe(true)
      clock.turn()
      turns.push(count)
    }
    expect(turns).toEqual([1_049, 2_098, 3_147, 4_196, 5_000])
    expect(channel.isPaused).toBe(false)
  })

  test('of large ones yields after 1 MiB', () => {
    const clock = new FakeClock()
    const { channel, connection } = setUpConnection(undefined, { clock })
    let bytes = 0
    connection.receive((_, start, end) => {
      bytes += end - start
    })
    const frame = Buffer.concat([Uint8Array.of(0, 4, 0, 0), new Uint8Array(256 * KiB)])
    channel.bring(Buffer.concat(Array.from({ length: 9 }, () => frame)))
    expect([bytes, channel.isPaused]).toEqual([MiB, true])
    clock.turn()
    expect([bytes, channel.isPaused]).toEqual([2 * MiB, true])
    clock.turn()
    expect([bytes, channel.isPaused]).toEqual([2.25 * MiB, false])
  })
})

test('the end of the peer is told once, however often the reader comes back', async () => {
  const { channel, connection } = setUpConnection(undefined, { allowHalfOpen: true })
  let ends = 0
  connection.on('end', () => ends++)
  channel.bring(frames('a'))
  channel.onEnd()
  expect(await connection.next()).toBeDefined()
  for (let count = 0; count < 3; count++) {
    expect(await connection.next()).toBeUndefined()
    await turn()
    await turn()
  }
  expect([ends, connection.state]).toEqual([1, 'open'])
  connection.destroy()
})
