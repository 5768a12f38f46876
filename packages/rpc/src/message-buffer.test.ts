import fc from 'fast-check'
import { expect, test } from 'vitest'
import { thrownBy } from '../test/waiting.ts'
import { Memory, MessageBuffer } from './message-buffer.ts'

type Step = { piece: number; isLast: boolean } | 'take' | 'clear'

const someSteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ piece: fc.nat(300), isLast: fc.boolean() }) },
    { weight: 3, arbitrary: fc.constant<Step>('take') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('take', 'take', 'take', 'clear') },
  ),
  { maxLength: 200, size: 'max' },
)

test('messages come out as they went in, whatever their pieces, and all memory is given back', () => {
  fc.assert(
    fc.property(someSteps, (steps) => {
      const memory = new Memory(1e9)
      const buffer = new MessageBuffer(memory, 1e6)
      let whole: Buffer[] = []
      let partial: Buffer[] = []
      const kept: [Uint8Array, Buffer][] = []
      let next = 0
      const takeOne = (): void => {
        const expected = whole.shift() as Buffer
        const taken = buffer.take((start, end) => buffer.keep(buffer.bytes, start, end))
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
          const piece = Buffer.from(Array.from({ length: step.piece }, () => next++ & 0xff))
          buffer.append(piece, 0, piece.length, step.isLast)
          partial.push(piece)
          if (step.isLast) whole.push(Buffer.concat(partial.splice(0)))
        }
        expect(buffer.hasMessage).toBe(whole.length > 0)
        const waiting = Buffer.concat([...whole, ...partial]).length
        expect(memory.used).toBeGreaterThanOrEqual(waiting)
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
  for (let value = 0; value < 60_000; value++) buffer.append(Uint8Array.of(value, value >> 8), 0, 2, true)
  expect(memory.used).toBeLessThan(60_000 * (2 * 2 + 16) + 1_000)
  for (let value = 0; value < 60_000; value++) {
    const taken = buffer.take((start) => (buffer.bytes[start] as number) + 256 * (buffer.bytes[start + 1] as number))
    expect(taken).toBe(value)
  }
  expect(memory.used).toBe(0)
})

test('a message too long, and one too many, are RESOURCE_EXHAUSTED with the numbers, and nothing is kept of it', () => {
  const memory = new Memory(1_000)
  const buffer = new MessageBuffer(memory, 600)
  const piece = new Uint8Array(500)
  buffer.append(piece, 0, 500, false)
  const tooLong = { code: 'RESOURCE_EXHAUSTED', message: 'message of 1000 bytes or more exceeds maxMessage 600' }
  expect(thrownBy(() => buffer.append(piece, 0, 500, true))).toMatchObject(tooLong)
  const other = new MessageBuffer(memory, 600)
  const full = { code: 'RESOURCE_EXHAUSTED', message: 'messages hold 500 bytes, 501 more exceed maxBuffered 1000' }
  expect(thrownBy(() => other.append(new Uint8Array(501), 0, 501, true))).toMatchObject(full)
  expect(memory.used).toBe(500)
  buffer.clear()
  expect(memory.used).toBe(0)
})
