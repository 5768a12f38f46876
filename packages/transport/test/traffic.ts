// What the cases of the connection suite do over and over: send with backpressure, collect, wait.

import { once } from 'node:events'
import { turn, until, within } from '@framewire/testkit'
import type { ByteChannel } from '../src/byte-channel.ts'
import type { Connection } from '../src/connection.ts'

/** Sends as the documentation says: after `false` it waits for drain. */
export async function sendAll(connection: Connection, messages: readonly Uint8Array[]): Promise<void> {
  for (const message of messages) {
    if (!connection.send(message)) await within('drain', once(connection, 'drain'))
  }
}

/** The next `count` messages, by the iterator, which is left behind them. */
export async function take(connection: Connection, count: number): Promise<Uint8Array[]> {
  const received: Uint8Array[] = []
  if (count === 0) return received
  const reading = (async () => {
    for await (const message of connection) if (received.push(message) === count) break
  })()
  await within(`${count} messages`, reading)
  return received
}

/** Every message until the end. */
export async function takeAll(connection: Connection): Promise<Uint8Array[]> {
  const received: Uint8Array[] = []
  const reading = (async () => {
    for await (const message of connection) received.push(message)
  })()
  await within('the end', reading)
  return received
}

/** Sends every message back, with backpressure, until the end. */
export async function echo(connection: Connection): Promise<void> {
  for await (const message of connection) if (!connection.send(message)) await connection.drained()
}

/** Sends the same message until nothing moves any more, and returns how often it was accepted. */
export async function sendUntilStuck(connection: Connection, message: Uint8Array, most: number): Promise<number> {
  let count = 0
  for (let quiet = 0; quiet < 200 && count < most; quiet++) {
    await turn()
    for (; !connection.writableNeedDrain && count < most; count++) {
      connection.send(message)
      quiet = 0
    }
  }
  return count
}

/** Everything a bare channel receives, and whether its peer has ended. */
export function collect(raw: ByteChannel): { bytes: () => Uint8Array; ended: () => Promise<void> } {
  const chunks: Uint8Array[] = []
  let hasEnded = false
  raw.onData = (chunk) => void chunks.push(chunk)
  raw.onEnd = () => {
    hasEnded = true
  }
  return { bytes: () => Buffer.concat(chunks), ended: () => until('the end of the peer', () => hasEnded) }
}
