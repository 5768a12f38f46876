import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { rejection, turn, until } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { KiB, MiB, message } from '../test/messages.ts'
import { readToEnd, socketPair } from '../test/raw-sockets.ts'
import { Connection } from './connection.ts'
import { endpoints, SocketChannel } from './socket-channel.ts'

/** A channel over one end, and the raw other end. */
async function setUp() {
  const [socket, peer] = await socketPair()
  const channel = new SocketChannel(socket)
  const seen = { chunks: [] as Uint8Array[], ends: 0, drains: 0, closes: [] as (Error | undefined)[] }
  channel.onData = (chunk) => void seen.chunks.push(chunk)
  channel.onEnd = () => void seen.ends++
  channel.onDrain = () => void seen.drains++
  channel.onClose = (error) => void seen.closes.push(error)
  return { channel, socket, peer, seen }
}

/** Writes until the kernel takes no more, and returns what was written. */
function fill(channel: SocketChannel): Uint8Array[] {
  const written: Uint8Array[] = []
  do written.push(message(written.length, 256 * KiB))
  while (channel.write([written.at(-1) as Uint8Array]) && written.length < 200)
  return written
}

const received = async (peer: Socket) => Buffer.from(await readToEnd(peer))

describe('write', () => {
  test('sends several chunks in order and says that the kernel has them', async () => {
    const { channel, peer } = await setUp()
    const chunks = [1, 2, 0, 3000].map((length, index) => message(index, length))
    expect(channel.write(chunks)).toBe(true)
    expect(channel.bufferedLength).toBe(0)
    channel.end()
    expect(Buffer.compare(await received(peer), Buffer.concat(chunks))).toBe(0)
  })

  test('answers false when the kernel is full; drain comes once, when all of it has left', async () => {
    const { channel, peer, seen } = await setUp()
    const written = fill(channel)
    expect(channel.bufferedLength).toBeGreaterThan(0)
    await turn()
    expect(seen.drains).toBe(0)
    let length = 0
    peer.on('data', (chunk: Buffer) => {
      length += chunk.length
    })
    await until('drain', () => seen.drains > 0)
    expect(channel.bufferedLength).toBe(0)
    await until('all bytes', () => length === written.length * 256 * KiB)
    expect(seen.drains).toBe(1)
  })

  test('tells nothing of a drain once the socket is destroyed', async () => {
    const { channel, seen } = await setUp()
    fill(channel)
    channel.destroy()
    await until('close', () => seen.closes.length > 0)
    expect(seen).toMatchObject({ drains: 0, closes: [undefined] })
  })
})

describe('a write to a socket that is lost', () => {
  test('is not with the kernel: destroyed, and not closed yet', async () => {
    const { channel, socket, seen } = await setUp()
    socket.destroy()
    expect(channel.write([message(0, 10), message(1, 5)])).toBe(false)
    expect(channel.bufferedLength).toBe(15)
    await until('close', () => seen.closes.length > 0)
    expect(seen.drains).toBe(0)
  })

  test('is not with the kernel when that refuses it at once, and counts as unsent', async () => {
    const answers: (Error | null)[] = [null, new Error('write EPIPE')]
    const socket = new Duplex({ read() {}, write: (_, __, callback) => callback(answers.shift()) })
    const connection = new Connection(new SocketChannel(socket), {}, { local: { path: '' }, remote: { path: '' } })
    connection.send(message(0, 6))
    await connection.flush()
    connection.send(message(1, 16))
    const flushed = rejection(connection.flush())
    expect(connection.bufferedAmount).toBe(20)
    expect(await flushed).toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(await connection.closed).toMatchObject({ error: { message: 'write EPIPE' }, unsentBytes: 20 })
    expect(connection.stats()).toMatchObject({ bytesSent: 10, bytesQueued: 20 })
  })
})

describe('the end', () => {
  test('follows what was taken, and the other direction stays open', async () => {
    const { channel, peer, seen } = await setUp()
    const chunks = [message(1, 100_000), message(2, 1 * MiB)]
    channel.write(chunks)
    channel.end()
    expect(Buffer.compare(await received(peer), Buffer.concat(chunks))).toBe(0)
    peer.write('answer')
    await until('answer', () => seen.chunks.length > 0)
    expect([String(seen.chunks[0]), seen.closes.length]).toEqual([String(Buffer.from('answer')), 0])
    peer.end()
    await until('close', () => seen.closes.length > 0)
    expect(seen).toMatchObject({ ends: 1, closes: [undefined] })
  })

  test('by destroy drops what the kernel did not take and calls back later, once', async () => {
    const { channel, peer, seen } = await setUp()
    const written = fill(channel)
    channel.destroy()
    channel.destroy()
    expect(seen.closes).toEqual([])
    const { length } = await received(peer)
    expect(length).toBeLessThan(written.length * 256 * KiB)
    expect(seen.closes).toEqual([undefined])
  })

  test('by reset brings its error, once', async () => {
    const { peer, seen } = await setUp()
    peer.resetAndDestroy()
    await until('close', () => seen.closes.length > 0)
    expect(seen).toMatchObject({ ends: 0, closes: [{ code: 'ECONNRESET' }] })
  })

  test('by reset is no end in good order when it comes before the last bytes are read', async () => {
    const { peer, seen } = await setUp()
    peer.setNoDelay(true)
    peer.write('last words')
    peer.resetAndDestroy()
    await until('close', () => seen.closes.length > 0)
    expect(seen).toMatchObject({ ends: 0, closes: [{ code: 'ECONNRESET' }] })
  })
})

test('pause holds chunks back, and resume never hands one out from within', async () => {
  const { channel, peer, socket, seen } = await setUp()
  channel.pause()
  peer.write('a')
  await until('a byte in the buffer of the socket', () => socket.readableLength > 0)
  expect(seen.chunks).toEqual([])
  channel.resume()
  expect(seen.chunks).toEqual([])
  await until('the chunk', () => seen.chunks.length > 0)
})

test('errors of the socket, however many and however late, take nothing down', async () => {
  const socket = new Socket()
  const channel = new SocketChannel(socket)
  let closes = 0
  channel.onClose = () => closes++
  channel.destroy()
  await until('close', () => closes > 0)
  for (const text of ['late', 'later']) expect(socket.emit('error', new Error(text))).toBe(true)
  expect(closes).toBe(1)
})

test('names both ends of a TCP socket, and the path for both of a unix socket', async () => {
  const [socket, peer] = await socketPair()
  const ends = endpoints(socket, { port: 1 })
  expect(ends).toEqual({
    local: { host: '127.0.0.1', port: peer.remotePort },
    remote: { host: '127.0.0.1', port: peer.localPort },
  })
  expect(endpoints(socket, { path: '/run/a.sock' })).toEqual({
    local: { path: '/run/a.sock' },
    remote: { path: '/run/a.sock' },
  })
})
