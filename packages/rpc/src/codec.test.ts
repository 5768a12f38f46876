import { describe, expect, test } from 'vitest'
import { json, parse, raw, stringify, textOf } from './codec.ts'

describe('JSON', () => {
  test.each([null, true, 0, -0.5, '', 'a\u20ac\ud83d\ude00\ufffd', [], {}, [1, [2, { three: [null] }]], { id: 42 }])(
    'comes back as it was: %j',
    (value) => expect(json.decode(json.encode(value))).toEqual(value),
  )

  test.each([
    '',
    ' ',
    '{',
    '{"a":1,}',
    "{'a':1}",
    'undefined',
    'NaN',
    '01',
    '[1]x',
    '\u0000',
    '"\n"',
    '{"a":1}{"b":2}',
  ])('malformed is INVALID_ARGUMENT: %j', (text) => {
    const error = expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^malformed JSON/),
    })
    expect(() => parse(text)).toThrow(error)
  })

  test.each<[string, unknown]>([
    ['a function', () => {}],
    ['a symbol', Symbol('s')],
  ])('has no text for %s, and says so', (_, value) => {
    const error = { code: 'INVALID_ARGUMENT', message: `JSON has no text for ${typeof value}` }
    expect(() => stringify(value)).toThrow(expect.objectContaining(error))
  })

  test('cannot encode a cycle, a bigint or what its own toJSON refuses; the cause is kept', () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    const mistake = new Error('not me')
    const refusing = {
      toJSON() {
        throw mistake
      },
    }
    for (const value of [cycle, 1n, [refusing]]) {
      expect(() => stringify(value)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    }
    expect(() => stringify(refusing)).toThrow(expect.objectContaining({ cause: mistake }))
  })

  test('nested deeper than the stack is refused, not fatal', () => {
    const deep = `${'['.repeat(200_000)}"__proto__"${']'.repeat(200_000)}`
    expect(() => parse(deep)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

describe('a __proto__ key', () => {
  const refused = expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    message: 'JSON with a __proto__ key is refused',
  })

  test.each([
    '{"__proto__":{"isAdmin":true}}',
    '{"a":[{"b":{"__proto__":null}}]}',
    '{"__proto__":1,"a":2}',
    '[{},{"__proto__":[]}]',
  ])('is refused: %s', (text) => expect(() => parse(text)).toThrow(refused))

  test('is refused with any of its characters escaped, in either case', () => {
    const key = '__proto__'
    for (let at = 0; at < key.length; at++) {
      const digits = key.charCodeAt(at).toString(16).padStart(4, '0')
      for (const letter of [`\\u${digits}`, `\\u${digits.toUpperCase()}`]) {
        const text = `{"${key.slice(0, at)}${letter}${key.slice(at + 1)}":{}}`
        expect(() => parse(text), text).toThrow(refused)
      }
    }
    const all = Array.from(key, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
    expect(() => parse(`{"${all}":{}}`)).toThrow(refused)
  })

  test('is not a value, a longer key or a text with escapes: those pass', () => {
    for (const value of ['__proto__', { a: '__proto__' }, { __proto: 1, __proto__x: 2 }, { a: '\\u005f\u0001' }]) {
      expect(parse(JSON.stringify(value))).toEqual(value)
    }
    expect(parse('{"\\u0061":"\\u005f"}')).toEqual({ a: '_' })
  })
})

describe('text', () => {
  const read = (...bytes: number[]): string => textOf(Uint8Array.from(bytes), 0, bytes.length)

  test.each<[string, number[]]>([
    ['a lone continuation byte', [0x80]],
    ['a sequence cut off', [0x61, 0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a byte that is never used', [0xff]],
  ])('with malformed UTF-8 is INVALID_ARGUMENT, never repaired: %s', (_, bytes) => {
    const error = expect.objectContaining({ code: 'INVALID_ARGUMENT', message: 'malformed UTF-8' })
    expect(() => read(...bytes)).toThrow(error)
    // Neither does a U+FFFD that was sent excuse it.
    expect(() => read(0xef, 0xbf, 0xbd, ...bytes)).toThrow(error)
  })

  test('keeps U+FFFD and a byte order mark that were really sent', () => {
    expect(read(0x61, 0xef, 0xbf, 0xbd, 0x62)).toBe('a\ufffdb')
    expect(read(0xef, 0xbb, 0xbf, 0xef, 0xbf, 0xbd)).toBe('\ufeff\ufffd')
    expect(read(0xef, 0xbb, 0xbf, 0x61)).toBe('\ufeffa')
  })

  test('is read from its place in a longer buffer, of either kind', () => {
    const bytes = Buffer.from('\u20ac\u20acab\ufffd\u20ac')
    expect(textOf(bytes, 3, 11)).toBe('\u20acab\ufffd')
    expect(textOf(new Uint8Array(bytes).subarray(3), 0, 8)).toBe('\u20acab\ufffd')
    expect(textOf(bytes, 4, 4)).toBe('')
  })
})

describe('raw', () => {
  test('hands bytes on as they are', () => {
    const bytes = Uint8Array.of(0, 255)
    expect(raw.encode(bytes)).toBe(bytes)
    expect(raw.decode(bytes)).toBe(bytes)
    expect(raw.encode(Buffer.from('a'))).toEqual(Buffer.from('a'))
  })

  test.each<[string, unknown]>([
    ['string', 'text'],
    ['number', 7],
    ['null', null],
    ['an object (Array)', [1, 2]],
    ['an object (ArrayBuffer)', new ArrayBuffer(2)],
    ['an object (DataView)', new DataView(new ArrayBuffer(2))],
    ['an object (Uint16Array)', new Uint16Array(2)],
    ['an object (undefined)', Object.create(null)],
  ])('refuses what is not bytes: %s', (name, value) => {
    const error = { code: 'INVALID_ARGUMENT', message: `the raw codec takes a Uint8Array, got ${name}` }
    expect(() => raw.encode(value)).toThrow(expect.objectContaining(error))
  })
})
