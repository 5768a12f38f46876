import { lengthField } from '@framewire/codec'
import { thrownBy, turn } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { type Frame, readEnd, readFrames, readGoaway } from '../test/frames.ts'
import { connectionOn, memoryPair, UNCUT } from '../test/memory-channel.ts'
import { written } from '../test/written.ts'
import { FrameWriter } from './frame-writer.ts'
import type { Message } from './message.ts'
import { LAST } from './wire.ts'

const METHOD = Buffer.from('\x09users.get', 'latin1')
const ERROR = { code: 5, message: '', appName: '', notProcessed: false, details: undefined as Message }

const HEAD = { timeoutMs: 0, encoding: 1, method: METHOD, meta: new Uint8Array() }

function writeOpen(writer: FrameWriter, message: Message): void {
  writer.open(1, LAST, HEAD, message, writer.roomFor(message, writer.openLength(METHOD, HEAD.meta)))
}

function writeLast(writer: FrameWriter, message: Message): void {
  writer.data(1, LAST, message, writer.roomFor(message, 0))
}

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
  ])('of exactly the peer`s maxFrame has room, one byte more has none: %s', async (_, make) => {
    for (const maxFrame of [1024, 65_536]) {
      const { body } = await frameOf((writer) => writeOpen(writer, make(maxFrame - fixed)), maxFrame)
      expect(body.length + 6).toBe(maxFrame)
      const tooLong = (writer: FrameWriter) => {
        expect(writer.roomFor(make(maxFrame - fixed + 1), fixed - 6)).toBe(-1)
      }
      expect(await written(tooLong, maxFrame)).toHaveLength(0)
    }
  })

  test('longer than the peer takes is RESOURCE_EXHAUSTED, with the numbers', async () => {
    const tooLong = (writer: FrameWriter) => {
      writer.maxMessage = 5_000
      expect(writer.roomFor('x'.repeat(5_000), 0)).toBe(5_000)
      for (const message of ['x'.repeat(5_001), Buffer.alloc(5_001), '\u20ac'.repeat(1_667)]) {
        const error = { code: 'RESOURCE_EXHAUSTED', message: 'message of 5001 bytes, the peer takes 5000' }
        expect(thrownBy(() => writer.roomFor(message, 0))).toMatchObject(error)
      }
    }
    await written(tooLong, 65_536)
  })

  test('of text is counted in bytes, not in UTF-16 units', async () => {
    const text = '\u20ac'.repeat(300) // 900 bytes, the worst case of 300 units
    expect((await frameOf((writer) => writeLast(writer, text), 1024)).body.toString()).toBe(text)
    await written((writer) => expect(writer.roomFor('\u20ac'.repeat(340), 0)).toBe(-1), 1024)
    const pair = '\ud83d\ude00'.repeat(250) // 1000 bytes, 500 units that could be 1500
    expect((await frameOf((writer) => writeLast(writer, pair), 1024)).body.toString()).toBe(pair)
  })

  test('of text is whole wherever in the outgoing slab it comes to stand', async () => {
    const texts = Array.from({ length: 400 }, (_, index) => '\u20ac'.repeat(150 + ((index * 37) % 151)))
    const { frames } = readFrames(await written((writer) => texts.map((text) => writeLast(writer, text))))
    expect(frames.map(({ body }) => body.toString())).toEqual(texts)
  })

  test('of none is said by a flag, and is not the empty message', async () => {
    expect(await frameOf((writer) => writeLast(writer, undefined))).toMatchObject({ flags: 0x09, body: Buffer.of() })
    expect(await frameOf((writer) => writeLast(writer, ''))).toMatchObject({ flags: 0x01, body: Buffer.of() })
    expect(await frameOf((writer) => writeOpen(writer, undefined))).toMatchObject({ flags: 0x09 })
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
    const writer = new FrameWriter(connection, 65_536, 4_194_304)
    connection.destroy()
    writeLast(writer, 'x')
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
    const writer = new FrameWriter(connection, 65_536, 4_194_304)
    for (let count = 0; count < 3; count++) writeLast(writer, Buffer.alloc(60_000))
    expect((await connection.closed).error).toMatchObject({ code: 'SEND_BUFFER_FULL' })
  })
})
