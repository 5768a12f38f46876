import { expect, test } from 'vitest'
import { borrowSlab, returnSlab } from './slab.ts'

const SLAB_LENGTH = 72 * 1024

test('lends slabs of one length, or longer where more is needed, never the same to two', () => {
  const slabs = [borrowSlab(1), borrowSlab(SLAB_LENGTH), borrowSlab(SLAB_LENGTH + 1)]
  expect(slabs.map(({ length }) => length)).toEqual([SLAB_LENGTH, SLAB_LENGTH, SLAB_LENGTH + 1])
  expect(new Set(slabs.map(({ buffer }) => buffer)).size).toBe(3)
})

test('has room for a message of 64 KiB and 8 KiB of headers, the longest metadata of a call', () => {
  const slab = borrowSlab(64 * 1024 + 8 * 1024)
  returnSlab(slab)
  expect(borrowSlab(1)).toBe(slab)
})

test('lends again what came back, at most 16 slabs and nothing of another length', () => {
  const slabs = Array.from({ length: 20 }, () => borrowSlab(1))
  const long = borrowSlab(SLAB_LENGTH + 1)
  for (const slab of [long, ...slabs]) returnSlab(slab)
  const again = Array.from({ length: 20 }, () => borrowSlab(1))
  expect(again.filter((slab) => slabs.includes(slab))).toHaveLength(16)
  expect(again).not.toContain(long)
  expect(new Set(again).size).toBe(20)
})
