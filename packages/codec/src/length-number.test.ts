import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { framingErrorOf } from '../test/stream.ts'
import {
  readUnsigned,
  readUnsigned32,
  readVarint,
  varintLength,
  varintSize,
  writeUnsigned,
  writeUnsigned32,
  writeVarint,
} from './length-number.ts'

const MOST = Number.MAX_SAFE_INTEGER

describe('fixed width', () => {
  test.each([
    [1, false, [0xfe], 0xfe],
    [2, false, [1, 2], 0x0102],
    [2, true, [1, 2], 0x0201],
    [3, false, [0xff, 0, 1], 0xff0001],
    [3, true, [0xff, 0, 1], 0x0100ff],
    [4, false, [0xff, 0xff, 0xff, 0xfe], 0xffff_fffe],
    [4, true, [0xff, 0xff, 0xff, 0xfe], 0xfeff_ffff],
    [8, false, [0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], MOST],
    [8, true, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], MOST],
    [8, false, [0, 0, 0, 1, 0, 0, 0, 2], 0x1_0000_0002],
  ] as const)('%i bytes, little %s: %o is %d both ways', (size, little, wire, value) => {
    const bytes = Uint8Array.of(0xee, ...wire, 0xee)
    expect(readUnsigned(bytes, 1, size, little)).toBe(value)
    const target = new Uint8Array(size + 2).fill(0xee)
    writeUnsigned(target, 1, size, little, value)
    expect(target).toEqual(bytes)
  })

  test('agrees with DataView for every number and byte order', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.boolean(), (value, little) => {
        const bytes = new Uint8Array(8)
        new DataView(bytes.buffer).setBigUint64(0, BigInt(value), little)
        const written = new Uint8Array(8)
        writeUnsigned(written, 0, 8, little, value)
        expect(written).toEqual(bytes)
        expect(readUnsigned(bytes, 0, 8, little)).toBe(value)
      }),
    )
  })

  test.each([0, 1, 0x0102_0304, 0x7fff_ffff, 0x8000_0000, 0xfffe_fdfc, 0xffff_ffff])(
    'the path of its own for 4 bytes, big endian, agrees: %d',
    (value) => {
      const target = new Uint8Array(8).fill(0xee)
      writeUnsigned32(target, 2, value)
      const wanted = new Uint8Array(8).fill(0xee)
      writeUnsigned(wanted, 2, 4, false, value)
      expect(target).toEqual(wanted)
      expect(readUnsigned32(target, 2)).toBe(value)
    },
  )

  test.each([
    ['2^53', 2n ** 53n],
    ['a negative number in two complement', 2n ** 64n - 1n],
    ['2^63', 2n ** 63n],
  ])('refuses 8 bytes that hold %s and names the exact number', (_, value) => {
    for (const little of [false, true]) {
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setBigUint64(0, value, little)
      const error = framingErrorOf(() => readUnsigned(bytes, 0, 8, little))
      expect(error).toMatchObject({ code: 'INVALID_LENGTH', limit: MOST, reason: `length ${value} is above 2^53 - 1` })
    }
  })
})

describe('varint', () => {
  const lengthOf = (bytes: number[], most = 5) => varintLength(Uint8Array.from(bytes), 0, bytes.length, most)

  test.each([
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 1]],
    [300, [0xac, 2]],
    [16_383, [0xff, 0x7f]],
    [16_384, [0x80, 0x80, 1]],
    [0xffff_ffff, [0xff, 0xff, 0xff, 0xff, 0x0f]],
    [MOST, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])('%d is %o both ways', (value, wire) => {
    const target = new Uint8Array(wire.length + 1)
    expect(writeVarint(target, 1, value)).toBe(wire.length + 1)
    expect(Array.from(target.subarray(1))).toEqual(wire)
    expect(varintSize(value)).toBe(wire.length)
    expect(varintLength(target, 1, target.length, 8)).toBe(wire.length)
    expect(readVarint(target, 1, wire.length)).toBe(value)
  })

  test('has no length while its last byte has not arrived, even its first', () => {
    expect(lengthOf([])).toBe(0)
    expect(lengthOf([0x80, 0xff])).toBe(0)
    expect(varintLength(Uint8Array.of(1), 3, 1, 5)).toBe(0)
  })

  test.each([[[0x80, 0]], [[0xff, 0x80, 0]], [[0x80, 0x80, 0x80, 0x80, 0]]])(
    'refuses %o, which a shorter one says too',
    (wire) => {
      expect(framingErrorOf(() => lengthOf(wire))).toMatchObject({
        code: 'INVALID_LENGTH',
        reason: 'non-minimal varint length',
      })
    },
  )

  test('refuses more bytes than allowed at the last byte that might have been the end', () => {
    expect(lengthOf([0xff, 0xff], 3)).toBe(0)
    expect(framingErrorOf(() => lengthOf([0xff, 0xff, 0xff], 3))).toMatchObject({
      code: 'INVALID_LENGTH',
      reason: 'varint length longer than 3 bytes',
      limit: 3,
    })
    expect(framingErrorOf(() => lengthOf([0xff, 0xff, 0xff, 1], 3)).limit).toBe(3)
  })

  test('refuses 2^53 and what rounds to it', () => {
    for (const last of [0x10, 0x7f]) {
      const wire = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, last)
      expect(framingErrorOf(() => readVarint(wire, 0, 8)).code).toBe('INVALID_LENGTH')
    }
    const justAbove = Uint8Array.of(0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)
    expect(framingErrorOf(() => readVarint(justAbove, 0, 8))).toMatchObject({
      code: 'INVALID_LENGTH',
      reason: 'length 9007199254740993 is above 2^53 - 1',
      limit: MOST,
    })
  })
})
