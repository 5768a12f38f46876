// The number inside a length field: fixed-width integers in both byte orders, and the base-128 varint of protobuf.
// Reads only what the caller says is there; never returns a number that is not a safe integer.

import { FramingError } from './framing-error.ts'

const TWO_32 = 0x1_0000_0000

/** The unsigned integer of 1, 2, 3, 4 or 8 bytes at `at`. Above 2^53 - 1 it throws INVALID_LENGTH. */
export function readUnsigned(bytes: Uint8Array, at: number, size: number, little: boolean): number {
  if (size === 8) return readUnsigned64(bytes, at, little)
  let value = 0
  if (little) for (let index = at + size - 1; index >= at; index--) value = value * 256 + (bytes[index] as number)
  else for (let index = at; index < at + size; index++) value = value * 256 + (bytes[index] as number)
  return value
}

function readUnsigned64(bytes: Uint8Array, at: number, little: boolean): number {
  const high = readUnsigned(bytes, little ? at + 4 : at, 4, little)
  const low = readUnsigned(bytes, little ? at : at + 4, 4, little)
  if (high <= 0x1f_ffff) return high * TWO_32 + low
  throw aboveSafe(BigInt(high) * BigInt(TWO_32) + BigInt(low))
}

function aboveSafe(length: bigint): FramingError {
  return new FramingError('INVALID_LENGTH', `length ${length} is above 2^53 - 1`, { limit: Number.MAX_SAFE_INTEGER })
}

/** The commonest of them: 4 bytes, big endian. */
export function readUnsigned32(bytes: Uint8Array, at: number): number {
  const low = ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
  return (bytes[at] as number) * 0x100_0000 + low
}

/** Writes what `readUnsigned32` reads. */
export function writeUnsigned32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}

/** Writes what `readUnsigned` reads. The value must fit. */
export function writeUnsigned(target: Uint8Array, at: number, size: number, little: boolean, value: number): void {
  let rest = value
  for (let index = 0; index < size; index++) {
    target[little ? at + index : at + size - 1 - index] = rest % 256
    rest = Math.floor(rest / 256)
  }
}

/** How many bytes the varint at `at` has, or 0 while its last byte has not arrived. Strict: see `readVarint`. */
export function varintLength(bytes: Uint8Array, at: number, end: number, maxLength: number): number {
  const stop = Math.min(end, at + maxLength)
  for (let index = at; index < stop; index++) {
    const byte = bytes[index] as number
    if (byte >= 0x80) continue
    // A peer that pads its lengths can hide two readings of one stream from two receivers.
    if (byte === 0 && index > at) throw new FramingError('INVALID_LENGTH', 'non-minimal varint length')
    return index - at + 1
  }
  if (end - at < maxLength) return 0
  throw new FramingError('INVALID_LENGTH', `varint length longer than ${maxLength} bytes`, { limit: maxLength })
}

/** The value of a whole varint of `size` bytes, least significant group first. Above 2^53 - 1: INVALID_LENGTH. */
export function readVarint(bytes: Uint8Array, at: number, size: number): number {
  let value = 0
  for (let index = size - 1; index >= 0; index--) value = value * 128 + ((bytes[at + index] as number) & 0x7f)
  if (value <= Number.MAX_SAFE_INTEGER) return value
  let seen = 0n
  for (let index = size - 1; index >= 0; index--) seen = seen * 128n + BigInt((bytes[at + index] as number) & 0x7f)
  throw aboveSafe(seen)
}

/** Bytes a minimal varint of this value takes. */
export function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes a minimal varint and returns its end. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let index = at
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) target[index++] = (rest % 128) | 0x80
  target[index++] = rest
  return index
}
