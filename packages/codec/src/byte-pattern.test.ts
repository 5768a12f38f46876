import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BytePattern } from './byte-pattern.ts'
import { ByteCounter } from './counted-bytes.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const pattern = (text: string) => new BytePattern(bytes(text))

/** The same by looking everywhere. */
function slowFindEnd(wanted: Uint8Array, source: Uint8Array, from: number, end: number): number {
  for (let at = from; at + wanted.length <= end; at++) {
    if (wanted.every((byte, index) => source[at + index] === byte)) return at + wanted.length
  }
  return -1
}

describe('findEnd', () => {
  test.each([
    ['\n', 'a\nb\n', 2],
    ['aab', 'aaab', 4],
    ['abcabd', 'abcabcabd', 9],
    ['aabaaa', 'aabaabaaa', 9],
    ['abab', 'abacabab', 8],
    ['abc', 'ababab', -1],
    ['abc', '', -1],
  ])('finds the end of %j in %j', (wanted, source, end) => {
    expect(pattern(wanted).findEnd(bytes(source), 0, bytes(source).length)).toBe(end)
  })

  test('looks for any pattern in any bytes as a plain search does', () => {
    const few = fc.uint8Array({ min: 97, max: 98, minLength: 1, maxLength: 7 })
    const source = fc.uint8Array({ min: 97, max: 98, maxLength: 120 })
    fc.assert(
      fc.property(few, source, fc.nat(40), fc.nat(20), (wanted, text, front, back) => {
        const from = Math.min(front, text.length)
        const end = Math.max(from, text.length - back)
        expect(new BytePattern(wanted).findEnd(text, from, end)).toBe(slowFindEnd(wanted, text, from, end))
      }),
      { numRuns: 2000 },
    )
  })

  test.each([8, 32, 33, 100])('finds nothing that ends behind %i bytes', (length) => {
    const source = new Uint8Array(200)
    source.set(bytes('ab'), length - 1)
    source[150] = 97
    expect(pattern('ab').findEnd(source, 0, length)).toBe(-1)
    expect(pattern('ab').findEnd(source, 0, length + 1)).toBe(length + 1)
    expect(pattern('a').findEnd(source, 0, length - 1)).toBe(-1)
  })

  test.each([0, 10, 32, 33, 500])('looks at no byte behind the end, %i bytes from the start', (length) => {
    const counter = new ByteCounter()
    expect(pattern('\n').findEnd(counter.over(new Uint8Array(5000)), 0, length)).toBe(-1)
    expect(counter.looks).toBe(length)
  })

  test('goes through its worst case with two looks at a byte', () => {
    const counter = new ByteCounter()
    const worst = pattern(`${'a'.repeat(50)}b`)
    expect(worst.findEnd(counter.over(new Uint8Array(20_000).fill(97)), 0, 20_000)).toBe(-1)
    expect(counter.looks).toBeLessThanOrEqual(2 * 20_000)
  })
})

test('endsAt tells whether the pattern stands in front of a place, and not in front of the start', () => {
  const source = bytes('xabcab')
  expect(pattern('ab').endsAt(source, 0, 3)).toBe(true)
  expect(pattern('ab').endsAt(source, 1, 3)).toBe(true)
  expect(pattern('ab').endsAt(source, 2, 3)).toBe(false)
  expect(pattern('ab').endsAt(source, 0, 4)).toBe(false)
  expect(pattern('bb').endsAt(source, 0, 3)).toBe(false)
  expect(pattern('ab').endsAt(source, 0, 1)).toBe(false)
})

test('keeps its bytes when the array it was made of changes', () => {
  const source = bytes('ab')
  const kept = new BytePattern(source)
  source.fill(0)
  expect(kept.findEnd(bytes('xab'), 0, 3)).toBe(3)
})
