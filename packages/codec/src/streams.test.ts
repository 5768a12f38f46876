import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { framingErrorOf } from '../test/stream.ts'
import { cut, join } from './chunks.ts'
import { lines } from './delimiter.ts'
import { encode, encodeAll } from './encode.ts'
import { FramingError } from './framing-error.ts'
import { lengthField } from './length-field.ts'
import { text } from './message-codec.ts'
import { decodeAll, decoderStream, encoderStream, frames } from './streams.ts'

const framing = lengthField({ lengthFieldLength: 1, maxFrameLength: 100 })
const MESSAGES = ['', 'one', '', '', 'two', 'x'.repeat(100), '']
const PAYLOADS = MESSAGES.map((message) => text.encode(message))
const STREAM = encodeAll(framing, PAYLOADS)
const TOO_LONG = Uint8Array.of(101)

/** A source that tells how far it was read and whether it was closed. */
class Source implements AsyncIterableIterator<Uint8Array> {
  readonly #chunks: readonly Uint8Array[]
  given = 0
  isClosed = false

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const value = this.#chunks[this.given]
    if (value === undefined) return { done: true, value }
    this.given++
    return { done: false, value }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.isClosed = true
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** What comes out before the end or the error. */
async function all(source: AsyncIterable<Uint8Array>): Promise<{ messages: string[]; error: unknown }> {
  const messages: string[] = []
  try {
    for await (const frame of source) messages.push(text.decode(frame))
  } catch (error) {
    return { messages, error }
  }
  return { messages, error: undefined }
}

function readableOf(chunks: readonly Uint8Array[] | Source): ReadableStream<Uint8Array> {
  const source = chunks instanceof Source ? chunks : new Source(chunks)
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: () => void source.return(),
  })
}

async function* itemsOf<T>(stream: ReadableStream<T>): AsyncGenerator<T, void, void> {
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

describe('frames', () => {
  test.each([1, 2, 7, 1000])('yields every frame, empty ones too, from chunks of %i', async (size) => {
    expect(await all(frames(new Source(cut(STREAM, [size])), framing))).toEqual({
      messages: MESSAGES,
      error: undefined,
    })
  })

  test('yields nothing of a source that is empty, or whose chunks are', async () => {
    expect(await all(frames(new Source([]), framing))).toEqual({ messages: [], error: undefined })
    expect(await all(frames(new Source([new Uint8Array(0)]), framing))).toEqual({ messages: [], error: undefined })
  })

  test('throws an error behind the frames in front of it, and closes the source', async () => {
    const source = new Source([join([STREAM, TOO_LONG, STREAM]), STREAM])
    const { messages, error } = await all(frames(source, framing))
    expect(messages).toEqual(MESSAGES)
    expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', offset: STREAM.length })
    expect([source.given, source.isClosed]).toEqual([1, true])
  })

  test('throws FRAME_TRUNCATED behind the frames when the source ends inside one', async () => {
    const { messages, error } = await all(frames(new Source([STREAM.subarray(0, -2)]), framing))
    expect(messages).toEqual(MESSAGES.slice(0, -2))
    expect(error).toMatchObject({ code: 'FRAME_TRUNCATED' })
  })

  test('throws what the source throws', async () => {
    const fault = new Error('connection reset')
    async function* failing() {
      yield STREAM
      throw fault
    }
    expect(await all(frames(failing(), framing))).toEqual({ messages: MESSAGES, error: fault })
  })

  test('closes the source when the loop is left, in the middle of a chunk too', async () => {
    const source = new Source([STREAM, STREAM])
    for await (const frame of frames(source, framing)) if (frame.length > 0) break
    expect([source.given, source.isClosed]).toEqual([1, true])
  })

  test('reads no chunk before the frames of the last are taken', async () => {
    const source = new Source([STREAM, STREAM])
    const iterator = frames(source, framing)
    expect(source.given).toBe(0)
    for (const _ of MESSAGES) await iterator.next()
    expect(source.given).toBe(1)
    await iterator.next()
    expect(source.given).toBe(2)
  })

  test('hands out a last line without an end where the framing takes it', async () => {
    const source = new Source(cut(text.encode('a\n\nb'), [1]))
    expect((await all(frames(source, lines({ unterminated: 'emit' })))).messages).toEqual(['a', '', 'b'])
  })

  test('refuses a source of anything but bytes', async () => {
    for (const wrong of ['text', undefined, { length: 1 }]) {
      async function* source() {
        yield STREAM
        yield wrong as Uint8Array
      }
      const { messages, error } = await all(frames(source(), framing))
      expect(messages).toEqual(MESSAGES)
      expect(error).toBeInstanceOf(TypeError)
    }
  })

  test('takes a Node stream', async () => {
    const { messages } = await all(frames(Readable.from(cut(STREAM, [3])), framing))
    expect(messages).toEqual(MESSAGES)
  })

  test('owns what it yields', async () => {
    const chunk = new Uint8Array(STREAM)
    const iterator = frames(new Source([chunk]), framing)
    const kept: Uint8Array[] = []
    for await (const frame of iterator) {
      chunk.fill(0xee)
      kept.push(frame)
    }
    expect(kept.map((frame) => text.decode(frame))).toEqual(MESSAGES)
  })
})

describe('decodeAll', () => {
  test('decodes one array, or chunks', () => {
    for (const source of [STREAM, Buffer.from(STREAM), cut(STREAM, [3]), new Set(cut(STREAM, [3]))]) {
      expect(decodeAll(framing, source)).toEqual(PAYLOADS)
    }
    expect(decodeAll(framing, [])).toEqual([])
    const foreign = runInNewContext('Uint8Array.from(bytes)', { bytes: [...STREAM] }) as Uint8Array
    expect(decodeAll(framing, foreign)).toEqual(PAYLOADS)
  })

  test('throws a bad frame and a cut one', () => {
    expect(framingErrorOf(() => decodeAll(framing, [STREAM, TOO_LONG])).code).toBe('FRAME_TOO_LONG')
    expect(framingErrorOf(() => decodeAll(framing, join([STREAM, TOO_LONG]))).code).toBe('FRAME_TOO_LONG')
    expect(framingErrorOf(() => decodeAll(framing, STREAM.subarray(0, -3))).code).toBe('FRAME_TRUNCATED')
  })

  test('takes a last line without an end where the framing does', () => {
    expect(decodeAll(lines({ unterminated: 'emit' }), text.encode('a\nb'))).toHaveLength(2)
    expect(framingErrorOf(() => decodeAll(lines(), text.encode('a\nb'))).code).toBe('FRAME_TRUNCATED')
  })

  test('hands out what may be kept', () => {
    const source = new Uint8Array(STREAM)
    const decoded = decodeAll(framing, source)
    source.fill(0xee)
    expect(decoded).toEqual(PAYLOADS)
  })
})

describe('decoderStream', () => {
  test.each([1, 2, 7, 1000])('pipes every frame, empty ones too, from chunks of %i', async (size) => {
    const piped = readableOf(cut(STREAM, [size])).pipeThrough(decoderStream(framing))
    expect(await all(itemsOf(piped))).toEqual({ messages: MESSAGES, error: undefined })
  })

  test.each([1, 4, 1000])(
    'gives an error when the frames in front of it have been read, chunks of %i',
    async (size) => {
      const chunks = cut(join([STREAM, TOO_LONG, STREAM]), [size])
      const { messages, error } = await all(itemsOf(readableOf(chunks).pipeThrough(decoderStream(framing))))
      expect(messages).toEqual(MESSAGES)
      expect(error).toBeInstanceOf(FramingError)
      expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', offset: STREAM.length })
    },
  )

  test('gives FRAME_TRUNCATED when the frames in front of it have been read, although the writer has closed', async () => {
    const { readable, writable } = decoderStream(framing)
    const writer = writable.getWriter()
    const writes = [writer.write(STREAM), writer.write(TOO_LONG.subarray(0, 0)), writer.write(Uint8Array.of(9))]
    const closed = writer.close()
    const { messages, error } = await all(itemsOf(readable))
    expect(messages).toEqual(MESSAGES)
    expect(error).toMatchObject({ code: 'FRAME_TRUNCATED', offset: STREAM.length })
    await Promise.all([...writes, closed])
  })

  test('tells the writing side of an error', async () => {
    const { readable, writable } = decoderStream(framing)
    const writer = writable.getWriter()
    writer.write(TOO_LONG).catch(() => {})
    const { error } = await all(itemsOf(readable))
    expect(error).toMatchObject({ code: 'FRAME_TOO_LONG' })
    await expect(writer.closed).rejects.toBe(error)
    await expect(writer.write(STREAM)).rejects.toBe(error)
  })

  test('cancels its source, with the reason, when it is cancelled or fails', async () => {
    const start = () => {
      let tell: (reason: unknown) => void
      const reason = new Promise((resolve) => {
        tell = resolve
      })
      const source = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(TOO_LONG),
        cancel: (reason) => tell(reason),
      })
      return { reason, decoded: source.pipeThrough(decoderStream(framing)) }
    }
    const cancelled = start()
    await cancelled.decoded.cancel('enough')
    expect(await cancelled.reason).toBe('enough')
    const failed = start()
    const { error } = await all(itemsOf(failed.decoded))
    expect(error).toBeInstanceOf(FramingError)
    expect(await failed.reason).toBe(error)
  })

  test('passes on why its source failed', async () => {
    const fault = new Error('connection reset')
    const failing = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(STREAM)
      },
      pull: (controller) => controller.error(fault),
    })
    const { messages, error } = await all(itemsOf(failing.pipeThrough(decoderStream(framing))))
    expect(error).toBe(fault)
    expect(messages).toEqual(MESSAGES)
  })

  test('answers reads that were asked before anything came, the frames first and then the error', async () => {
    const { readable, writable } = decoderStream(framing)
    const reader = readable.getReader()
    const reads = [...MESSAGES, 'error', 'error'].map(() => {
      return reader.read().then(
        ({ value }) => text.decode(value as Uint8Array),
        ({ code }) => code,
      )
    })
    writable
      .getWriter()
      .write(join([STREAM, TOO_LONG]))
      .catch(() => {})
    expect(await Promise.all(reads)).toEqual([...MESSAGES, 'FRAME_TOO_LONG', 'FRAME_TOO_LONG'])
  })

  test('keeps the writer waiting while nobody reads', async () => {
    const { readable, writable } = decoderStream(framing)
    const writer = writable.getWriter()
    let written = 0
    for (let count = 0; count < 9; count++)
      writer.write(STREAM).then(
        () => written++,
        () => {},
      )
    await all(itemsOf(readableOf([STREAM]).pipeThrough(decoderStream(framing)))) // time enough to take one unasked
    expect(written).toBe(0)
    const reader = readable.getReader()
    for (const _ of MESSAGES) await reader.read()
    expect(written).toBeLessThanOrEqual(2)
    expect(writer.desiredSize).toBeLessThan(0)
    await reader.cancel()
  })

  test('takes no chunk that nobody has asked for', async () => {
    const source = new Source(Array.from({ length: 50 }, () => STREAM))
    const readable = readableOf(source).pipeThrough(decoderStream(framing))
    const reader = readable.getReader()
    for (const message of MESSAGES) expect(text.decode((await reader.read()).value as Uint8Array)).toBe(message)
    // One in each of the three queues between source and decoder.
    expect(source.given).toBeLessThanOrEqual(4)
    await reader.cancel()
    expect(source.isClosed).toBe(true)
  })

  test('hands out a last line without an end where the framing takes it', async () => {
    const piped = readableOf([text.encode('a\n\nb')]).pipeThrough(decoderStream(lines({ unterminated: 'emit' })))
    expect(await all(itemsOf(piped))).toEqual({ messages: ['a', '', 'b'], error: undefined })
  })
})

describe('encoderStream', () => {
  test('writes one item for each payload, empty ones too', async () => {
    const chunks: Uint8Array[] = []
    for await (const chunk of itemsOf(readableOf(PAYLOADS).pipeThrough(encoderStream(framing)))) chunks.push(chunk)
    expect(chunks).toEqual(PAYLOADS.map((payload) => encode(framing, payload)))
  })

  test('fails as encode does, behind the frames in front', async () => {
    const chunks: Uint8Array[] = []
    const piped = readableOf([...PAYLOADS, new Uint8Array(101)]).pipeThrough(encoderStream(framing))
    const reading = async () => {
      for await (const chunk of itemsOf(piped)) chunks.push(chunk)
    }
    await expect(reading()).rejects.toMatchObject({ code: 'FRAME_TOO_LONG', length: 101, limit: 100 })
    expect(join(chunks)).toEqual(STREAM)
  })

  test('and decoderStream undo each other', async () => {
    const piped = readableOf(PAYLOADS).pipeThrough(encoderStream(framing)).pipeThrough(decoderStream(framing))
    expect((await all(itemsOf(piped))).messages).toEqual(MESSAGES)
  })
})

/** Bun's own `pipeline` never ends with a Web Stream in it; the same tests over `pipeThrough` do run there. */
const onNode = 'bun' in process.versions ? describe.skip : describe

onNode("in a pipeline of Node's streams (not run on Bun, whose pipeline hangs on Web Streams)", () => {
  /** A sink of one item at a time, each taken a turn of the event loop later. */
  class SlowSink extends Writable {
    readonly messages: string[] = []

    constructor() {
      super({ objectMode: true, highWaterMark: 1 })
    }

    override _write(frame: Uint8Array, _: string, done: () => void): void {
      this.messages.push(text.decode(frame))
      setImmediate(done)
    }
  }

  /** The types of Node 20 do not know yet that its pipeline takes a Web Stream. */
  const stage = (stream: TransformStream<Uint8Array, Uint8Array>) => stream as unknown as NodeJS.ReadWriteStream

  test.each([1, 5, 1000])('borders and empty frames survive a slow sink, chunks of %i', async (size) => {
    const sink = new SlowSink()
    const source = Readable.from(cut(STREAM, [size]))
    await pipeline(source, stage(decoderStream(framing)), sink)
    expect(sink.messages).toEqual(MESSAGES)
  })

  test('encoder and decoder stand behind each other', async () => {
    const sink = new SlowSink()
    await pipeline(Readable.from(PAYLOADS), stage(encoderStream(framing)), stage(decoderStream(framing)), sink)
    expect(sink.messages).toEqual(MESSAGES)
  })

  test('an error comes behind the frames in front of it, and the source is destroyed', async () => {
    const sink = new SlowSink()
    const source = Readable.from([STREAM, TOO_LONG, STREAM])
    await expect(pipeline(source, stage(decoderStream(framing)), sink)).rejects.toMatchObject({
      code: 'FRAME_TOO_LONG',
    })
    expect(source.destroyed).toBe(true)
    expect(sink.messages).toEqual(MESSAGES)
  })

  test('frames in a pipeline of generators', async () => {
    const sink = new SlowSink()
    await pipeline(
      Readable.from(cut(STREAM, [3])),
      (source: AsyncIterable<Uint8Array>) => frames(source, framing),
      sink,
    )
    expect(sink.messages).toEqual(MESSAGES)
  })
})
