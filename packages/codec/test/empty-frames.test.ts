// Empty frames are messages too: they come out of every way to decode, however the bytes are cut.

import { describe, expect, test } from 'vitest'
import { cut } from '../src/chunks.ts'
import { delimiter, lines } from '../src/delimiter.ts'
import { FrameDecoder } from '../src/frame-decoder.ts'
import type { Framing } from '../src/framing.ts'
import { text } from '../src/message-codec.ts'
import { decodeAll, decoderStream, frames } from '../src/streams.ts'
import { keepText } from './stream.ts'

async function* toAsync(chunks: Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  yield* chunks
}

async function textsOf(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = []
  for await (const frame of source) texts.push(text.decode(frame))
  return texts
}

async function piped(chunks: Uint8Array[], stage: TransformStream<Uint8Array, Uint8Array>): Promise<string[]> {
  const writer = stage.writable.getWriter()
  const writing = Promise.all([...chunks.map((chunk) => writer.write(chunk)), writer.close()])
  const reader = stage.readable.getReader()
  const texts: string[] = []
  for (let next = await reader.read(); !next.done; next = await reader.read()) texts.push(text.decode(next.value))
  await writing
  return texts
}

/** Frames of a text by every road, each with chunks of its own; a rest without an end stands last. */
async function byEveryRoad(framing: Framing, source: string, size: number): Promise<Record<string, string[]>> {
  const chunks = cut(text.encode(source), [size])
  const visited: string[] = []
  const decoder = new FrameDecoder(framing)
  for (const chunk of chunks) decoder.push(chunk, keepText(visited))
  decoder.end(keepText(visited))
  const decoded: string[] = []
  const comfortable = new FrameDecoder(framing)
  for (const chunk of chunks) decoded.push(...comfortable.decode(chunk).map((frame) => text.decode(frame)))
  comfortable.end(keepText(decoded))
  return {
    push: visited,
    decode: decoded,
    decodeAll: decodeAll(framing, chunks).map((frame) => text.decode(frame)),
    frames: await textsOf(frames(toAsync(chunks), framing)),
    decoderStream: await piped(chunks, decoderStream(framing)),
  }
}

describe.each<[string, Framing, string, string[]]>([
  ['lines', lines({ unterminated: 'emit' }), '\n\r\n\n\na\r\n\r\n\r\nb\n\n', ['', '', '', '', 'a', '', '', 'b', '']],
  ['lines that are written with \\r\\n', lines({ eol: '\r\n' }), '\r\n\n\r\n\r\r\n\n', ['', '', '', '\r', '']],
  ['delimiters of one byte', delimiter([';', '\n', '\0']), ';;\n\0;a\n;', ['', '', '', '', '', 'a', '']],
  ['one delimiter that begins the other', delimiter(['ab', 'abab']), 'abababxabab', ['', '', '', 'x', '']],
  ['one delimiter that ends the other', delimiter(['b', 'ab']), 'abbabxabb', ['', '', '', 'x', '']],
  ['one delimiter that overlaps itself', delimiter('aa'), 'aaaaaaxaaaa', ['', '', '', 'x', '']],
  ['an empty line in front of a rest', lines({ unterminated: 'emit' }), '\n\nrest', ['', '', 'rest']],
])('empty frames of %s survive every road', (_, framing, source, expected) => {
  test.each([1, 2, 3, 4, 5, 7, 1000])('in chunks of %i', async (size) => {
    for (const [road, got] of Object.entries(await byEveryRoad(framing, source, size))) {
      expect([road, got]).toEqual([road, expected])
    }
  })
})
