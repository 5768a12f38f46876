// That every connection ends once, says why, loses nothing that could still be sent, and takes nothing else down.

import { encode } from '@framewire/codec'
import { rejection, thrownBy, turn, until, within } from '@framewire/testkit'
import { expect } from 'vitest'
import type { Connection } from '../src/connection.ts'
import type { Case } from './links.ts'
import { bytesOf, expectSame, FRAMING, frames, KiB, MiB, message, messages, text } from './messages.ts'
import { collect, sendUntilStuck, take, takeAll } from './traffic.ts'

const CLEAN = { error: undefined, unsentBytes: 0 }
const mistake = new Error('mine')
const fail = () => {
  throw mistake
}

/** The callbacks of the application, each with what makes the connection call it. */
const THROWING: Record<string, (connection: Connection, peer: Connection) => void> = {
  message: (connection, peer) => {
    connection.on('message', fail)
    peer.send(bytesOf('a'))
  },
  'message, async': (connection, peer) => {
    connection.on('message', async () => fail())
    peer.send(bytesOf('a'))
  },
  drain: (connection, peer) => {
    peer.receive(() => {})
    connection.on('drain', fail)
    while (connection.send(message(1, 64 * KiB)));
  },
  'drain, async': (connection, peer) => {
    peer.receive(() => {})
    connection.on('drain', async () => fail())
    while (connection.send(message(1, 64 * KiB)));
  },
  sink: (connection, peer) => {
    connection.receive(fail)
    peer.send(bytesOf('a'))
  },
}

export const CLOSE_CASES: readonly Case[] = [
  {
    name: 'close with bytes queued sends them all, then ends; both ends are clean',
    async check(link) {
      const { client, server } = await link.open()
      const payloads = messages(new Array(12).fill(MiB - 100))
      for (const payload of payloads) client.send(payload)
      const closed = client.close()
      expect(client.state).toBe('closing')
      expectSame(await takeAll(server), payloads)
      expect(await within('close', closed)).toEqual({ initiator: 'local', ...CLEAN })
      expect(await within('closed', server.closed)).toEqual({ initiator: 'peer', ...CLEAN })
    },
  },
  {
    name: 'close with a peer that does not read is WRITE_TIMEOUT at the deadline, with what was not sent',
    async check(link) {
      const { client, server } = await link.open()
      server.pause()
      for (let count = 0; count < 12; count++) client.send(message(count, MiB))
      await turn()
      const before = performance.now()
      const info = await within('close', client.close({ timeoutMs: 100 }))
      const elapsed = performance.now() - before
      expect(info).toMatchObject({ initiator: 'local', error: { code: 'WRITE_TIMEOUT', retryable: true } })
      expect(info.unsentBytes).toBeGreaterThan(0)
      expect(info.unsentBytes).toBeLessThanOrEqual(12 * (MiB + 4))
      expect(info.error?.message).toBe(`${info.unsentBytes} bytes were not sent within 100 ms of close`)
      expect(elapsed).toBeGreaterThan(95)
      expect(elapsed).toBeLessThan(1500)
      expect(client.bufferedAmount).toBe(info.unsentBytes)
    },
  },
  {
    name: 'a peer that sends and half-closes gets every reply of a slow loop, then the end',
    async check(link) {
      const { connection, raw } = await link.openRaw()
      const texts = Array.from({ length: 20 }, (_, index) => `question ${index}`)
      const peer = collect(raw)
      raw.write([frames(...texts)])
      raw.end()
      for await (const question of connection) {
        for (let count = 0; count < 3; count++) await turn()
        connection.send(question)
      }
      expect(await within('closed', connection.closed)).toEqual({ initiator: 'peer', ...CLEAN })
      await peer.ended()
      expect(Buffer.compare(peer.bytes(), frames(...texts))).toBe(0)
    },
  },
  {
    name: 'a peer that sends and half-closes gets the reply of every loop of several that share the work',
    async check(link) {
      const { connection, raw } = await link.openRaw()
      const texts = Array.from({ length: 20 }, (_, index) => `question ${index}`)
      const peer = collect(raw)
      raw.write([frames(...texts)])
      raw.end()
      const work = async (turns: number) => {
        for await (const question of connection) {
          for (let count = 0; count < turns; count++) await turn()
          connection.send(question)
        }
      }
      await within('the work', Promise.all([work(2), work(9), work(30)]))
      await peer.ended()
      const replies = peer.bytes()
      expect(replies.length).toBe(frames(...texts).length)
      for (const question of texts) expect(Buffer.from(replies).includes(`${question}`)).toBe(true)
    },
  },
  {
    name: 'a peer that half-closes behind a loop that was left gets the replies of the next loop',
    async check(link) {
      const { connection, raw } = await link.openRaw()
      const peer = collect(raw)
      raw.write([frames('a', 'b', 'c')])
      raw.end()
      for (const question of await take(connection, 1)) connection.send(question)
      for (let count = 0; count < 5; count++) await turn()
      for await (const question of connection) connection.send(question)
      await peer.ended()
      expect(Buffer.compare(peer.bytes(), frames('a', 'b', 'c'))).toBe(0)
    },
  },
  {
    name: 'a peer that sends and half-closes gets the replies of a listener, more than the kernel takes at once',
    async check(link) {
      const { connection, raw } = await link.openRaw({ maxSendBuffer: 64 * MiB })
      const reply = message(3, MiB)
      connection.on('message', () => connection.send(reply))
      const peer = collect(raw)
      raw.pause()
      raw.write([frames(...new Array(12).fill('q'))])
      raw.end()
      await until('all questions', () => connection.stats().messagesReceived === 12)
      raw.resume()
      await peer.ended()
      expect(Buffer.compare(peer.bytes(), Buffer.concat(new Array(12).fill(encode(FRAMING, reply))))).toBe(0)
      expect(await within('closed', connection.closed)).toEqual({ initiator: 'peer', ...CLEAN })
    },
  },
  {
    name: 'both ends may close at the same time, and each gets what the other sent before',
    async check(link) {
      const { client, server } = await link.open()
      const [up, down] = [messages([10, 20_000, 0]), messages([300, 5])]
      for (const payload of up) client.send(payload)
      for (const payload of down) server.send(payload)
      const closed = Promise.all([client.close(), server.close()])
      const [answers, received] = await Promise.all([takeAll(client), takeAll(server)])
      expectSame(received, up)
      expectSame(answers, down)
      for (const info of await within('close', closed)) expect(info).toMatchObject(CLEAN)
    },
  },
  {
    name: 'close in the listener for the only answer is a clean end',
    async check(link) {
      const { client, server } = await link.open()
      server.on('message', (question) => {
        server.send(question)
        server.send(bytesOf('not asked for'))
      })
      client.once('message', () => void client.close())
      client.send(bytesOf('a'))
      expect(await within('closed', client.closed)).toEqual({ initiator: 'local', ...CLEAN })
      expect(await within('closed', server.closed)).toEqual({ initiator: 'peer', ...CLEAN })
    },
  },
  {
    name: 'close with messages that nobody reads still sees the end of the peer',
    async check(link) {
      const { client, server } = await link.open({ client: { maxQueuedMessages: 4, closeTimeoutMs: 60_000 } })
      for (let count = 0; count < 200; count++) server.send(message(count, 2000))
      await until('a full queue', () => client.stats().messagesReceived === 4)
      void server.close()
      expect(await within('close', client.close())).toMatchObject(CLEAN)
    },
  },
  {
    name: 'destroy ends both, and drops what was not sent',
    async check(link) {
      const { client, server } = await link.open()
      server.pause()
      await sendUntilStuck(client, message(1, 2 * KiB), 12_000)
      const unsent = client.bufferedAmount
      client.destroy(mistake)
      expect(await within('closed', client.closed)).toMatchObject({
        initiator: 'local',
        error: { code: 'ABORTED', message: 'mine', cause: mistake },
        unsentBytes: unsent,
      })
      server.receive(() => {})
      server.resume()
      expect(await within('closed', server.closed)).toMatchObject({ initiator: 'peer' })
    },
  },
  {
    name: 'the loop gets what came before the error, then the error',
    async check(link) {
      const { client, server } = await link.open()
      server.send(bytesOf('a'))
      await until('a', () => client.stats().messagesReceived === 1)
      client.destroy(mistake)
      await within('closed', client.closed)
      const iterator = client[Symbol.asyncIterator]()
      expect(text((await iterator.next()).value)).toBe('a')
      expect(await rejection(iterator.next())).toMatchObject({ code: 'ABORTED', cause: mistake })
      expect(await iterator.next()).toEqual({ done: true, value: undefined })
    },
  },
  {
    name: 'send throws CONNECTION_CLOSED from close on',
    async check(link) {
      const { client } = await link.open()
      const closed = client.close()
      expect(thrownBy(() => client.send(bytesOf('a')))).toMatchObject({
        code: 'CONNECTION_CLOSED',
        message: 'send on a connection that is closing',
      })
      await within('close', closed)
      expect(thrownBy(() => client.send(bytesOf('a')))).toMatchObject({
        code: 'CONNECTION_CLOSED',
        message: 'send on a connection that is closed',
      })
    },
  },
  ...Object.entries(THROWING).map(([callback, provoke]): Case => {
    return {
      name: `a callback that throws (${callback}) ends its own connection with ABORTED, and no other`,
      async check(link) {
        const [{ client, server }, other] = [await link.open(), await link.open()]
        provoke(server, client)
        const info = await within('closed', server.closed)
        expect(info).toMatchObject({ initiator: 'local', error: { code: 'ABORTED', message: 'mine', cause: mistake } })
        expect(await within('closed', client.closed)).toMatchObject({ initiator: 'peer' })
        other.client.send(bytesOf('still here'))
        expect((await take(other.server, 1)).map(text)).toEqual(['still here'])
      },
    }
  }),
]
