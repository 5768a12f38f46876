// What tests ask of a stream besides its outcome.

import { cut, join } from '../src/chunks.ts'
import { FrameDecoder, type FrameVisitor } from '../src/frame-decoder.ts'
import type { Framing } from '../src/framing.ts'
import { FramingError } from '../src/framing-error.ts'
import { equal, errorOf } from '../src/law-check.ts'
import { outcomeOfPush } from '../src/outcome.ts'

/** What an action throws, which must be a FramingError. */
export function framingErrorOf(action: () => unknown): FramingError {
  const error = errorOf(action)
  if (error instanceof FramingError) return error
  throw new Error(`expected a FramingError, got ${String(error)}`, { cause: error })
}

/** A visitor that keeps frames as text. */
export function keepText(frames: string[]): (bytes: Uint8Array, start: number, end: number) => void {
  const decoder = new TextDecoder()
  return (bytes, start, end) => void frames.push(decoder.decode(bytes.subarray(start, end)))
}

/** Keeps frames as text and pauses behind the named ones. */
export function pausingAt(frames: string[], ...names: string[]): FrameVisitor {
  const keep = keepText(frames)
  return (bytes, start, end) => {
    keep(bytes, start, end)
    return names.includes(frames.at(-1) as string) ? false : undefined
  }
}

/** Keeps frames as text and throws behind the named ones. */
export function throwingAt(frames: string[], ...names: string[]): FrameVisitor {
  const keep = keepText(frames)
  return (bytes, start, end) => {
    keep(bytes, start, end)
    if (names.includes(frames.at(-1) as string)) throw new Error(`visitor failed at ${frames.at(-1)}`)
  }
}

/** The error of a stream and its end, which must be the same whole and byte by byte. */
export function errorOfStream(framing: Framing, ...parts: (string | readonly number[])[]): FramingError {
  const bytes = join(parts.map(bytesOf))
  const [byteByByte, whole] = [cut(bytes, [1]), [bytes]].map((chunks) => JSON.stringify(outcomeOfPush(framing, chunks)))
  equal(byteByByte, whole, 'the outcome byte by byte')
  return framingErrorOf(() => {
    const decoder = new FrameDecoder(framing)
    decoder.push(bytes, () => {})
    decoder.end()
  })
}

function bytesOf(part: string | readonly number[]): Uint8Array {
  return typeof part === 'string' ? new TextEncoder().encode(part) : Uint8Array.from(part)
}
