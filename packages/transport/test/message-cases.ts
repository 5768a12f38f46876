// That what is sent arrives, whole, once and in order, however it is sent and however it is read.

import { once } from 'node:events'
import { encode } from '@framewire/codec'
import { endOfTick, until, within } from '@framewire/testkit'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Connection } from '../src/connection.ts'
import type { Case } from './links.ts'
import { bytesOf, expectSame, FRAMING, frames, KiB, MiB, message, messages, text } from './messages.ts'
import { echo, sendAll, take } from './traffic.ts'

const length = fc.oneof(
  { weight: 8, arbitrary: fc.nat(300) },
  { weight: 2, arbitrary: fc.integer({ min: 4090, max: 4100 }) },
  { weight: 1, arbitrary: fc.integer({ min: 65_520, max: 65_550 }) },
)

const WAYS: Record<string, (connection: Connection, message: Uint8Array) => boolean> = {
  whole: (connection, message) => connection.send(message),
  parts: (connection, message) => {
    const middle = Math.floor(message.length / 3)
    return connection.send([message.subarray(0, middle), new Uint8Array(0), message.subarray(middle)])
  },
  'built in place': (connection, message) => {
    const at = connection.begin(message.length + 7)
    connection.slab.set(message, at)
    return connection.commit(at + message.length)
  },
}

export const MESSAGE_CASES: readonly Case[] = [
  {
    name: 'random messages, sent in random ways, come back as they were',
    async check(link) {
      const { client, server } = await link.open()
      void echo(server)
      const sends = fc.array(fc.tuple(length, fc.constantFrom(...Object.keys(WAYS))), { maxLength: 40 })
      const property = fc.asyncProperty(sends, async (sent) => {
        const payloads = messages(sent.map(([length]) => length))
        for (const [index, [, way]] of sent.entries()) {
          if (!WAYS[way]?.(client, payloads[index] as Uint8Array)) await within('drain', client.drained())
        }
        expectSame(await take(client, payloads.length), payloads)
      })
      await fc.assert(property, { numRuns: 25 })
    },
  },
  {
    name: 'messages of 0 bytes, around 4096 bytes and of 1 MiB come back as they were',
    async check(link) {
      const { client, server } = await link.open()
      void echo(server)
      const payloads = messages([0, 0, 1, 4095, 4096, 4097, 0, MiB, 64 * KiB - 4, 64 * KiB - 3, MiB - 1, 0])
      const sending = sendAll(client, payloads)
      expectSame(await take(client, payloads.length), payloads)
      await sending
    },
  },
  {
    name: 'both ends may send at the same time, each in its order',
    async check(link) {
      const { client, server } = await link.open()
      const [up, down] = [messages(new Array(500).fill(100)), messages(new Array(300).fill(5000))]
      const sending = [sendAll(client, up), sendAll(server, down)]
      const [received, answers] = await Promise.all([take(server, up.length), take(client, down.length)])
      expectSame(received, up)
      expectSame(answers, down)
      await Promise.all(sending)
    },
  },
  {
    name: 'many messages in one chunk, and one message in many chunks, are the same messages',
    async check(link) {
      const { connection, raw } = await link.openRaw()
      const texts = ['a', '', 'bc', 'd'.repeat(300)]
      raw.write([frames(...texts)])
      for (const byte of frames(...texts)) raw.write([Uint8Array.of(byte)])
      expectSame(await take(connection, 8), [...texts, ...texts].map(bytesOf))
    },
  },
  {
    name: 'a listener that comes late gets what came before it, and all that follows',
    async check(link) {
      const { client, server } = await link.open()
      const payloads = messages(new Array(2000).fill(50))
      const sending = sendAll(server, payloads)
      await until('some messages', () => client.stats().messagesReceived > 0)
      const received: Uint8Array[] = []
      client.on('message', (message) => received.push(message))
      await sending
      await until('all messages', () => received.length >= payloads.length)
      await endOfTick()
      expectSame(received, payloads)
    },
  },
  {
    name: 'listeners for one message each lose none between them',
    async check(link) {
      const { client, server } = await link.open()
      const payloads = messages(new Array(50).fill(50))
      await sendAll(server, payloads)
      const received: Uint8Array[] = []
      while (received.length < payloads.length) {
        const [message] = (await within('a message', once(client, 'message'))) as [Uint8Array]
        received.push(message)
      }
      expectSame(received, payloads)
    },
  },
  {
    name: 'a sink gets every frame, and what it keeps stays as it was',
    async check(link) {
      const { client, server } = await link.open()
      const received: Uint8Array[] = []
      client.receive((bytes, start, end) => void received.push(client.keep(bytes, start, end)))
      const payloads = messages(Array.from({ length: 800 }, (_, index) => (index * 37) % 3000))
      await sendAll(server, payloads)
      await until('all frames', () => received.length >= payloads.length)
      expectSame(received, payloads)
    },
  },
  {
    name: 'a sink that answers false gets one frame for each resume',
    async check(link) {
      const { client, server } = await link.open()
      const received: Uint8Array[] = []
      client.receive((bytes, start, end) => {
        received.push(client.keep(bytes, start, end))
        setImmediate(() => client.resume())
        return false
      })
      const payloads = messages(new Array(200).fill(40))
      await sendAll(server, payloads)
      await until('all frames', () => received.length >= payloads.length)
      expectSame(received, payloads)
    },
  },
  {
    name: 'parts arrive as one message, no parts as an empty one',
    async check(link) {
      const { client, server } = await link.open()
      const large = message(3, 5000)
      client.send([])
      client.send([bytesOf('a'), new Uint8Array(0), bytesOf('bc')])
      client.send([large, large])
      expectSame(await take(server, 3), [new Uint8Array(0), bytesOf('abc'), Buffer.concat([large, large])])
    },
  },
  {
    name: 'a loop that is left by break and entered again loses nothing, while messages keep coming',
    async check(link) {
      const { client, server } = await link.open({ client: { maxQueuedMessages: 8 } })
      const payloads = messages(new Array(600).fill(30))
      const sending = sendAll(server, payloads)
      const received: Uint8Array[] = []
      for (let count = 1; received.length < payloads.length; count = (count % 7) + 1) {
        received.push(...(await take(client, Math.min(count, payloads.length - received.length))))
      }
      expectSame(received, payloads)
      await sending
    },
  },
  {
    name: 'a message may be changed once flush has resolved, also one that went by reference',
    async check(link) {
      const { client, server } = await link.open()
      const payload = message(1, 200_000)
      client.send(payload)
      const arrived = take(server, 1)
      await within('flush', client.flush())
      payload.fill(0)
      expectSame(await arrived, [message(1, 200_000)])
    },
  },
  {
    name: 'what was corked over many ticks leaves with uncork, in order',
    async check(link) {
      const { client, server } = await link.open()
      client.cork()
      const texts = ['a', 'b', 'c']
      for (const text of texts) {
        client.send(bytesOf(text))
        await endOfTick()
      }
      expect(client.bufferedAmount).toBe(encode(FRAMING, bytesOf('a')).length * 3)
      client.uncork()
      expect((await take(server, 3)).map(text)).toEqual(texts)
    },
  },
]
