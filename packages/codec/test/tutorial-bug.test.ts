// The bug of every first TCP program, over a real socket: taking one `data` event for one message.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { encode } from '../src/encode.ts'
import { FrameDecoder } from '../src/frame-decoder.ts'
import { errorOf } from '../src/law-check.ts'
import { lengthField } from '../src/length-field.ts'
import { json } from '../src/message-codec.ts'

interface Note {
  id: number
  text: string
}

const framing = lengthField()
const codec = json<Note>()
const HEADER_LENGTH = 4

const small: Note[] = Array.from({ length: 500 }, (_, id) => ({ id, text: `note ${id}` }))
const large: Note[] = [
  { id: 1, text: 'x'.repeat(1024 * 1024) },
  { id: 2, text: 'y' },
  { id: 3, text: 'z'.repeat(300_000) },
]

/**
 * Writes one message after the other, as the tutorial does, and returns the `data` events of the other side. The reader
 * begins only when `readFrom` has come, so that it does not depend on luck what the kernel has gathered.
 */
async function dataEvents(messages: Note[], readFrom: 'connect' | 'all written'): Promise<Uint8Array[]> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const writer = connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(writer, 'connect')
    const [reader] = await accepted
    const events: Uint8Array[] = []
    reader.on('data', (chunk: Uint8Array) => events.push(chunk))
    reader.pause()
    const ended = once(reader, 'end')
    for (const message of messages) writer.write(encode(framing, codec.encode(message)))
    writer.end()
    if (readFrom === 'all written') await once(writer, 'finish')
    reader.resume()
    await ended
    return events
  } finally {
    server.close()
  }
}

/** The tutorial: what arrives is a message. */
function readNaively(events: Uint8Array[]): Note[] {
  return events.map((chunk) => codec.decode(chunk.subarray(HEADER_LENGTH)))
}

function readFramed(events: Uint8Array[]): Note[] {
  const decoder = new FrameDecoder(framing)
  const notes = events.flatMap((chunk) => decoder.decode(chunk).map((frame) => codec.decode(frame)))
  decoder.end()
  return notes
}

/** Where pieces of these lengths end in the stream. */
function endsOf(lengths: number[]): number[] {
  return lengths.map((_, index) => lengths.slice(0, index + 1).reduce((sum, length) => sum + length))
}

test('data events join small messages, and the decoder takes them apart', async () => {
  const events = await dataEvents(small, 'all written')
  expect(events.length).toBeLessThan(small.length)
  const first = events[0] as Uint8Array
  expect(new FrameDecoder(framing).decode(first).length).toBeGreaterThan(1)
  expect(errorOf(() => readNaively(events))).toBeInstanceOf(SyntaxError)
  expect(readFramed(events)).toEqual(small)
})

test('data events split large messages, and the decoder puts them together', async () => {
  const events = await dataEvents(large, 'connect')
  expect(events.length).toBeGreaterThan(large.length)
  const borders = endsOf(large.map((message) => HEADER_LENGTH + codec.encode(message).length))
  const insideMessage = endsOf(events.map(({ length }) => length)).filter((end) => !borders.includes(end))
  expect(insideMessage.length).toBeGreaterThan(0)
  expect(errorOf(() => readNaively(events))).toBeInstanceOf(SyntaxError)
  expect(readFramed(events)).toEqual(large)
})
