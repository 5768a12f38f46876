// Frames as a document or another program writes them, and what every framing owes them: the same bytes both ways, the same
// frames however the stream is cut, FRAME_TRUNCATED for a cut end, FRAME_TOO_LONG before the body.

import { encode, FrameDecoder, type Framing, FramingError, type FramingErrorCode } from '@framewire/codec'
import { type FramingLawOptions, framingLaws } from '@framewire/codec/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

export interface Vector {
  /** Where the bytes come from: the document with its section. */
  source: string
  wire: Uint8Array
  /** What the decoder hands out. @default wire: the framing keeps the header */
  frame?: Uint8Array
  /** What `encode` makes the wire from; a vector without it is only decoded. */
  payload?: Uint8Array
  header?: Uint8Array
}

export interface ProtocolCase {
  vectors: readonly Vector[]
  /** Begins a frame over the limit, up to the byte that must be refused; none where the field cannot say more. */
  tooLong?: Uint8Array
  /** Streams that are refused for another reason. */
  refused?: readonly { name: string; wire: Uint8Array; code: FramingErrorCode }[]
  /** For the codec's own laws; header and what is handed out come from the vectors. */
  laws?: FramingLawOptions
}

/** Bytes of a hex dump; blanks and line ends stand where they read well. */
export function hex(dump: string): Uint8Array {
  return Uint8Array.from(dump.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** Bytes of text, as UTF-8. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** Frames of chunks and the code of what ended the stream. */
function outcome(framing: Framing, chunks: Iterable<Uint8Array>): { frames: string[]; code: string } {
  const decoder = new FrameDecoder(framing)
  const frames: string[] = []
  try {
    for (const chunk of chunks) {
      decoder.push(chunk, (bytes, start, end) => {
        frames.push(Buffer.from(bytes.subarray(start, end)).toString('hex'))
      })
    }
    decoder.end()
  } catch (error) {
    if (!(error instanceof FramingError)) throw error
    return { frames, code: error.code }
  }
  return { frames, code: 'none' }
}

export function* oneByOne(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at++) yield bytes.subarray(at, at + 1)
}

/** How often a law is tried. The codec's own tests try its presets harder. */
const RUNS = 8

function lawOptions(vectors: readonly Vector[]): FramingLawOptions {
  const headers = vectors.flatMap(({ header }) => header ?? [])
  const keepsHeader = vectors.some(({ frame }) => frame === undefined)
  return {
    numRuns: RUNS,
    ...(headers.length === 0 ? {} : { header: fc.constantFrom(...headers) }),
    ...(keepsHeader ? { handsOut: (_, frame) => frame } : {}),
  }
}

/** The tests of one framing. */
export function describeFraming(
  name: string,
  framing: Framing,
  { vectors, tooLong, refused = [], laws }: ProtocolCase,
): void {
  const stream = concat(...vectors.map(({ wire }) => wire))
  const frames = vectors.map(({ wire, frame = wire }) => Buffer.from(frame).toString('hex'))

  describe(name, () => {
    test.each(vectors)('reads the bytes of $source', ({ wire, frame = wire }) => {
      const decoder = new FrameDecoder(framing)
      expect(decoder.decode(wire)).toEqual([frame])
      decoder.end()
    })

    test.each(vectors.filter(({ payload }) => payload))('writes the bytes of $source', ({ wire, payload, header }) => {
      expect(encode(framing, payload as Uint8Array, header)).toEqual(wire)
    })

    test('reads the same frames byte by byte and for every split in two', () => {
      expect(outcome(framing, [stream])).toEqual({ frames, code: 'none' })
      expect(outcome(framing, oneByOne(stream))).toEqual({ frames, code: 'none' })
      for (let at = 0; at <= stream.length; at++) {
        const seen = outcome(framing, [stream.subarray(0, at), stream.subarray(at)])
        expect(seen, `split at ${at}`).toEqual({ frames, code: 'none' })
      }
    })

    test('says FRAME_TRUNCATED for an end inside a frame and nothing for an end between frames', () => {
      let border = 0
      vectors.forEach(({ wire }, index) => {
        for (let at = 0; at < wire.length; at++) {
          const seen = outcome(framing, [stream.subarray(0, border + at)])
          const code = at === 0 ? 'none' : 'FRAME_TRUNCATED'
          expect(seen, `end after ${border + at} bytes`).toEqual({ frames: frames.slice(0, index), code })
        }
        border += wire.length
      })
    })

    test('writes nothing over the limit', () => {
      expect(() => framing.encodedLength(framing.maxFrameLength + 1)).toThrow(FramingError)
    })

    test.each(refused)('refuses $name', ({ wire, code }) => {
      const bytes = concat(stream, wire)
      expect(outcome(framing, [bytes])).toEqual({ frames, code })
      expect(outcome(framing, oneByOne(bytes))).toEqual({ frames, code })
    })

    test.each(framingLaws(framing, { ...lawOptions(vectors), ...laws }))('keeps the law: $name', (law) => law.check())

    if (tooLong === undefined) return
    test('refuses a frame over the limit before its body arrives, and not earlier', () => {
      const bytes = concat(stream, tooLong)
      expect(outcome(framing, [bytes])).toEqual({ frames, code: 'FRAME_TOO_LONG' })
      expect(outcome(framing, oneByOne(bytes))).toEqual({ frames, code: 'FRAME_TOO_LONG' })
      expect(outcome(framing, [bytes.subarray(0, -1)])).toEqual({ frames, code: 'FRAME_TRUNCATED' })
    })
  })
}
