import { describe, expect, test } from 'vitest'
import { borrowSlab, returnSlab } from './slab.ts'

const KiB = 1024

test('lends short slabs to who gathers little, long ones to others, and longer ones where more is needed', () => {
  const slabs = [
    borrowSlab(1, 1),
    borrowSlab(2 * KiB, 0),
    borrowSlab(2 * KiB + 1, 0),
    borrowSlab(1, 2 * KiB + 1),
    borrowSlab(72 * KiB, 0),
    borrowSlab(72 * KiB + 1, 0),
  ]
  expect(slabs.map(({ length }) => length / KiB)).toEqual([2, 2, 72, 72, 72, 72 + 1 / KiB])
  expect(new Set(slabs.map(({ buffer }) => buffer)).size).toBe(6)
})

test('has room for a message of 64 KiB and 8 KiB of headers, the longest metadata of a call', () => {
  const slab = borrowSlab(64 * KiB + 8 * KiB, 0)
  returnSlab(slab)
  expect(borrowSlab(3 * KiB, 0)).toBe(slab)
})

describe.each([
  ['short', 1, 2_048],
  ['long', 72 * KiB, 16],
])('%s slabs', (_, length, most) => {
  test(`are lent again when they come back, at most ${most} of them and none of another length`, () => {
    const slabs = Array.from({ length: most + 4 }, () => borrowSlab(length, 0))
    const longer = borrowSlab(72 * KiB + 1, 0)
    for (const slab of [longer, ...slabs]) returnSlab(slab)
    const again = Array.from({ length: most + 4 }, () => borrowSlab(length, 0))
    expect(again.filter((slab) => slabs.includes(slab))).toHaveLength(most)
    expect(again).not.toContain(longer)
    expect(new Set(again).size).toBe(most + 4)
  })
})
