import { describe, expect, test } from 'vitest'
import { framingErrorOf } from '../test/stream.ts'
import { bytes, json, text } from './message-codec.ts'

test('bytes hands on the same array in both directions', () => {
  const payload = Uint8Array.of(1, 2)
  expect(bytes.encode(payload)).toBe(payload)
  expect(bytes.decode(payload)).toBe(payload)
})

describe('text', () => {
  test.each(['', 'plain', 'äöü €', '👩‍👩‍👧', '\0', '\uFEFFwith a byte order mark'])('%j survives', (message) => {
    expect(text.encode(message)).toEqual(new Uint8Array(Buffer.from(message, 'utf8')))
    expect(text.decode(text.encode(message))).toBe(message)
  })

  test.each(['\uD800', 'a\uDC00b', '\uDC00\uD800', 'ok 😀 \uD83D'])(
    'a lone surrogate is UNENCODABLE: %j',
    (message) => {
      expect(framingErrorOf(() => text.encode(message))).toMatchObject({
        code: 'UNENCODABLE',
        reason: 'text has a lone surrogate, which UTF-8 cannot say',
      })
    },
  )

  test.each([undefined, null, 5, {}, ['a']])('what is no text is a TypeError, not some text: %o', (message) => {
    expect(() => text.encode(message as unknown as string)).toThrow(
      new TypeError(`message must be text, got ${message}`),
    )
  })

  test.each([
    ['a stray continuation byte', [0x80]],
    ['an overlong form', [0xc0, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a character cut in two', [0xe2, 0x82]],
    ['no UTF-8 at all', [0xff]],
  ])('%s is a TypeError, and the next payload is read as if it had not been', (_, wire) => {
    expect(() => text.decode(Uint8Array.from(wire))).toThrow(TypeError)
    expect(text.decode(Uint8Array.of(0xc3, 0xa4))).toBe('ä')
  })

  test('a payload is decoded from its own bytes only, a Buffer and a view too', () => {
    expect(text.decode(Buffer.from('xhix').subarray(1, 3))).toBe('hi')
  })
})

describe('json', () => {
  const anything = json<unknown>()

  test.each([[null], [0], [''], [false], [[]], [{}], [{ a: [1, 'ä', null], b: { c: true } }]])(
    '%j survives',
    (message) => {
      expect(anything.decode(anything.encode(message))).toEqual(message)
    },
  )

  test.each([[undefined], [() => 1], [Symbol('s')]])('a value without JSON text is UNENCODABLE: %o', (message) => {
    expect(framingErrorOf(() => anything.encode(message))).toMatchObject({
      code: 'UNENCODABLE',
      reason: `JSON has no text for ${typeof message}`,
    })
  })

  test('a value that JSON refuses is the TypeError of JSON', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(() => anything.encode(circle)).toThrow(TypeError)
    expect(() => anything.encode(1n)).toThrow(TypeError)
  })

  test('a lone surrogate inside a string survives, as an escape', () => {
    expect(anything.decode(anything.encode('\uD800'))).toBe('\uD800')
  })

  test.each([
    ['nothing', '', SyntaxError],
    ['half a value', '{"a":', SyntaxError],
    ['two values', '1 2', SyntaxError],
    ['a byte order mark', '\uFEFF1', SyntaxError],
  ])('%s is a SyntaxError', (_, source, kind) => {
    expect(() => anything.decode(text.encode(source))).toThrow(kind)
  })

  test('malformed UTF-8 is a TypeError, not a replaced character', () => {
    expect(() => anything.decode(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(TypeError)
  })
})
