// What is kept of a message that was cut by the border of a chunk.

import { encode, lengthField } from '@framewire/codec'
import { expect, test } from 'vitest'
import { FakeChannel } from '../test/fake-channel.ts'
import { Connection } from './connection.ts'

const framing = lengthField()
const HERE = { host: '127.0.0.1', port: 1 }

test('a message that was put together is kept where it stands: not copied again, and no Buffer, whose slice is no copy', () => {
  const channel = new FakeChannel()
  const connection = new Connection(channel, { framing }, { local: HERE, remote: HERE })
  const kept: Uint8Array[] = []
  const shown: Uint8Array[] = []
  connection.receive((bytes, start, end) => {
    shown.push(bytes)
    kept.push(connection.keep(bytes, start, end))
  })
  const wire = [1, 2].map((value) => Buffer.from(encode(framing, new Uint8Array(1000).fill(value))))
  for (const frame of wire) for (const part of [frame.subarray(0, 600), frame.subarray(600)]) channel.onData(part)
  expect(kept.map(({ buffer }) => buffer)).toEqual(shown.map(({ buffer }) => buffer))
  expect(kept).toEqual([new Uint8Array(1000).fill(1), new Uint8Array(1000).fill(2)])
  expect([...shown, ...kept].filter((bytes) => bytes instanceof Buffer)).toEqual([])
  connection.destroy()
})
