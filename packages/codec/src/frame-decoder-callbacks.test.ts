import { describe, expect, test } from 'vitest'
import { keepText } from '../test/stream.ts'
import { defineFraming } from './define-framing.ts'
import { lines } from './delimiter.ts'
import { encode } from './encode.ts'
import { FrameDecoder, type FrameVisitor } from './frame-decoder.ts'
import type { Framing } from './framing.ts'
import { FramingError } from './framing-error.ts'
import { errorOf } from './law-check.ts'
import { lengthField } from './length-field.ts'
import { text } from './message-codec.ts'

const framing = lengthField()
/** The rest of a framing of which only some is asked. */
const unread = {
  headerLength: () => 0,
  trailerLength: () => 0,
  maxFrameLength: 100,
  encodedLength: Number,
  encodeInto: Number,
}

test('keep outside a visitor is a copy, and takes nothing from the frame that has begun since', () => {
  const decoder = new FrameDecoder(framing)
  const frames: string[] = []
  const wire = encode(framing, text.encode('x'.repeat(90)))
  const places: [Uint8Array, number, number][] = []
  decoder.push(wire.subarray(0, 60), () => {})
  decoder.push(wire.subarray(60), (...place) => void places.push(place))
  decoder.push(wire.subarray(0, 60), keepText(frames))
  for (const place of places) decoder.keep(...place)
  decoder.push(wire.subarray(60), keepText(frames))
  decoder.end()
  expect(frames).toEqual(['x'.repeat(90)])
})

describe('allocate', () => {
  const KIB = 1024 // more than any buffer that is kept for reuse holds
  const chunk = (kib: number): Uint8Array => new Uint8Array(kib * KIB).fill(0x61)

  test('that throws in the middle of a frame ends the stream: no byte is kept twice', () => {
    const failure = new Error('out of memory')
    let made = 0
    const allocate = (length: number): Uint8Array => {
      if (++made === 2) throw failure
      return new Uint8Array(length)
    }
    const decoder = new FrameDecoder(lines(), { allocate })
    const visit = (): void => expect.unreachable('a frame of which a part is missing or doubled')
    decoder.push(chunk(300), visit)
    expect(errorOf(() => decoder.push(chunk(400), visit))).toBe(failure)
    expect(errorOf(() => decoder.push(Uint8Array.of(10), visit))).toBe(failure)
    expect(decoder.pendingLength).toBe(0)
  })

  test.each([
    [() => new Uint8Array(7), RangeError, 'allocate returned 7 bytes where 614400 were asked for'],
    [() => 'text' as unknown as Uint8Array, TypeError, 'what allocate returns must be a Uint8Array, got string'],
  ])('that returns no such buffer ends the stream with an error that says so: %o', (allocate, kind, message) => {
    const decoder = new FrameDecoder(lines(), { allocate })
    const error = errorOf(() => decoder.decode(chunk(300)))
    expect(error).toEqual(new kind(message))
    expect(errorOf(() => decoder.end())).toBe(error)
  })
})

test('what is no visitor is refused at the call: no frame is lost with it', () => {
  const decoder = new FrameDecoder(framing)
  const frames: string[] = []
  for (const wrong of [undefined, null, {}] as unknown as FrameVisitor[]) {
    expect(() => decoder.push(encode(framing, text.encode('a')), wrong)).toThrow(/^visit must be a function, got /)
    expect(() => decoder.resume(wrong)).toThrow(/^visit must be a function, got /)
    if (wrong !== undefined) expect(() => decoder.end(wrong)).toThrow(/^visit must be a function, got /)
  }
  decoder.push(encode(framing, text.encode('b')), keepText(frames))
  expect(frames).toEqual(['b'])
})

test.each([4.5, Number.POSITIVE_INFINITY, Number.NaN, -4])(
  "a frame of %d bytes is not skipped: it is the stream's error",
  (frameLength) => {
    const wrong = defineFraming({
      measure() {
        throw new FramingError('FRAME_TOO_LONG', 'too long', { frameLength })
      },
    })
    const decoder = new FrameDecoder(wrong, { oversize: 'skip' })
    expect(errorOf(() => decoder.decode(new Uint8Array(20)))).toMatchObject({ code: 'FRAME_TOO_LONG' })
  },
)

test.each(['headerLength', 'trailerLength'] as const)(
  'what %s of a framing throws is final, as what measure throws',
  (member) => {
    const failure = new Error('neither now nor later')
    const measured = lines()
    const own: Framing = {
      ...unread,
      measure: (...place) => measured.measure(...place),
      [member]() {
        throw failure
      },
    }
    for (const chunks of [['ab\ncd\n'], ['a', 'b\ncd\n']]) {
      const decoder = new FrameDecoder(own)
      const error = errorOf(() => chunks.map((chunk) => decoder.decode(text.encode(chunk))))
      expect(error).toBe(failure)
      expect(errorOf(() => decoder.decode(text.encode('ef\n')))).toBe(failure)
      expect(decoder.pendingLength).toBe(0)
    }
  },
)
