import { thrownBy } from '@framewire/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Keeper } from './message.ts'
import { Memory, MessageBuffer } from './message-buffer.ts'

/** As a connection that gives each message a chunk of its own. */
const VIEWS: Keeper = { keep: (bytes, start, end) => bytes.subarray(start, end) }
const KiB = 1024

type Step = { piece: number; isLast: boolean } | 'take' | 'clear'

/** Most are gathered, some are kept as they came. */
const somePiece = fc.oneof({ weight: 4, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.constant(32 * KiB) })

const someSteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ piece: somePiece, isLast: fc.boolean() }) },
    { weight: 3, arbitrary: fc.constant<Step>('take') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('take', 'take', 'take', 'clear') },
  ),
  { maxLength: 200, size: 'max' },
)

test('messages come out as they went in, whatever their pieces, and all memory is given back', () => {
  fc.assert(
    fc.property(someSteps, (steps) => {
      const memory = new Memory(1e9)
      const buffer = new MessageBuffer(memory, 1e8)
      let whole: Buffer[] = []
      let partial: Buffer[] = []
      const kept: [Uint8Array, Buffer][] = []
      let next = 0
      const takeOne = (): void => {
        const expected = whole.shift() as Buffer
        const taken = buffer.take((bytes, start, end) => buffer.keep(bytes, start, end))
        kept.push([taken, expected])
      }
      for (const step of steps) {
        if (step === 'clear') {
          buffer.clear()
          whole = []
          partial = []
        } else if (step === 'take') {
          if (buffer.hasMessage) takeOne()
        } else {
          const piece = Buffer.alloc(step.piece, next++ & 0xff)
          buffer.append(VIEWS, piece, 0, piece.length, step.isLast)
          partial.push(piece)
          if (step.isLast) whole.push(Buffer.concat(partial.splice(0)))
        }
        expect(buffer.hasMessage).toBe(whole.length > 0)
        const waiting = Buffer.concat([...whole, ...partial]).length
        expect(memory.used).toBeGreaterThanOrEqual(waiting)
        expect(memory.used).toBeLessThanOrEqual(3 * waiting + 32 * KiB + 16 * whole.length)
      }
      while (buffer.hasMessage) takeOne()
      buffer.clear()
      expect(memory.used).toBe(0)
      for (const [taken, expected] of kept) expect(Buffer.from(taken).equals(expected)).toBe(true)
    }),
  )
})

test('thousands of small messages cost bytes, not objects, and are taken in order', () => {
  const memory = new Memory(1e9)
  const buffer = new MessageBuffer(memory, 10)
  for (let value = 0; value < 60_000; value++) buffer.append(VIEWS, Uint8Array.of(value, value >> 8), 0, 2, true)
  expect(memory.used).toBeLessThan(60_000 * (2 * 2 + 16) + 1_000)
  for (let value = 0; value < 60_000; value++) {
    const taken = buffer.take((bytes, start) => (bytes[start] as number) + 256 * (bytes[start + 1] as number))
    expect(taken).toBe(value)
  }
  expect(memory.used).toBe(0)
})

test('a message too long, and one too many, are RESOURCE_EXHAUSTED with the numbers, and nothing is kept of it', () => {
  const memory = new Memory(1_000)
  const buffer = new MessageBuffer(memory, 600)
  const piece = new Uint8Array(500)
  buffer.append(VIEWS, piece, 0, 500, false)
  const tooLong = { code: 'RESOURCE_EXHAUSTED', message: 'message of 1000 bytes or more exceeds maxMessage 600' }
  expect(thrownBy(() => buffer.append(VIEWS, piece, 0, 500, true))).toMatchObject(tooLong)
  const other = new MessageBuffer(memory, 600)
  const full = { code: 'RESOURCE_EXHAUSTED', message: 'messages hold 500 bytes, 501 more exceed maxBuffered 1000' }
  expect(thrownBy(() => other.append(VIEWS, new Uint8Array(501), 0, 501, true))).toMatchObject(full)
  expect(memory.used).toBe(500)
  buffer.clear()
  expect(memory.used).toBe(0)
})

describe('large pieces', () => {
  const piece = (value: number, length = 40 * KiB): Uint8Array => new Uint8Array(length).fill(value)
  const takeFrom = (buffer: MessageBuffer): Uint8Array =>
    buffer.take((bytes, start, end) => buffer.keep(bytes, start, end))

  test('stay where they arrived until the message is whole, which has its own length then', () => {
    const memory = new Memory(1e9)
    const buffer = new MessageBuffer(memory, 1e6)
    const kept: number[] = []
    const keeper: Keeper = {
      keep(bytes, start, end) {
        kept.push(end - start)
        return bytes.subarray(start, end)
      },
    }
    for (const value of [1, 2, 3]) {
      buffer.append(keeper, piece(value), 0, 40 * KiB, false)
      expect([memory.used, buffer.isEmpty]).toEqual([value * 40 * KiB, false])
    }
    buffer.append(keeper, piece(4, 7), 0, 7, true)
    expect(kept).toEqual([40 * KiB, 40 * KiB, 40 * KiB])
    const message = takeFrom(buffer)
    expect(message.buffer.byteLength).toBe(120 * KiB + 7)
    expect(Buffer.from(message).equals(Buffer.concat([piece(1), piece(2), piece(3), piece(4, 7)]))).toBe(true)
    expect([memory.used, buffer.isEmpty]).toEqual([0, true])
  })

  test('are joined once a small one follows: no peer makes this side keep many small ones', () => {
    const memory = new Memory(1e9)
    const buffer = new MessageBuffer(memory, 1e6)
    buffer.append(VIEWS, piece(1), 0, 40 * KiB, false)
    const small = piece(2, 1)
    const neverSmall: Keeper = {
      keep() {
        throw new Error('kept')
      },
    }
    for (let count = 0; count < 1000; count++) {
      buffer.append(neverSmall, small, 0, 1, false)
      buffer.append(neverSmall, piece(3, 100), 0, 100, false)
    }
    expect(memory.used).toBeLessThan(2 * (40 * KiB + 101_000))
    buffer.append(neverSmall, piece(4), 0, 40 * KiB, false)
    expect(memory.used).toBeGreaterThan(80 * KiB + 101_000)
  })

  test('wait behind whole messages that nobody has taken', () => {
    const buffer = new MessageBuffer(new Memory(1e9), 1e6)
    buffer.append(VIEWS, piece(1, 10), 0, 10, true)
    buffer.append(VIEWS, piece(2), 0, 40 * KiB, false)
    expect(takeFrom(buffer)).toEqual(piece(1, 10))
    expect(buffer.hasMessage).toBe(false)
    buffer.append(VIEWS, piece(3), 0, 40 * KiB, true)
    expect(Buffer.from(takeFrom(buffer)).equals(Buffer.concat([piece(2), piece(3)]))).toBe(true)
  })

  test('count for maxMessage and for maxBuffered, and are given back when they are dropped', () => {
    const memory = new Memory(100 * KiB)
    const buffer = new MessageBuffer(memory, 90 * KiB)
    const add = (isLast: boolean) => (): void => buffer.append(VIEWS, piece(1), 0, 40 * KiB, isLast)
    add(false)()
    add(false)()
    const tooLong = `message of ${120 * KiB} bytes or more exceeds maxMessage ${90 * KiB}`
    expect(thrownBy(add(false))).toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: tooLong })
    const other = new MessageBuffer(memory, 90 * KiB)
    const full = `messages hold ${80 * KiB} bytes, ${40 * KiB} more exceed maxBuffered ${100 * KiB}`
    const addOther = (): void => other.append(VIEWS, piece(1), 0, 40 * KiB, false)
    expect(thrownBy(addOther)).toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: full })
    buffer.clear()
    expect([memory.used, buffer.isEmpty]).toEqual([0, true])
  })
})
