// Laws of frames on their way in: the same frames however the stream was cut, from whatever array, whatever the visitor
// does, and an end that tells a clean stream from a cut one.

import { cut, join } from './chunks.ts'
import { FrameDecoder } from './frame-decoder.ts'
import { FramingError } from './framing-error.ts'
import { equal, errorOf, holds, same } from './law-check.ts'
import { keep, type Sample } from './law-sample.ts'
import type { Law } from './law-subject.ts'
import { outcomeOfDecode, outcomeOfPush, sameOutcome } from './outcome.ts'

const SAMPLE_LAWS: Record<string, (sample: Sample, lengths: number[]) => void> = {
  'hands out every frame that arrives whole': checkWhole,
  'hands out nothing until the last byte when bytes come one by one': checkByteByByte,
  'hands out the same frames for every split in two': checkEverySplit,
  'hands out the same frames for chunks of any lengths': checkAnyChunks,
  'hands out all frames of one chunk in order': checkJoined,
  'keeps trailing bytes for the next frame': checkTrailing,
  'ends cleanly at every border and nowhere else': checkEnd,
  'takes Buffers, subclasses, views with an offset and empty chunks': checkInputs,
  'lets the caller reuse its chunk as soon as it has returned': checkReuse,
  'keeps the order when paused at every frame': checkPause,
  'visits no frame twice when the visitor throws at every frame': checkThrow,
  'knows the length of a frame by its last byte and never changes it': checkMeasure,
  'looks at no byte in front of the frame or behind what has arrived': checkRange,
}

export const DELIVERY_LAWS: readonly Law[] = Object.entries(SAMPLE_LAWS).map(([name, check]) => {
  return { name, check: (subject) => subject.everySample(check) }
})

function checkWhole({ framing, wires, expected }: Sample): void {
  wires.forEach((wire, index) => {
    const decoder = new FrameDecoder(framing)
    same(decoder.decode(wire), expected.slice(index, index + 1), `frame ${index}`)
    equal(decoder.pendingLength, 0, `pendingLength behind frame ${index}`)
    decoder.end()
  })
}

function checkByteByByte(sample: Sample): void {
  const decoder = new FrameDecoder(sample.framing)
  const frames: Uint8Array[] = []
  for (let at = 0; at < sample.stream.length; at++) {
    frames.push(...decoder.decode(sample.stream.subarray(at, at + 1)))
    const where = `after byte ${at}`
    equal(frames.length, sample.framesBefore(at + 1), `frames ${where}`)
    equal(decoder.pendingLength, at + 1 - sample.borderBefore(at + 1), `pendingLength ${where}`)
  }
  same(frames, sample.expected, 'one byte at a time')
  decoder.end()
}

function checkEverySplit(sample: Sample): void {
  const { framing, stream, expected } = sample
  for (const at of sample.places()) {
    const decoder = new FrameDecoder(framing)
    const frames = [...decoder.decode(stream.subarray(0, at)), ...decoder.decode(stream.subarray(at))]
    same(frames, expected, `split at ${at}`)
    decoder.end()
  }
}

function checkAnyChunks({ framing, stream }: Sample, lengths: number[]): void {
  const whole = outcomeOfPush(framing, [stream])
  const chunks = cut(stream, lengths)
  sameOutcome(outcomeOfPush(framing, chunks), whole, `pushed in chunks of ${lengths}`)
  sameOutcome(outcomeOfDecode(framing, chunks), whole, `decoded in chunks of ${lengths}`)
}

function checkJoined({ framing, stream, expected }: Sample): void {
  same(new FrameDecoder(framing).decode(stream), expected, 'decode')
  const visited: Uint8Array[] = []
  equal(new FrameDecoder(framing).push(stream, keep(visited)), true, 'what push returns')
  same(visited, expected, 'push')
}

function checkTrailing(sample: Sample): void {
  const { framing, wires, expected, borders } = sample
  for (const [index, wire] of wires.slice(0, -1).entries()) {
    const [begin, end] = borders.slice(index + 1, index + 3) as [number, number]
    for (const at of sample.places(begin, end - 1)) {
      const where = `frame ${index} and ${at - begin} bytes`
      const decoder = new FrameDecoder(framing)
      const first = decoder.decode(join([wire, sample.stream.subarray(begin, at)]))
      same(first, expected.slice(index, index + 1), where)
      equal(decoder.pendingLength, at - begin, `pendingLength behind ${where}`)
      const second = decoder.decode(sample.stream.subarray(at, end))
      same(second, expected.slice(index + 1, index + 2), `the rest behind ${where}`)
    }
  }
}

function checkEnd(sample: Sample): void {
  for (const at of sample.places()) {
    const decoder = new FrameDecoder(sample.framing)
    const frames = decoder.decode(sample.stream.subarray(0, at))
    same(frames, sample.expected.slice(0, sample.framesBefore(at)), `cut at ${at}`)
    const border = sample.borderBefore(at)
    const rest = sample.stream.subarray(border, at)
    const tail: Uint8Array[] = []
    const error = errorOf(() => decoder.end(keep(tail)))
    if (isTaken(sample, rest)) {
      equal(error, undefined, `end after ${at} bytes`)
      same(tail, rest.length === 0 ? [] : [rest], `the rest after ${at} bytes`)
      continue
    }
    const { code, offset, length } = error instanceof FramingError ? error : {}
    const seen = error instanceof FramingError ? [code, offset, length].join() : String(error)
    const isLong = isEmitting(sample, rest)
    equal(seen, [isLong ? 'FRAME_TOO_LONG' : 'FRAME_TRUNCATED', border, rest.length].join(), `end after ${at} bytes`)
    holds(errorOf(() => decoder.end(keep(tail))) === error, 'the second end did not throw the same error')
    same(tail, [], 'frames behind the error')
  }
}

/** Whether the end of the stream is no error behind these bytes: none, or a last frame that needs no end. */
function isTaken(sample: Sample, rest: Uint8Array): boolean {
  return rest.length === 0 || (isEmitting(sample, rest) && rest.length <= sample.framing.maxFrameLength)
}

function isEmitting({ framing }: Sample, rest: Uint8Array): boolean {
  return framing.unterminated === 'emit' && framing.measure(rest, 0, rest.length, 0) === 0
}

/** Refuses the call whose meaning differs between Buffer (a view) and Uint8Array (a copy). */
class Unsliceable extends Uint8Array {
  override slice(): never {
    throw new Error('slice was called on a chunk')
  }
}

const { Buffer } = globalThis as { Buffer?: { from(bytes: ArrayBufferLike, at: number, length: number): Uint8Array } }

function checkInputs({ framing, stream, expected }: Sample): void {
  const inside = new Uint8Array(stream.length + 20).fill(0xee)
  inside.set(stream, 7)
  const forms: [string, Uint8Array][] = [
    ['subclass', new Unsliceable(stream)],
    ['view with an offset', inside.subarray(7, 7 + stream.length)],
  ]
  if (Buffer !== undefined) forms.push(['Buffer with an offset', Buffer.from(inside.buffer, 7, stream.length)])
  for (const [form, bytes] of forms) {
    for (const step of [1, 5, stream.length]) {
      const decoder = new FrameDecoder(framing)
      const frames = decoder.decode(new Uint8Array(0))
      for (const chunk of cut(bytes, [step])) {
        frames.push(...decoder.decode(chunk))
        same(decoder.decode(new Uint8Array(0)), [], 'an empty chunk')
      }
      same(frames, expected, `${form} in steps of ${step}`)
      decoder.end()
    }
  }
}

function checkReuse({ framing, stream, expected }: Sample): void {
  for (const size of [1, 3, 7, 64, stream.length]) {
    const readBuffer = new Uint8Array(size)
    const decoded: Uint8Array[] = []
    const visited: Uint8Array[] = []
    const decoder = new FrameDecoder(framing)
    const visitor = new FrameDecoder(framing)
    for (const piece of cut(stream, [size])) {
      readBuffer.set(piece)
      decoded.push(...decoder.decode(readBuffer.subarray(0, piece.length)))
      visitor.push(readBuffer.subarray(0, piece.length), keep(visited))
      readBuffer.fill(0xee)
    }
    same(decoded, expected, `decode with a read buffer of ${size} bytes`)
    same(visited, expected, `push with a read buffer of ${size} bytes`)
  }
}

function checkPause({ framing, stream, expected }: Sample): void {
  for (const step of [1, 11, stream.length]) {
    const decoder = new FrameDecoder(framing)
    const visited: Uint8Array[] = []
    const visit = keep(visited, () => false)
    for (const chunk of cut(stream, [step])) decoder.push(chunk, visit)
    equal(visited.length, 1, 'frames visited before the first resume')
    for (let count = 2; count <= expected.length; count++) {
      equal(decoder.resume(visit), false, `what resume ${count - 1} returns`)
      equal(visited.length, count, `frames after resume ${count - 1}`)
    }
    equal(decoder.resume(visit), true, 'what the last resume returns')
    same(visited, expected, `paused at every frame, steps of ${step}`)
    decoder.end()
  }
}

function checkThrow({ framing, stream, expected }: Sample): void {
  for (const step of [1, 11, stream.length]) {
    const decoder = new FrameDecoder(framing)
    const visited: Uint8Array[] = []
    const fault = new Error('the visitor failed')
    const visit = keep(visited, () => {
      throw fault
    })
    for (const chunk of cut(stream, [step])) {
      const error = errorOf(() => decoder.push(chunk, visit))
      if (error !== undefined && error !== fault) throw error
    }
    for (let left = expected.length - visited.length; left > 0; left--) {
      holds(errorOf(() => decoder.resume(visit)) === fault, 'what the visitor threw did not leave resume')
    }
    same(visited, expected, `thrown at every frame, steps of ${step}`)
    decoder.end()
  }
}

function checkMeasure({ framing, wires }: Sample): void {
  for (const [index, wire] of wires.entries()) {
    let isKnown = false
    for (let end = 0; end <= wire.length; end++) {
      const length = framing.measure(wire, 0, end, isKnown ? 0 : Math.max(0, end - 1))
      const where = `measure of frame ${index} with ${end} bytes`
      if (length !== 0 || isKnown || end === wire.length) equal(length, wire.length, where)
      isKnown ||= length > 0
    }
  }
}

/** What stands around the bytes of a frame may belong to another one, or to another connection. */
function checkRange({ framing, wires, stream }: Sample): void {
  const IN_FRONT = 7
  const noises = [Uint8Array.of(0), Uint8Array.of(0xff), stream]
  for (const [index, wire] of wires.entries()) {
    for (const end of new Set([0, 1, 2, 3, 4, 5, 8, wire.length - 1, wire.length].filter((at) => at <= wire.length))) {
      const alone = new Uint8Array(wire.subarray(0, end))
      const length = framing.measure(alone, 0, end, 0)
      for (const noise of noises) {
        const inside = Uint8Array.from({ length: end + 40 }, (_, at) => noise[at % noise.length] as number)
        inside.set(alone, IN_FRONT)
        const where = `of ${end} bytes of frame ${index} among others`
        equal(framing.measure(inside, IN_FRONT, IN_FRONT + end, 0), length, `measure ${where}`)
        if (end < wire.length) continue
        for (const part of ['headerLength', 'trailerLength'] as const) {
          equal(framing[part](inside, IN_FRONT, length), framing[part](alone, 0, length), `${part} ${where}`)
        }
      }
    }
  }
}
