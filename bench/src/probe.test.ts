import { expect, test } from 'vitest'
import { probeOf } from './probe.ts'

const LARGE = 1024 * 1024 + 7

test.each([32, 300, LARGE])('a payload of %i bytes is its own echo, and no other byte is', (size) => {
  const probe = probeOf('bytes', 3, size)
  probe.prepare(7)
  const value = probe.value as Uint8Array
  expect(probe.isEcho(value.slice(), true)).toBe(true)
  for (const at of [0, 4, size - 1]) {
    const wrong = value.slice()
    wrong[at] = ~(wrong[at] as number)
    expect(probe.isEcho(wrong, true)).toBe(false)
  }
  expect(probe.isEcho(value.subarray(1), true)).toBe(false)
})

test.each([65_536, 131_072, 16_384])('a large payload shows that %i bytes in it came twice', (length) => {
  const probe = probeOf('bytes', 0, LARGE)
  const wrong = (probe.value as Uint8Array).slice()
  wrong.copyWithin(2 * length, length, 2 * length)
  expect(probe.isEcho(wrong, true)).toBe(false)
})
