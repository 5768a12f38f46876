// A second, slow implementation of length-field frames, written from the documentation of the options alone. Tests compare
// the fast one with it, so that an error made the same way in encoding and decoding does not go unseen.

import { join } from '../src/chunks.ts'
import type { LengthFieldOptions } from '../src/length-field.ts'

/** The frame on the wire, or undefined where the length field would have to hold a negative number. */
export function referenceFrame(options: LengthFieldOptions, payload: Uint8Array): Uint8Array | undefined {
  const { lengthFieldLength = 4, lengthFieldOffset: offset = 0 } = options
  const { trailer = new Uint8Array(options.trailerLength ?? 0) } = options
  if (lengthFieldLength !== 'varint') {
    const header = options.headerLength ?? offset + lengthFieldLength
    const value = numberOnTheWire(options, { header, size: lengthFieldLength, payload: payload.length })
    if (value < 0) return undefined
    const field = fixedWidth(value, lengthFieldLength, options.byteOrder ?? 'big')
    const behindField = new Uint8Array(header - offset - lengthFieldLength)
    return join([new Uint8Array(offset), field, behindField, payload, trailer])
  }
  for (let size = 1; ; size++) {
    const value = numberOnTheWire(options, { header: offset + size, size, payload: payload.length })
    if (value < 0) return undefined
    const field = varint(value)
    if (field.length === size) return join([new Uint8Array(offset), field, payload, trailer])
  }
}

function numberOnTheWire(
  {
    lengthCounts = 'payload',
    lengthFieldOffset = 0,
    trailer,
    trailerLength = trailer?.length ?? 0,
  }: LengthFieldOptions,
  { header, size, payload }: { header: number; size: number; payload: number },
): number {
  const endOfPayload = header + payload // trailer not counted
  if (lengthCounts === 'payload') return endOfPayload - header
  if (lengthCounts === 'afterLengthField') return endOfPayload - (lengthFieldOffset + size)
  if (lengthCounts === 'fromLengthField') return endOfPayload - lengthFieldOffset
  if (lengthCounts === 'frame') return endOfPayload
  const frame = endOfPayload + trailerLength
  return frame - lengthFieldOffset - size - lengthCounts
}

function fixedWidth(value: number, size: number, byteOrder: 'big' | 'little'): Uint8Array {
  const digits = BigInt(value)
    .toString(16)
    .padStart(2 * size, '0')
  const bytes = Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  return byteOrder === 'big' ? bytes : bytes.reverse()
}

function varint(value: number): Uint8Array {
  const groups = BigInt(value).toString(2)
  const padded = groups.padStart(Math.ceil(groups.length / 7) * 7, '0')
  const sevens = (padded.match(/.{7}/g) ?? []).reverse()
  return Uint8Array.from(sevens, (seven, index) => Number.parseInt(seven, 2) + (index < sevens.length - 1 ? 128 : 0))
}
