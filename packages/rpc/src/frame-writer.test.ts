import { lengthField } from '@framewire/codec'
import { describe, expect, test } from 'vitest'
import { type Frame, readEnd, readFrames, readGoaway } from '../test/frames.ts'
import { connectionOn, memoryPair, UNCUT } from '../test/memory-channel.ts'
import { thrownBy, turn } from '../test/waiting.ts'
import { written } from '../test/written.ts'
import { FrameWriter } from './frame-writer.ts'
import type { Message } from './message.ts'
import { LAST } from './wire.ts'

const METHOD = Buffer.from('\x09users.get', 'latin1')
const ERROR = { code: 5, message: '', appName: '', notProcessed: false, details: undefined as Message }

async function frameOf(write: (writer: FrameWriter) => void, maxFrame?: number): Promise<Frame> {
  const { frames, rest } = readFrames(await written(write, maxFrame))
  expect(frames).toHaveLength(1)
  expect(rest).toHaveLength(0)
  return frames[0] as Frame
}

describe('a message', () => {
  const fixed = 6 + 8 + 9 // header, fields of OPEN, method

  test.each<[string, (length: number) => Message]>([
    ['bytes', (length) => Buffer.alloc(length, 7)],
    ['short and long text', (length) => 'x'.repeat(length)],
  ])('of exactly the peer`s maxFrame passes, one byte more does not: %s', async (_, make) => {
    for (const maxFrame of [1024, 65_536]) {
      const { body } = await frameOf((writer) => writer.open(1, LAST, 0, 1, METHOD, make(maxFrame - fixed)), maxFrame)
      expect(body.length + 6).toBe(maxFrame)
      const tooLong = (writer: FrameWriter) => {
        const error = thrownBy(() => writer.open(1, LAST, 0, 1, METHOD, make(maxFrame - fixed + 1)))
        const numbers = `message of ${maxFrame - fixed + 1} bytes makes a frame of ${maxFrame + 1} bytes`
        expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: expect.stringContaining(numbers) })
        expect(error).toMatchObject({ message: expect.stringContaining(`${maxFrame}`) })
      }
      expect(await written(tooLong, maxFrame)).toHaveLength(0)
    }
  })

  test('of text is counted in bytes, not in UTF-16 units', async () => {
    const text = '\u20ac'.repeat(300) // 900 bytes, the worst case of 300 units
    expect((await frameOf((writer) => writer.dataLast(1, text), 1024)).body.toString()).toBe(text)
    const tooLong = (writer: FrameWriter) => {
      expect(thrownBy(() => writer.dataLast(1, '\u20ac'.repeat(340)))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    }
    expect(await written(tooLong, 1024)).toHaveLength(0)
    const pair = '\ud83d\ude00'.repeat(250) // 1000 bytes, 500 units that could be 1500
    expect((await frameOf((writer) => writer.dataLast(1, pair), 1024)).body.toString()).toBe(pair)
  })

  test('of text is whole wherever in the outgoing slab it comes to stand', async () => {
    const texts = Array.from({ length: 400 }, (_, index) => '\u20ac'.repeat(150 + ((index * 37) % 151)))
    const { frames } = readFrames(await written((writer) => texts.map((text) => writer.dataLast(1, text))))
    expect(frames.map(({ body }) => body.toString())).toEqual(texts)
  })

  test('of none is said by a flag, and is not the empty message', async () => {
    expect(await frameOf((writer) => writer.dataLast(1, undefined))).toMatchObject({ flags: 0x09, body: Buffer.of() })
    expect(await frameOf((writer) => writer.dataLast(1, ''))).toMatchObject({ flags: 0x01, body: Buffer.of() })
    expect(await frameOf((writer) => writer.open(1, LAST, 0, 1, METHOD, undefined))).toMatchObject({ flags: 0x09 })
  })
})

describe('an error', () => {
  test.each([510, 511, 512, 513])('of %i and more bytes is cut between characters', async (length) => {
    const message = `${'x'.repeat(length - 2)}\u20ac\ud83d\ude00rest`.repeat(2)
    const { text } = readEnd(await frameOf((writer) => writer.end(1, { ...ERROR, message })))
    expect(message.startsWith(text)).toBe(true)
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(512)
    expect(Buffer.byteLength(text)).toBeGreaterThanOrEqual(509)
  })

  test('has a name of at most 255 bytes, cut between characters', async () => {
    const { name } = readEnd(await frameOf((writer) => writer.end(1, { ...ERROR, appName: '\u00e9'.repeat(200) })))
    expect(name).toBe('\u00e9'.repeat(127))
  })

  test('goes without its details when they would not fit the peer`s maxFrame', async () => {
    const error = { ...ERROR, message: 'no such user', appName: 'GONE' }
    const fits = 'd'.repeat(1024 - 6 - 7 - 12 - 4)
    expect(readEnd(await frameOf((writer) => writer.end(1, { ...error, details: fits }), 1024))).toMatchObject({
      bits: 2,
      details: fits,
    })
    expect(readEnd(await frameOf((writer) => writer.end(1, { ...error, details: `${fits}d` }), 1024))).toMatchObject({
      bits: 0,
      text: 'no such user',
      name: 'GONE',
      details: '',
    })
  })
})

test('the text of GOAWAY is cut between characters', async () => {
  const text = `x${'\u20ac'.repeat(300)}`
  const goaway = readGoaway(await frameOf((writer) => writer.goaway(7, 'drain', text)))
  expect(text.startsWith(goaway.text)).toBe(true)
  expect(Buffer.byteLength(goaway.text)).toBe(511)
})

describe('on a connection that', () => {
  const framing = lengthField({ maxFrameLength: 65_536 })

  test('has ended, what nobody waits for is dropped without a word', async () => {
    const [channel] = memoryPair(UNCUT)
    const connection = connectionOn(channel, { framing })
    const writer = new FrameWriter(connection, 65_536)
    connection.destroy()
    writer.dataLast(1, 'x')
    writer.end(1, ERROR)
    writer.cancel(1, 1)
    writer.goaway(0, 'drain', '')
    await turn()
    expect(channel.written).toHaveLength(0)
  })

  test('holds more unsent bytes than it may ends: a peer that reads no answers cannot fill the memory', async () => {
    const [channel] = memoryPair(UNCUT)
    const connection = connectionOn(channel, { framing, maxSendBuffer: 131_072 })
    connection.cork()
    const writer = new FrameWriter(connection, 65_536)
    for (let count = 0; count < 3; count++) writer.dataLast(1, Buffer.alloc(60_000))
    expect((await connection.closed).error).toMatchObject({ code: 'SEND_BUFFER_FULL' })
  })
})
