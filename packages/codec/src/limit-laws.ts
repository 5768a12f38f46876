// Laws of what a frame may cost: refused from its header when it is above the limit, and never searched twice.

import { cut, join } from './chunks.ts'
import { ByteCounter } from './counted-bytes.ts'
import { encode } from './encode.ts'
import { FrameDecoder } from './frame-decoder.ts'
import type { Framing } from './framing.ts'
import { FramingError } from './framing-error.ts'
import { equal, errorOf, holds } from './law-check.ts'
import type { Law, LawSubject } from './law-subject.ts'

export const LIMIT_LAWS: readonly Law[] = [
  { name: 'refuses a frame above maxFrameLength from its header', check: checkHeader },
  { name: 'refuses a frame one byte above maxFrameLength where its end is searched for', check: checkSearch },
  { name: 'looks at a byte a bounded number of times, one long frame byte by byte', check: checkLongFrame },
  { name: 'looks at a byte a bounded number of times, many frames in one chunk', check: checkManyFrames },
]

const LARGEST = 8 * 1024 * 1024
/** Longer headers are not tried. */
const LONGEST_HEADER = 256
/** A varint may grow by that much when one of its bytes is changed. */
const MORE = 8

/** The first bytes that tell the length of a frame, or undefined where only its end does. */
function headerOf(framing: Framing, wire: Uint8Array): Uint8Array | undefined {
  for (let end = 0; end < Math.min(wire.length, LONGEST_HEADER); end++) {
    if (framing.measure(wire, 0, end, 0) > 0) return wire.subarray(0, end)
  }
  return undefined
}

function checkHeader({ framing, candidates }: LawSubject): void {
  const most = framing.maxFrameLength
  const payload = (most <= LARGEST ? candidates.ofLength(most) : undefined) ?? candidates.shortest()
  if (payload === undefined) return
  const wire = encode(framing, payload, candidates.header)
  const header = headerOf(framing, wire)
  if (header === undefined) return
  const longest = most + wire.length - payload.length + MORE
  for (let at = 0; at < header.length; at++) {
    const byte = header[at] as number
    for (const value of [byte + 1, byte + 2, 0x39, 0x7f, 0x80, 0xff]) {
      const changed = join([header, new Uint8Array(MORE)])
      changed[at] = value
      checkChanged(framing, changed, longest)
    }
  }
}

/** A header with another byte in it: a frame within the limit, or refused while no body is there. */
function checkChanged(framing: Framing, header: Uint8Array, longest: number): void {
  const decoder = new FrameDecoder(framing)
  const error = errorOf(() => {
    for (const chunk of cut(header, [1])) {
      decoder.push(chunk, () => {})
      holds(decoder.expectedLength <= longest, `waits for a frame of ${decoder.expectedLength} bytes`)
    }
  })
  if (error !== undefined) {
    if (!(error instanceof FramingError)) throw error
    if (error.code === 'FRAME_TOO_LONG') equal(error.limit, framing.maxFrameLength, 'the limit in the error')
    return
  }
  const late = errorOf(() => decoder.push(new Uint8Array(64 * 1024), () => {}))
  const isLate = late instanceof FramingError && late.code === 'FRAME_TOO_LONG' && late.length !== undefined
  holds(!isLate || late.offset !== 0, 'a length above the limit was refused when bytes behind the header had arrived')
}

function checkSearch({ framing, candidates }: LawSubject): void {
  const most = framing.maxFrameLength
  const payload = most > LARGEST ? undefined : candidates.ofLength(most)
  if (payload === undefined) return
  const wire = encode(framing, payload, candidates.header)
  if (headerOf(framing, wire) !== undefined) return
  const middle = wire.length >> 1
  const longer = join([wire.subarray(0, middle), wire.subarray(middle - 1)])
  const longest = new FrameDecoder(framing).decode(wire)[0]?.length ?? 0
  for (const size of [longer.length, middle]) checkLonger(framing, cut(longer, [size]), longest)
}

/** A frame of maxFrameLength that has got one byte more; `longest` = what is handed out of it without that byte. */
function checkLonger(framing: Framing, chunks: Uint8Array[], longest: number): void {
  const decoder = new FrameDecoder(framing)
  const lengths: number[] = []
  const error = errorOf(() => {
    for (const chunk of chunks) decoder.push(chunk, (_, start, end) => void lengths.push(end - start))
  })
  // One that has a length, and answers late to check a mark behind the payload, finds that mark wrong or by chance right.
  if (lengths.length > 0 && Math.max(...lengths) <= longest) return
  const { code, limit } = (error ?? {}) as Partial<FramingError>
  if (code === 'INVALID_HEADER' || code === 'INVALID_LENGTH') return
  const wanted = ['FRAME_TOO_LONG', framing.maxFrameLength].join()
  equal([code, limit].join(), wanted, `one byte more, in chunks of ${chunks[0]?.length}`)
}

function checkLongFrame({ framing, candidates }: LawSubject): void {
  const long = Math.min(2048, framing.maxFrameLength)
  for (const payloads of candidates.ofLengths(long >> 2, long)) {
    const [few, many] = payloads.map((payload) => looksAt(framing, encode(framing, payload, candidates.header), 1))
    checkGrowth(few as number, many as number)
  }
}

function checkManyFrames({ framing, candidates }: LawSubject): void {
  const payload = candidates.shortest()
  if (payload === undefined || payload.length > 1024) return
  const wire = encode(framing, payload, candidates.header)
  const [few, many] = [50, 200].map((count) => {
    const stream = join(Array.from({ length: count }, () => wire))
    return looksAt(framing, stream, stream.length)
  })
  checkGrowth(few as number, many as number)
}

/** Four times the bytes: about four times the looks where work is linear, sixteen times where it is not. */
function checkGrowth(few: number, many: number): void {
  holds(many <= 6 * few + 1000, `four times the bytes took ${many} looks in place of ${few}`)
}

/** How often `measure` looks at a byte of the stream. */
function looksAt(framing: Framing, stream: Uint8Array, size: number): number {
  const counter = new ByteCounter()
  const { maxFrameLength } = framing
  const counted: Framing = {
    maxFrameLength,
    measure(bytes, start, end, seen) {
      try {
        return framing.measure(counter.over(bytes), start, end, seen)
      } catch (error) {
        if (error instanceof FramingError) throw error
        return framing.measure(bytes, start, end, seen) // needs a real array: cannot be counted
      }
    },
    headerLength: (bytes, start, length) => framing.headerLength(bytes, start, length),
    trailerLength: (bytes, start, length) => framing.trailerLength(bytes, start, length),
    encodedLength: (payloadLength) => framing.encodedLength(payloadLength),
    encodeInto: (target, at, payload) => framing.encodeInto(target, at, payload),
  }
  const decoder = new FrameDecoder(counted)
  for (const chunk of cut(stream, [size])) decoder.push(chunk, () => {})
  return counter.looks
}
