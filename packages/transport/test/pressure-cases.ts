// That a fast sender and a slow receiver cost neither memory nor messages.

import { getEventListeners, once } from 'node:events'
import { rejection, thrownBy, until, within } from '@framewire/testkit'
import { expect } from 'vitest'
import type { Case } from './links.ts'
import { expectSame, KiB, MiB, message, messages } from './messages.ts'
import { sendAll, sendUntilStuck, take } from './traffic.ts'

/** More than the kernel takes on a loopback connection. */
const MUCH = 64 * MiB
const PAYLOAD = message(5, 2 * KiB)
const MOST = MUCH / PAYLOAD.length

export const PRESSURE_CASES: readonly Case[] = [
  {
    name: 'a reader that does not read stops the sender, within the bounds of both, and gets everything in the end',
    async check(link) {
      const { client, server } = await link.open({ server: { maxQueuedMessages: 16 } })
      const count = await sendUntilStuck(client, PAYLOAD, MOST)
      expect(count).toBeLessThan(MOST)
      expect(client.writableNeedDrain).toBe(true)
      expect(client.bufferedAmount).toBeLessThan(256 * KiB + PAYLOAD.length + 4)
      expect(server.stats().messagesReceived).toBe(16)
      const received = await take(server, count)
      expect(received.every((message) => Buffer.compare(message, PAYLOAD) === 0)).toBe(true)
      await until('drain', () => !client.writableNeedDrain)
      expect(client.bufferedAmount).toBe(0)
    },
  },
  {
    name: 'a bound in bytes stops the sender as well',
    async check(link) {
      const { client, server } = await link.open({ server: { maxQueuedBytes: 100 * KiB } })
      expect(await sendUntilStuck(client, PAYLOAD, MOST)).toBeLessThan(MOST)
      expect(server.stats().messagesReceived).toBe(Math.ceil((100 * KiB) / (PAYLOAD.length + 64)))
    },
  },
  {
    name: 'a listener that pauses the connection stops the sender, and after resume gets everything',
    async check(link) {
      const { client, server } = await link.open()
      let received = 0
      server.on('message', () => {
        if (++received === 3) server.pause()
      })
      const count = await sendUntilStuck(client, PAYLOAD, MOST)
      expect([received, count < MOST]).toEqual([3, true])
      server.resume()
      await until('all messages', () => received === count)
    },
  },
  {
    name: 'after false comes drain; a sender that waits for it never has more than the high watermark and one message',
    async check(link) {
      const limits = { sendHighWaterMark: 32 * KiB, sendLowWaterMark: 4 * KiB }
      const { client, server } = await link.open({ client: limits })
      const payloads = messages(new Array(2000).fill(1500))
      let [waits, most] = [0, 0]
      const sending = (async () => {
        for (const payload of payloads) {
          const goesOn = client.send(payload)
          most = Math.max(most, client.bufferedAmount)
          expect(goesOn).toBe(client.bufferedAmount < limits.sendHighWaterMark)
          if (goesOn) continue
          waits++
          await within('drain', once(client, 'drain'))
          expect(client.bufferedAmount).toBeLessThanOrEqual(limits.sendLowWaterMark)
        }
      })()
      expectSame(await take(server, payloads.length), payloads)
      await sending
      expect(waits).toBeGreaterThan(10)
      expect(most).toBeLessThan(limits.sendHighWaterMark + 1504)
    },
  },
  {
    name: 'a sender that ignores false gets SEND_BUFFER_FULL at maxSendBuffer, and exactly what was accepted arrives',
    async check(link) {
      const maxSendBuffer = 2 * MiB
      const { client, server } = await link.open({ client: { maxSendBuffer } })
      server.pause()
      let [accepted, refusals] = [0, 0]
      for (let count = 0; count < 100; count++) {
        const before = client.bufferedAmount
        const total = 100 * KiB + 4
        if (before + total <= maxSendBuffer) {
          client.send(message(accepted++, 100 * KiB))
          continue
        }
        expect(thrownBy(() => client.send(message(99, 100 * KiB)))).toMatchObject({
          code: 'SEND_BUFFER_FULL',
          message: `message of ${total} bytes on top of ${before} unsent bytes exceeds maxSendBuffer ${maxSendBuffer}`,
          retryable: false,
        })
        expect(client.bufferedAmount).toBe(before)
        refusals++
      }
      expect([accepted, refusals]).toEqual([20, 80])
      server.resume()
      expectSame(await take(server, accepted), messages(new Array(accepted).fill(100 * KiB)))
      expect(server.stats().messagesReceived).toBe(accepted)
    },
  },
  {
    name: 'a message over maxFrameLength is refused with both numbers, and the connection goes on',
    async check(link) {
      const { client, server } = await link.open()
      const refused = {
        code: 'MESSAGE_TOO_LARGE',
        message: `frame of ${MiB + 1} bytes exceeds maxFrameLength ${MiB}`,
      }
      expect(thrownBy(() => client.send(new Uint8Array(MiB + 1)))).toMatchObject(refused)
      expect(thrownBy(() => client.send([new Uint8Array(MiB), new Uint8Array(1)]))).toMatchObject(refused)
      expect(client.bufferedAmount).toBe(0)
      client.send(PAYLOAD)
      expectSame(await take(server, 1), [PAYLOAD])
      expect(server.stats().messagesReceived).toBe(1)
    },
  },
  {
    name: 'drained and flush wait for the peer to read, and leave no listener on their signal',
    async check(link) {
      const { client, server } = await link.open()
      const { signal } = new AbortController()
      server.pause()
      await sendUntilStuck(client, PAYLOAD, MOST)
      const waits = Promise.all([client.drained({ signal }), client.flush({ signal })])
      expect(getEventListeners(signal, 'abort')).toHaveLength(2)
      server.receive(() => {})
      server.resume()
      await within('drained and flush', waits)
      expect(client.bufferedAmount).toBe(0)
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    },
  },
  {
    name: 'drained and flush reject with ABORTED on their signal and with CONNECTION_CLOSED at the end',
    async check(link) {
      const { client, server } = await link.open()
      server.pause()
      await sendUntilStuck(client, PAYLOAD, MOST)
      const controller = new AbortController()
      const { signal } = controller
      const aborted = [rejection(client.drained({ signal })), rejection(client.flush({ signal }))]
      const kept = new AbortController().signal
      const closed = [rejection(client.drained({ signal: kept })), rejection(client.flush({ signal: kept }))]
      controller.abort()
      for (const error of await Promise.all(aborted)) expect(error).toMatchObject({ code: 'ABORTED' })
      expect(client.state).toBe('open')
      client.destroy()
      for (const error of await Promise.all(closed)) expect(error).toMatchObject({ code: 'CONNECTION_CLOSED' })
      for (const each of [signal, kept]) expect(getEventListeners(each, 'abort')).toHaveLength(0)
    },
  },
  {
    name: 'a listener for drain that sends again sends every message once',
    async check(link) {
      const { client, server } = await link.open({ client: { sendHighWaterMark: 8 * KiB, sendLowWaterMark: 0 } })
      const payloads = messages(new Array(500).fill(1000))
      let next = 0
      const sendMore = () => {
        while (next < payloads.length && client.send(payloads[next++] as Uint8Array));
      }
      client.on('drain', sendMore)
      sendMore()
      expectSame(await take(server, payloads.length), payloads)
      await sendAll(client, [PAYLOAD])
      expectSame(await take(server, 1), [PAYLOAD])
    },
  },
]
