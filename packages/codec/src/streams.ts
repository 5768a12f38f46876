// Frames for `for await`, for arrays, and for Web Streams (`pipeThrough`, Node's `pipeline`): one item = one frame, empty
// ones included, in arrays of their own. What comes out is owned by whoever gets it.

import { encode } from './encode.ts'
import { FrameDecoder, type FrameVisitor } from './frame-decoder.ts'
import { FrameKeeper } from './frame-keeper.ts'
import { checkFraming, type Framing } from './framing.ts'

/** Frames, and the error that came behind them, if one did. */
interface Taken {
  frames: Uint8Array[]
  failure?: { error: unknown }
}

/** Decodes one chunk after the other. */
class KeepingDecoder {
  readonly #decoder: FrameDecoder

  constructor(framing: Framing) {
    this.#decoder = new FrameDecoder(framing)
  }

  take(chunk: Uint8Array): Taken {
    return this.#keep(new FrameKeeper(chunk), (visit) => this.#decoder.push(chunk, visit))
  }

  /** What the end of the stream makes. */
  finish(): Taken {
    return this.#keep(new FrameKeeper(), (visit) => this.#decoder.end(visit))
  }

  #keep({ frames, visit }: FrameKeeper, decode: (visit: FrameVisitor) => unknown): Taken {
    try {
      decode(visit)
      return { frames }
    } catch (error) {
      return { frames, failure: { error } }
    }
  }
}

/**
 * The frames of a byte source, such as a socket. Throws the source's error or a FramingError, after the frames in front
 * of it; leaving the loop ends the source.
 */
export function frames(source: AsyncIterable<Uint8Array>, framing: Framing): AsyncGenerator<Uint8Array, void, void> {
  return decodedBy(new KeepingDecoder(framing), source)
}

async function* decodedBy(
  decoder: KeepingDecoder,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of source) yield* deliver(decoder.take(chunk))
  yield* deliver(decoder.finish())
}

function* deliver(taken: Taken): Generator<Uint8Array, void, void> {
  yield* taken.frames
  if (taken.failure !== undefined) throw taken.failure.error
}

/**
 * All frames of bytes that are there already, one array or several chunks. Throws FRAME_TRUNCATED if the last is cut off.
 * All or an error: the frames in front of one come from `FrameDecoder.decode`, or `frames`.
 */
export function decodeAll(framing: Framing, source: Uint8Array | Iterable<Uint8Array>): Uint8Array[] {
  const decoder = new KeepingDecoder(framing)
  const chunks = ArrayBuffer.isView(source) ? [source] : source
  const all: Uint8Array[] = []
  for (const chunk of chunks) for (const frame of deliver(decoder.take(chunk))) all.push(frame)
  for (const frame of deliver(decoder.finish())) all.push(frame)
  return all
}

/**
 * Bytes in, frames out. A frame is decoded when it is asked for, so a FramingError comes when the frames in front of it have
 * been read: a Web Stream that fails drops what was not.
 */
export function decoderStream(framing: Framing): TransformStream<Uint8Array, Uint8Array> {
  const { readable: chunks, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const reader = chunks.getReader()
  const decoded = frames(chunksOf(reader), framing)
  const readable = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await decoded.next()
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          controller.error(error)
          await reader.cancel(error) // tells the writing side why
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  return { readable, writable }
}

async function* chunksOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

/** Payloads in, whole frames as bytes out. Throws as `encode` does. */
export function encoderStream(framing: Framing): TransformStream<Uint8Array, Uint8Array> {
  checkFraming(framing, ['encodedLength', 'encodeInto'])
  return new TransformStream<Uint8Array, Uint8Array>({
    transform: (payload, controller) => controller.enqueue(encode(framing, payload)),
  })
}
