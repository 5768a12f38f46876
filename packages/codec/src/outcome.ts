// All that a stream comes to: its frames and its error. Two ways to cut the same bytes must come to the same.

import { FrameDecoder, type FrameDecoderOptions, type FrameVisitor } from './frame-decoder.ts'
import type { Framing } from './framing.ts'
import { FramingError } from './framing-error.ts'
import { errorOf, hex, sameList } from './law-check.ts'

export interface Outcome {
  /** Frames as hex. */
  frames: string[]
  /** What `onSkip` was told. */
  skipped: ErrorFacts[]
  error: ErrorFacts | undefined
}

/** All of an error that may not depend on the chunks; `head` may, because it holds what had arrived. */
export type ErrorFacts = Pick<FramingError, 'code' | 'reason' | 'length' | 'limit' | 'frameLength' | 'offset'>

/** Gives all chunks to `push`, then ends. After an error every further call must throw the same one. */
export function outcomeOfPush(framing: Framing, chunks: Iterable<Uint8Array>, options?: FrameDecoderOptions): Outcome {
  return outcomeOf(framing, chunks, options, (decoder, chunk, visit) => void decoder.push(chunk, visit))
}

/** The same through `decode`. */
export function outcomeOfDecode(
  framing: Framing,
  chunks: Iterable<Uint8Array>,
  options?: FrameDecoderOptions,
): Outcome {
  return outcomeOf(framing, chunks, options, (decoder, chunk, visit) => {
    for (const frame of decoder.decode(chunk)) visit(frame, 0, frame.length)
  })
}

function outcomeOf(
  framing: Framing,
  chunks: Iterable<Uint8Array>,
  options: FrameDecoderOptions = {},
  give: (decoder: FrameDecoder, chunk: Uint8Array, visit: FrameVisitor) => void,
): Outcome {
  const outcome: Outcome = { frames: [], skipped: [], error: undefined }
  const decoder = new FrameDecoder(framing, { ...options, onSkip: (error) => outcome.skipped.push(factsOf(error)) })
  const visit: FrameVisitor = (bytes, start, end) => {
    outcome.frames.push(hex(bytes.subarray(start, end)))
  }
  let failure: unknown
  const step = (action: () => void): void => {
    const error = errorOf(action)
    if (failure !== undefined && error !== failure) throw new Error('the first error was not thrown again')
    failure = error
  }
  for (const chunk of chunks) step(() => give(decoder, chunk, visit))
  step(() => decoder.end(visit))
  if (failure !== undefined) outcome.error = factsOf(failure)
  return outcome
}

function factsOf(error: unknown): ErrorFacts {
  if (!(error instanceof FramingError)) throw error
  const { code, reason, length, limit, frameLength, offset } = error
  return { code, reason, length, limit, frameLength, offset }
}

/** Throws at the first difference; `where` = how the bytes were cut. The words of an error may differ, its facts may not. */
export function sameOutcome(actual: Outcome, expected: Outcome, where: string): void {
  const lists = (outcome: Outcome): Record<string, readonly string[]> => ({
    frame: outcome.frames,
    'skipped frame': outcome.skipped.map(inOneLine),
    error: outcome.error === undefined ? [] : [inOneLine(outcome.error)],
  })
  const wanted = lists(expected)
  for (const [name, got] of Object.entries(lists(actual))) sameList(got, wanted[name] ?? [], `${name}, ${where}`)
}

function inOneLine({ code, length, limit, frameLength, offset }: ErrorFacts): string {
  return `${code} at ${offset}, length ${length}, limit ${limit}, frameLength ${frameLength}`
}
