import { beforeEach, describe, expect, test } from 'vitest'
import { CarryBuffer } from './carry-buffer.ts'

const KIB = 1024

function filled(length: number, value: number): CarryBuffer {
  const carry = new CarryBuffer()
  carry.append(new Uint8Array(length).fill(value), 0, length, 0)
  return carry
}

/** Another test's spare buffer must not serve this one: whoever takes it here keeps it. */
beforeEach(() => {
  for (let length = 16; length <= 256 * KIB; length *= 4) filled(length, 0)
})

describe('append', () => {
  test('joins pieces in order, whatever their place in the source', () => {
    const carry = new CarryBuffer()
    const source = Uint8Array.from({ length: 300 }, (_, index) => index)
    for (let at = 0; at < 300; at += 7) carry.append(source, at, Math.min(300, at + 7), 0)
    expect(carry.length).toBe(300)
    expect(carry.bytes.subarray(0, 300)).toEqual(source)
  })

  test('grows to at most twice the bytes received, and never past the whole frame', () => {
    const carry = new CarryBuffer()
    const source = new Uint8Array(10_000)
    const total = 6_000
    for (let received = 1; received <= total; received++) {
      carry.append(source, 0, 1, total)
      expect(carry.bytes.length).toBeLessThanOrEqual(Math.min(total, Math.max(64, 2 * received)))
    }
    carry.append(source, 0, 1, total)
    expect(carry.length).toBe(total + 1)
  })

  test('costs 64 bytes while a peer that announced 4 MiB is silent', () => {
    const carry = new CarryBuffer()
    carry.append(new Uint8Array(4), 0, 4, 4 * KIB * KIB)
    expect(carry.bytes.length).toBe(64)
  })
})

test('dropFront moves what is left to the front', () => {
  const carry = new CarryBuffer()
  carry.append(Uint8Array.of(1, 2, 3, 4, 5), 0, 5, 0)
  carry.dropFront(2)
  expect(carry.bytes.subarray(0, carry.length)).toEqual(Uint8Array.of(3, 4, 5))
})

describe('release', () => {
  test('leaves an empty buffer and hands the memory to the next that needs about as much', () => {
    const first = filled(100 * KIB, 1)
    const { bytes } = first
    first.release()
    expect([first.length, first.bytes.length]).toEqual([0, 0])
    const next = filled(90 * KIB, 2)
    expect(next.bytes === bytes).toBe(true)
    expect(next.bytes.subarray(0, next.length).every((byte) => byte === 2)).toBe(true)
  })

  test('never gives one buffer to two', () => {
    filled(10 * KIB, 1).release()
    const two = filled(10 * KIB, 2)
    expect(filled(10 * KIB, 3).bytes === two.bytes).toBe(false)
  })

  test('lets a buffer above 256 KiB go', () => {
    const large = filled(129 * KIB, 1)
    const { bytes } = large
    expect(bytes.length).toBeGreaterThan(256 * KIB)
    large.release()
    expect(filled(129 * KIB, 2).bytes === bytes).toBe(false)
  })

  test('keeps a spare buffer from whoever has received less than a quarter of it', () => {
    const large = filled(32 * KIB, 1)
    const { bytes } = large
    large.release()
    expect(filled(4, 2).bytes.length).toBe(64)
    expect(filled(bytes.length / 4 - 1, 2).bytes === bytes).toBe(false)
    expect(filled(bytes.length / 4, 2).bytes === bytes).toBe(true)
  })
})
