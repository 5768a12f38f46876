import { beforeEach, describe, expect, test } from 'vitest'
import { CarryBuffer } from './carry-buffer.ts'

const KIB = 1024

function filled(length: number, value: number): CarryBuffer {
  const carry = new CarryBuffer()
  carry.append(new Uint8Array(length).fill(value), 0, length, 0)
  return carry
}

/** Another test's spare buffers must not serve this one: whoever takes them here keeps them. */
beforeEach(() => {
  for (let length = 16; length <= 128 * KIB; length *= 2) filled(length, 0)
})

describe('append', () => {
  test('joins pieces in order, whatever their place in the source', () => {
    const carry = new CarryBuffer()
    const source = Uint8Array.from({ length: 300 }, (_, index) => index)
    for (let at = 0; at < 300; at += 7) carry.append(source, at, Math.min(300, at + 7), 0)
    expect(carry.length).toBe(300)
    expect(carry.bytes.subarray(0, 300)).toEqual(source)
  })

  test('grows to at most twice the bytes received, and never past the whole frame, with nothing to reuse', () => {
    const carry = new CarryBuffer()
    const source = new Uint8Array(10_000)
    const total = 6_000
    for (let received = 1; received <= total; received++) {
      carry.append(source, 0, 1, total)
      expect(carry.bytes.length).toBeLessThanOrEqual(Math.max(64, Math.min(total, 2 * received)))
    }
    carry.append(source, 0, 1, total)
    expect(carry.length).toBe(total + 1)
  })

  test('fills its buffer to the last byte before it takes another', () => {
    const carry = filled(10, 1)
    const { bytes } = carry
    carry.append(new Uint8Array(bytes.length - 10), 0, bytes.length - 10, 0)
    expect(carry.bytes === bytes).toBe(true)
    carry.append(new Uint8Array(1), 0, 1, 0)
    expect(carry.bytes === bytes).toBe(false)
  })

  test('costs 64 bytes while a peer that announced 4 MiB is silent', () => {
    const carry = new CarryBuffer()
    carry.append(new Uint8Array(4), 0, 4, 4 * KIB * KIB)
    expect(carry.bytes.length).toBe(64)
  })
})

test('asks for each new buffer once, by its length, and grows to no more of it than it needs', () => {
  const asked: number[] = []
  const carry = new CarryBuffer((length) => {
    asked.push(length)
    return new Uint8Array(length).fill(9)
  })
  for (const length of [10, 20, 30, 40]) carry.append(new Uint8Array(length).fill(length), 0, length, 100)
  expect(asked).toEqual([64, 100])
  expect(carry.bytes.subarray(9, 11)).toEqual(Uint8Array.of(10, 20))
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

  test('hands none to a frame that is shorter than it', () => {
    filled(33 * KIB, 1).release() // 66 KiB
    const next = new CarryBuffer()
    next.append(new Uint8Array(40 * KIB), 0, 40 * KIB, 65 * KIB)
    expect(next.bytes.length).toBe(65 * KIB)
  })

  test('hands no buffer to others that was left to who keeps it', () => {
    const kept = filled(10 * KIB, 1)
    const { bytes } = kept
    kept.leave()
    kept.release()
    expect([kept.length, kept.bytes.length]).toEqual([0, 0])
    expect(filled(10 * KIB, 2).bytes === bytes).toBe(false)
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
    expect(filled(bytes.length / 4, 2).bytes === bytes).toBe(false)
    expect(filled(bytes.length / 2, 2).bytes === bytes).toBe(true)
  })

  test('hands it to nobody who has received more than it holds', () => {
    filled(33 * KIB, 1).release() // 66 KiB
    const next = new CarryBuffer()
    next.append(new Uint8Array(100 * KIB), 0, 100 * KIB, 100 * KIB)
    expect([next.length, next.bytes.length]).toEqual([100 * KIB, 100 * KIB])
  })

  test('steady traffic of small and large frames allocates nothing', () => {
    const split = (lengths: number[]): Uint8Array[] => {
      return lengths.map((length) => {
        const carry = new CarryBuffer()
        for (let at = 0; at < length; at += 1000) carry.append(new Uint8Array(1000), 0, Math.min(1000, length - at), 0)
        const { bytes } = carry
        carry.release()
        return bytes
      })
    }
    const lengths = [20, 100 * KIB, 40, 3000, 100]
    const known = new Set([...split(lengths), ...split(lengths)])
    for (const bytes of split(lengths)) expect(known.has(bytes)).toBe(true)
  })

  test('a small frame behind a large one reuses what the small one before it left', () => {
    filled(100 * KIB, 1).release()
    const small = filled(20, 1)
    const { bytes } = small
    small.release()
    expect(filled(20, 2).bytes === bytes).toBe(true)
  })
})
