// Messages to send and the check that they arrived: every byte of a message says which one it is, so a lost, doubled,
// swapped or mixed up message cannot pass.

import { encode, type Framing, lengthField } from '@framewire/codec'

export const KiB = 1024
export const MiB = 1024 * KiB

/** The framing of a connection that was given none. */
export const FRAMING: Framing = lengthField({ maxFrameLength: MiB })

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** A message of that many bytes whose content follows from its number. */
export function message(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  const step = (number % 250) | 1
  for (let index = 0, value = number; index < length; index++, value += step) bytes[index] = value
  return bytes
}

/** Messages of these lengths, numbered in order. */
export function messages(lengths: readonly number[]): Uint8Array[] {
  return lengths.map((length, index) => message(index, length))
}

export function text(message: Uint8Array): string {
  return Buffer.from(message).toString()
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}

/** The texts as they stand on the wire. */
export function frames(...texts: string[]): Uint8Array {
  return Buffer.concat(texts.map((text) => encode(FRAMING, bytesOf(text))))
}

/** Throws an Error that names the first message that is missing, too many or not what was sent. */
export function expectSame(received: readonly Uint8Array[], sent: readonly Uint8Array[]): void {
  for (const [index, message] of sent.entries()) {
    const other = received[index]
    if (other === undefined) throw new Error(`${received.length} of ${sent.length} messages arrived`)
    if (Buffer.compare(message, other) === 0) continue
    throw new Error(`message ${index}: ${describe(other)} arrived, ${describe(message)} was sent`)
  }
  if (received.length > sent.length) throw new Error(`${received.length} messages arrived, ${sent.length} were sent`)
}

function describe(message: Uint8Array): string {
  return `${message.length} bytes ${Buffer.from(message.subarray(0, 16)).toString('hex')}`
}
