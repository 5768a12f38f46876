// Rule 1 for anything: what comes out depends on the bytes alone, never on how they were cut.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cut, join } from '../src/chunks.ts'
import { encode } from '../src/encode.ts'
import { FrameDecoder, type FrameVisitor } from '../src/frame-decoder.ts'
import { equal, hex, sameList } from '../src/law-check.ts'
import { type LengthFieldOptions, lengthField } from '../src/length-field.ts'
import { json } from '../src/message-codec.ts'
import { outcomeOfDecode, outcomeOfPush, sameOutcome } from '../src/outcome.ts'
import { chunkLengths, lengthFieldOptions, payload } from './framing-options.ts'
import { referenceFrame } from './reference-frame.ts'
import { framingErrorOf } from './stream.ts'

const RUNS = { numRuns: 200 }

/** What the decoder must hand out of a frame, by the words of the documentation. */
function handedOut(options: LengthFieldOptions, frame: Uint8Array, payloadLength: number): Uint8Array {
  const { stripHeader = true, trailerLength = 0 } = options
  if (stripHeader === false) return frame
  if (typeof stripHeader === 'number') return frame.subarray(stripHeader)
  const end = frame.length - trailerLength
  return frame.subarray(end - payloadLength, end)
}

/** One stream of the payloads that the options can carry. */
function streamOf(options: LengthFieldOptions, payloads: Uint8Array[]): Uint8Array {
  const { maxFrameLength } = lengthField(options)
  const sendable = payloads.filter(({ length }) => length <= maxFrameLength)
  return join(sendable.flatMap((message) => referenceFrame(options, message) ?? []))
}

test('any messages, any options, any chunks: the same messages, on the wire as documented', () => {
  const streams = fc.tuple(lengthFieldOptions, fc.array(payload, { maxLength: 8 }), chunkLengths)
  fc.assert(
    fc.property(streams, ([options, payloads, lengths]) => {
      const framing = lengthField(options)
      const expected: string[] = []
      const wires: Uint8Array[] = []
      for (const message of payloads.filter(({ length }) => length <= framing.maxFrameLength)) {
        const wire = referenceFrame(options, message)
        if (wire === undefined) {
          expect(framingErrorOf(() => encode(framing, message)).code).toBe('UNENCODABLE')
          continue
        }
        equal(hex(encode(framing, message)), hex(wire), 'wire')
        wires.push(wire)
        expected.push(hex(handedOut(options, wire, message.length)))
      }
      const outcome = { frames: expected, skipped: [], error: undefined }
      const stream = join(wires)
      sameOutcome(outcomeOfPush(framing, cut(stream, lengths)), outcome, 'pushed')
      sameOutcome(outcomeOfDecode(framing, cut(stream, lengths)), outcome, 'decoded')
    }),
    RUNS,
  )
})

/** Streams that are good for a while: frames, then flipped bits, then garbage, with a limit that many of them break. */
const doubtfulStream = fc
  .record({
    options: lengthFieldOptions,
    maxFrameLength: fc.integer({ min: 1, max: 60 }),
    payloads: fc.array(payload, { maxLength: 6 }),
    garbage: fc.uint8Array({ maxLength: 30 }),
    flips: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
    lengths: chunkLengths,
  })
  .map(({ options, payloads, garbage, flips, maxFrameLength, lengths }) => {
    const short = payloads.filter(({ length }) => length <= 200)
    const bytes = join([streamOf(options, short), garbage])
    for (const [at, value] of flips) if (bytes.length > 0) bytes[at % bytes.length] = value
    const { lengthCounts } = options
    const least = typeof lengthCounts === 'number' ? lengthCounts : 1 // of a payload; a lower limit no frame could meet
    return { options: { ...options, maxFrameLength: Math.max(maxFrameLength, least) }, bytes, lengths }
  })

/** One stream for each way to end, so that every run meets them all whatever it draws. */
const knownEnds = [
  { maxFrameLength: 9, bytes: [1, 7], end: ['none', 'none'] },
  { maxFrameLength: 9, bytes: [2, 7], end: ['FRAME_TRUNCATED', 'FRAME_TRUNCATED'] },
  { maxFrameLength: 9, bytes: [1, 7, 0x80, 0], end: ['INVALID_LENGTH', 'INVALID_LENGTH'] },
  { maxFrameLength: 1, bytes: [2, 7, 7, 1, 7], end: ['FRAME_TOO_LONG', 'skipped'] },
].map(({ maxFrameLength, bytes, end: [strict, skipping] }) => {
  const options: LengthFieldOptions = { lengthFieldLength: 'varint', maxFrameLength }
  return { end: { error: strict, skip: skipping }, stream: { options, bytes: Uint8Array.from(bytes), lengths: [2] } }
})

test.each(['error', 'skip'] as const)(
  'any bytes, any chunks: the same frames and the same error, oversize %s',
  (oversize) => {
    const ends = new Set<string>()
    fc.assert(
      fc.property(doubtfulStream, ({ options, bytes, lengths }) => {
        const framing = lengthField(options)
        const whole = outcomeOfPush(framing, [bytes], { oversize })
        ends.add(whole.error?.code ?? (whole.skipped.length > 0 ? 'skipped' : 'none'))
        for (const chunks of [cut(bytes, lengths), cut(bytes, [1])]) {
          sameOutcome(outcomeOfPush(framing, chunks, { oversize }), whole, 'pushed')
          sameOutcome(outcomeOfDecode(framing, chunks, { oversize }), whole, 'decoded')
        }
      }),
      { ...RUNS, examples: knownEnds.map(({ stream }) => [stream]) },
    )
    // A property that never met an error would prove nothing about errors.
    expect([...ends]).toEqual(expect.arrayContaining(knownEnds.map(({ end }) => end[oversize])))
  },
)

test('a visitor that pauses or throws anywhere, any chunks: every frame once and in order', () => {
  const whims = fc.array(fc.constantFrom('go on', 'pause', 'throw', 'go on'), { minLength: 1, maxLength: 10 })
  const streams = fc.tuple(lengthFieldOptions, fc.array(payload, { maxLength: 8 }), chunkLengths, whims, whims)
  fc.assert(
    fc.property(streams, ([options, payloads, lengths, moods, resumes]) => {
      const framing = lengthField(options)
      const visited: string[] = []
      const fault = new Error('whim')
      const visit: FrameVisitor = (bytes, start, end) => {
        visited.push(hex(bytes.subarray(start, end)))
        const mood = moods[visited.length % moods.length]
        if (mood === 'throw') throw fault
        return mood === 'pause' ? false : undefined
      }
      const decoder = new FrameDecoder(framing)
      const forgiving = (action: () => unknown) => {
        try {
          action()
        } catch (error) {
          if (error !== fault) throw error
        }
      }
      const stream = streamOf(options, payloads)
      cut(stream, lengths).forEach((chunk, turn) => {
        const given = new Uint8Array(chunk)
        forgiving(() => decoder.push(given, visit))
        given.fill(0xee)
        if (resumes[turn % resumes.length] === 'pause') forgiving(() => decoder.resume(visit))
      })
      for (let turn = 0; turn <= payloads.length; turn++) forgiving(() => decoder.resume(visit))
      decoder.end()
      sameList(visited, outcomeOfPush(framing, [stream]).frames, 'frame')
    }),
    RUNS,
  )
})

test('detach and go on in a second decoder, anywhere: nothing is lost', () => {
  fc.assert(
    fc.property(lengthFieldOptions, fc.array(payload, { maxLength: 5 }), fc.nat(), (options, payloads, place) => {
      const framing = lengthField(options)
      const stream = streamOf(options, payloads)
      const at = place % (stream.length + 1)
      const [first, second] = [new FrameDecoder(framing), new FrameDecoder(framing)]
      const frames = first.decode(stream.subarray(0, at))
      frames.push(...second.decode(first.detach()), ...second.decode(stream.subarray(at)))
      second.end()
      sameList(frames.map(hex), outcomeOfPush(framing, [stream]).frames, 'frame')
    }),
    RUNS,
  )
})

test('any JSON value survives the codec and the wire', () => {
  const framing = lengthField()
  const codec = json<unknown>()
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), chunkLengths, (messages, lengths) => {
      const stream = join(messages.map((message) => encode(framing, codec.encode(message))))
      const decoder = new FrameDecoder(framing)
      const frames = cut(stream, lengths).flatMap((chunk) => decoder.decode(chunk))
      expect(frames.map((frame) => codec.decode(frame))).toEqual(JSON.parse(JSON.stringify(messages)))
    }),
  )
})
