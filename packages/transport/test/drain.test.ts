// The promise of send under backpressure, against the widely copied snippet that gets it wrong.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { encode, FrameDecoder } from '@framewire/codec'
import { endOfTick, turn, until, within } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { Connection } from '../src/connection.ts'
import { endpoints, SocketChannel } from '../src/socket-channel.ts'
import { FakeChannel } from './fake-channel.ts'
import { ENDS } from './fake-connection.ts'
import { FRAMING, KiB, message } from './messages.ts'
import { socketPair } from './raw-sockets.ts'

const COUNT = 2_000
const LENGTH = 8 * KiB

/** Message number `index`, with its number in front. */
function numbered(index: number): Uint8Array {
  const payload = message(index, LENGTH)
  new DataView(payload.buffer).setUint32(0, index)
  return payload
}

/** Counts the messages that arrive at a socket, which reads from the turn on in which `read` is called. */
function counter(socket: Socket) {
  const decoder = new FrameDecoder(FRAMING)
  const numbers: number[] = []
  const visit = (bytes: Uint8Array, start: number) => {
    numbers.push(new DataView(bytes.buffer, bytes.byteOffset + start).getUint32(0))
  }
  return {
    numbers,
    read: () => void socket.on('data', (chunk: Buffer) => void decoder.push(chunk, visit)),
    duplicates: () => numbers.length - new Set(numbers).size,
  }
}

const listenersOf = (socket: Socket) => socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0)

/** As it stands in tutorials and answers: `success` is true exactly when it should not be. */
function writeData(socket: Socket, data: Uint8Array): void {
  const success = !socket.write(data)
  if (!success) socket.once('drain', () => writeData(socket, data))
}

test('the tutorial snippet sends what is queued already again, and leaves listeners behind', async () => {
  const [socket, peer] = await socketPair()
  socket.setMaxListeners(0)
  const received = counter(peer)
  const before = listenersOf(socket)
  for (let index = 0; index < COUNT; index++) writeData(socket, encode(FRAMING, numbered(index)))
  received.read()
  await until('everything left', () => socket.writableLength === 0 && !socket.writableNeedDrain)
  await turn()
  const left = listenersOf(socket) - before
  socket.end()
  await within('the end', once(peer, 'end'))
  expect(new Set(received.numbers).size).toBe(COUNT)
  expect(received.duplicates()).toBeGreaterThan(0)
  expect(left).toBeGreaterThan(0)
})

test('2,000 messages sent under backpressure arrive as 2,000, in order, and no listener is added to the socket', async () => {
  const [socket, peer] = await socketPair()
  const received = counter(peer)
  const connection = new Connection(new SocketChannel(socket), {}, endpoints(socket, {}))
  const before = listenersOf(socket)
  let [waits, most] = [0, 0]
  const sending = (async () => {
    for (let index = 0; index < COUNT; index++) {
      if (connection.send(numbered(index))) continue
      waits++
      await endOfTick()
      most = Math.max(most, listenersOf(socket))
      await within('drain', connection.drained())
    }
  })()
  await until('the first false', () => waits > 0)
  received.read()
  await sending
  const closed = connection.close()
  await within('the end', once(peer, 'end'))
  peer.end()
  expect(await within('close', closed)).toMatchObject({ error: undefined, unsentBytes: 0 })
  expect(received.numbers).toEqual(Array.from({ length: COUNT }, (_, index) => index))
  expect(waits).toBeGreaterThan(10)
  expect([before, most]).toEqual([before, before])
  expect(connection.listenerCount('drain')).toBe(0)
})

test('2,000 messages sent without looking at the answer arrive as 2,000 too, up to maxSendBuffer', async () => {
  const [socket, peer] = await socketPair()
  const received = counter(peer)
  const connection = new Connection(new SocketChannel(socket), { maxSendBuffer: 2 ** 25 }, endpoints(socket, {}))
  for (let index = 0; index < COUNT; index++) connection.send(numbered(index))
  received.read()
  const closed = connection.close()
  await within('the end', once(peer, 'end'))
  peer.end()
  expect(await within('close', closed)).toMatchObject({ error: undefined, unsentBytes: 0 })
  expect(received.numbers).toEqual(Array.from({ length: COUNT }, (_, index) => index))
})

test('100 small sends in one tick are one write on the channel, and so are 100 in a loop over messages', async () => {
  const channel = new FakeChannel()
  const connection = new Connection(channel, {}, ENDS)
  for (let index = 0; index < 100; index++) connection.send(message(index, 20))
  await endOfTick()
  expect(channel.writes).toHaveLength(1)
  connection.on('message', (question) => connection.send(question))
  channel.bring(Buffer.concat(Array.from({ length: 100 }, (_, index) => encode(FRAMING, message(index, 20)))))
  await endOfTick()
  expect(channel.writes).toHaveLength(2)
  connection.removeAllListeners('message')
  channel.bring(Buffer.concat(Array.from({ length: 100 }, (_, index) => encode(FRAMING, message(index, 20)))))
  let count = 0
  for await (const question of connection) {
    connection.send(question)
    if (++count === 100) break
  }
  await turn()
  expect(channel.writes).toHaveLength(3)
  expect(channel.bytes.length).toBe(300 * 24)
})

test('a sender that waits for drain lets timers run, also when the channel takes everything at once', async () => {
  const channel = new FakeChannel()
  const connection = new Connection(channel, {}, ENDS)
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const payload = message(0, 1_000)
  for (let index = 0; index < 100_000; index++) if (!connection.send(payload)) await connection.drained()
  clearInterval(timer)
  expect(ticks).toBeGreaterThan(10)
})
