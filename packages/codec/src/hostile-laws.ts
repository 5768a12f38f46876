// Laws against whoever sends what is no frame: one error, the same however it was cut, in bounded time and memory.

import { cut } from './chunks.ts'
import { FrameDecoder } from './frame-decoder.ts'
import type { Framing } from './framing.ts'
import { FramingError } from './framing-error.ts'
import { equal, errorOf, holds, same } from './law-check.ts'
import { keep } from './law-sample.ts'
import type { DoubtfulStream, Law, LawSubject } from './law-subject.ts'
import { outcomeOfDecode, outcomeOfPush, sameOutcome } from './outcome.ts'

const STREAM_LAWS: Record<string, (framing: Framing, stream: DoubtfulStream) => void> = {
  'comes to the same frames and the same error however damaged bytes are cut': checkCuts,
  'makes nothing of garbage but frames and a FramingError': checkGarbage,
  'throws the first error again from every later call, and keeps nothing': checkSticky,
}

export const HOSTILE_LAWS: readonly Law[] = [
  ...Object.entries(STREAM_LAWS).map(([name, check]): Law => {
    return { name, check: (subject) => subject.everyStream((stream) => check(subject.framing, stream)) }
  }),
  { name: 'makes nothing of any byte that repeats but frames and a FramingError', check: checkEveryByte },
  { name: 'gives up on a frame without end soon after maxFrameLength', check: checkEndless },
]

function checkCuts(framing: Framing, { bytes, lengths, oversize }: DoubtfulStream): void {
  const whole = outcomeOfPush(framing, [bytes], { oversize })
  for (const sizes of [lengths, [1]]) {
    const chunks = cut(bytes, sizes)
    sameOutcome(outcomeOfPush(framing, chunks, { oversize }), whole, `pushed in chunks of ${sizes}`)
    sameOutcome(outcomeOfDecode(framing, chunks, { oversize }), whole, `decoded in chunks of ${sizes}`)
  }
}

function checkGarbage(framing: Framing, { bytes, lengths, oversize }: DoubtfulStream): void {
  const decoder = new FrameDecoder(framing, { oversize })
  let handedOut = 0
  const visit = (_: Uint8Array, start: number, end: number): void => {
    holds(start >= 0 && start <= end, `bytes ${start} to ${end} were handed out as a frame`)
    handedOut += end - start
  }
  const error = errorOf(() => {
    for (const chunk of cut(bytes, lengths)) {
      decoder.push(chunk, visit)
      holds(decoder.pendingLength <= bytes.length, `${decoder.pendingLength} of ${bytes.length} bytes are pending`)
    }
    decoder.end(visit)
  })
  if (error !== undefined && !(error instanceof FramingError)) throw error
  holds(handedOut <= bytes.length, `${handedOut} bytes were handed out of ${bytes.length}`)
}

function checkEveryByte({ framing }: LawSubject): void {
  for (let byte = 0; byte < 256; byte++) {
    checkGarbage(framing, { bytes: new Uint8Array(24).fill(byte), lengths: [24], oversize: 'error' })
  }
}

function checkSticky(framing: Framing, { bytes, lengths }: DoubtfulStream): void {
  const decoder = new FrameDecoder(framing)
  const visit = keep([])
  const error = errorOf(() => {
    for (const chunk of cut(bytes, lengths)) decoder.push(chunk, visit)
    decoder.end(visit)
  })
  if (error === undefined) return
  if (!(error instanceof FramingError)) throw error
  const { message, offset = -1, head = new Uint8Array(0) } = error
  holds(message.includes(`at stream offset ${offset}`), `"${message}" does not name its place`)
  same([head], [bytes.subarray(offset, offset + head.length)], 'the first bytes of the bad frame')
  const frames: Uint8Array[] = []
  const calls = [
    () => decoder.push(bytes, keep(frames)),
    () => decoder.decode(bytes),
    () => decoder.resume(keep(frames)),
    () => decoder.end(keep(frames)),
    () => decoder.detach(),
  ]
  for (const call of calls) holds(errorOf(call) === error, 'a later call did not throw the first error again')
  same(frames, [], 'frames behind the error')
  equal(decoder.pendingLength + decoder.expectedLength, 0, 'what is kept behind the error')
}

const KIB = 1024
/** A limit above this is not tried. */
const LARGEST = 8 * KIB * KIB

function checkEndless({ framing, candidates }: LawSubject): void {
  if (framing.maxFrameLength > LARGEST) return
  for (const filler of candidates.ownBytes) {
    const decoder = new FrameDecoder(framing)
    const chunk = new Uint8Array(64 * KIB).fill(filler)
    let frames = 0
    let error: unknown
    for (let given = 0; given < 2 * framing.maxFrameLength + chunk.length; given += chunk.length) {
      error ??= errorOf(() => decoder.push(chunk, () => void frames++))
      if (error !== undefined || frames > 0) break
    }
    if (error !== undefined && !(error instanceof FramingError)) throw error
    const isBounded = error !== undefined || frames > 0
    holds(isBounded, `keeps ${decoder.pendingLength} bytes of ${filler}, neither a frame nor an error`)
  }
}
