import { within } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { bytesOf, frames, message, text } from '../test/messages.ts'
import { collect } from '../test/traffic.ts'
import { channelPair, pair } from './pair.ts'
import { VirtualClock } from './virtual-clock.ts'

test('two connections in memory talk, close and leave nothing', async () => {
  const clock = new VirtualClock()
  const { client, server } = pair({ clock })
  const received: string[] = []
  server.on('message', (message) => server.send(message))
  client.on('message', (message) => received.push(text(message)))
  client.send(bytesOf('hello'))
  const settle = async () => {
    do await new Promise((resolve) => setImmediate(resolve))
    while (clock.runNext())
  }
  await settle()
  expect(received).toEqual(['hello'])
  const closed = Promise.all([client.close(), server.closed])
  await settle()
  expect(await within('close', closed)).toMatchObject([{ initiator: 'local' }, { initiator: 'peer' }])
  expect(clock.pendingTimers).toBe(0)
})

test('the options of each end are its own', async () => {
  const { client, server } = pair({ client: { sendHighWaterMark: 10 } })
  expect([client.send(message(1, 10)), server.send(message(1, 10))]).toEqual([false, true])
  client.destroy()
  await within('closed', server.closed)
})

/** The lengths of the chunks in which 100 frames arrive. */
async function chunks(seed?: number): Promise<number[]> {
  const [one, other] = channelPair(seed === undefined ? {} : { seed })
  const lengths: number[] = []
  const sent = frames(...new Array(100).fill('twelve bytes'))
  const received = collect(other)
  const { onData } = other
  other.onData = (chunk) => {
    lengths.push(chunk.length)
    onData(chunk)
  }
  one.write([sent])
  one.end()
  await received.ended()
  expect(Buffer.compare(received.bytes(), sent)).toBe(0)
  return lengths
}

test('without a seed nothing is cut; with one, borders fall anywhere, in the same places each time', async () => {
  expect(await chunks()).toEqual([1600])
  const [one, again, other] = [await chunks(1), await chunks(1), await chunks(2)]
  expect(one).toEqual(again)
  expect(one).not.toEqual(other)
  expect(Math.max(one.length, other.length)).toBeGreaterThan(1)
})
