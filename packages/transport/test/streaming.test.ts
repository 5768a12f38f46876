// Streams of messages over real sockets: files, echoes under pressure, and ends in the wrong place.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { rejection, until, within } from '@framewire/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../src/connect.ts'
import type { Connection } from '../src/connection.ts'
import type { ConnectionOptions } from '../src/options.ts'
import { listen } from '../src/server.ts'
import { bytesOf, expectSame, KiB, MiB, messages } from './messages.ts'

const LONG_MS = 25_000

async function open(options: ConnectionOptions = {}): Promise<{ client: Connection; server: Connection }> {
  const listener = await within('listen', listen('tcp://127.0.0.1:0', options))
  const accepted = once(listener, 'connection')
  const client = await within('connect', connect(listener.addresses[0] as { path: string }, options))
  const [server] = (await within('accepted', accepted)) as [Connection]
  onTestFinished(async () => {
    client.destroy()
    server.destroy()
    await listener.close()
  })
  return { client, server }
}

const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

test('a file of 64 MiB arrives as it was, with no more in memory than the buffers hold', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-stream-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]
  writeFileSync(from, Buffer.concat(messages(new Array(64).fill(MiB))))
  const { client, server } = await open()
  let [most, mostWaiting] = [0, 0]
  const measure = new Transform({
    transform(chunk, _, callback) {
      most = Math.max(most, client.bufferedAmount)
      mostWaiting = Math.max(mostWaiting, server.stats().messagesQueued)
      callback(null, chunk)
    },
  })
  const upload = pipeline(createReadStream(from), client.stream())
  const download = pipeline(server.stream(), measure, createWriteStream(to)).then(() => server.close())
  await within('the transfer', Promise.all([upload, download]), LONG_MS)
  expect(hashOf(to)).toBe(hashOf(from))
  expect(most).toBeLessThan(256 * KiB + 64 * KiB + 4)
  // One read of a socket holds a few of these messages; 1,024 may wait, or 1 MiB of them.
  expect(mostWaiting).toBeLessThanOrEqual(MiB / (64 * KiB) + 2)
})

test('an echo piped to itself gives 2,000 messages back under pressure, and both ends are clean', async () => {
  const { client, server } = await open({ sendHighWaterMark: 16 * KiB, maxQueuedMessages: 8 })
  const echo = server.stream()
  const sent = messages(Array.from({ length: 2_000 }, (_, index) => (index * 97) % 9_000))
  const received: Uint8Array[] = []
  const collect = async (source: AsyncIterable<Uint8Array>) => {
    for await (const message of source) received.push(message)
  }
  const both = Promise.all([pipeline(echo, echo), pipeline(Readable.from(sent), client.stream(), collect)])
  await within('the echo', both, LONG_MS)
  expectSame(received, sent)
  for (const { closed } of [client, server]) {
    expect(await within('closed', closed)).toMatchObject({ error: undefined, unsentBytes: 0 })
  }
})

/** A source that never ends, and counts how far it was asked. */
function endless(): { source: Readable; count: () => number } {
  let count = 0
  const source = Readable.from(
    (function* () {
      for (;;) yield messages([10_000 + (count++ % 2)])[0]
    })(),
  )
  return { source, count: () => count }
}

test('a reader that stops early ends the writer at the other end, which has not run ahead', async () => {
  const { client, server } = await open()
  const { source } = endless()
  const sending = rejection(pipeline(source, client.stream()))
  let received = 0
  const sink = new Writable({
    objectMode: true,
    write: (_, __, callback) => callback(++received === 50 ? new Error('enough') : null),
  })
  expect(await rejection(pipeline(server.stream(), sink))).toMatchObject({ message: 'enough' })
  expect(await server.closed).toMatchObject({ error: { code: 'ABORTED', message: 'enough' } })
  expect(await sending).toMatchObject({ name: 'TransportError', code: 'CONNECTION_RESET' })
  expect(source.destroyed).toBe(true)
})

test('a writer that fails ends the reader at the other end', async () => {
  const { client, server } = await open()
  const reading = server.stream().resume()
  const failing = Readable.from(
    (function* () {
      yield bytesOf('a')
      throw new Error('no more')
    })(),
  )
  expect(await rejection(pipeline(failing, client.stream()))).toMatchObject({ message: 'no more' })
  expect(await within('closed', client.closed)).toMatchObject({ error: { code: 'ABORTED', message: 'no more' } })
  await until('the end of the reader', () => reading.readableEnded || reading.destroyed)
})

test('a signal ends a transfer in the middle, and the source with it', async () => {
  const { client, server } = await open()
  const { source, count } = endless()
  const controller = new AbortController()
  const reading = server.stream().resume()
  reading.once('end', () => reading.end())
  const sending = rejection(pipeline(source, client.stream(), { signal: controller.signal }))
  await until('some messages', () => count() > 100)
  controller.abort()
  expect(await sending).toMatchObject({ name: 'AbortError' })
  expect(await within('closed', client.closed)).toMatchObject({ error: { code: 'ABORTED' } })
  expect(source.destroyed).toBe(true)
  await within('closed', server.closed)
})

test('a writer is slowed down by a reader that does not read', async () => {
  const { client, server } = await open({ maxQueuedMessages: 16 })
  const { source, count } = endless()
  const sending = rejection(pipeline(source, client.stream()))
  server.stream()
  let last = -1
  for (let quiet = 0; quiet < 50; quiet++) {
    if (count() !== last) quiet = 0
    last = count()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(count() * 10_000).toBeLessThan(64 * MiB)
  expect(server.stats().messagesReceived).toBeLessThanOrEqual(16)
  client.destroy()
  await sending
})
