import { describe, expect, test } from 'vitest'
import { FramingError, frameTooLong, locate } from './framing-error.ts'

const ascii = (source: string) => new TextEncoder().encode(source)

/** The message for a bad frame that begins like this. */
function messageFor(head: Uint8Array): string {
  return locate(new FramingError('INVALID_LENGTH', 'bad'), 0, head, 0, head.length).message
}

test('is an Error with its name, code and details', () => {
  const cause = new Error('why')
  const error = new FramingError('INVALID_HEADER', 'no such header', { length: 1, limit: 2, frameLength: 3, cause })
  expect(error).toBeInstanceOf(Error)
  expect(String(error)).toBe('FramingError: no such header')
  expect(error).toMatchObject({ code: 'INVALID_HEADER', length: 1, limit: 2, frameLength: 3, cause })
  expect([error.offset, error.head]).toEqual([undefined, undefined])
})

test('has no cause where none was given', () => {
  expect('cause' in new FramingError('UNENCODABLE', 'no')).toBe(false)
})

test('says the number seen and the limit', () => {
  const error = frameTooLong(9_000_000, 4_194_304)
  expect(error.message).toBe('frame of 9000000 bytes exceeds maxFrameLength 4194304')
  expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', length: 9_000_000, limit: 4_194_304, frameLength: undefined })
  expect(frameTooLong(8, 4, 12).frameLength).toBe(12)
})

describe('locate', () => {
  const source = Uint8Array.from({ length: 40 }, (_, index) => index + 0xc0)

  test('adds the place and the first bytes, and keeps the rest', () => {
    const cause = new Error('why')
    const bare = new FramingError('FRAME_TOO_LONG', 'too long', { length: 9, limit: 8, frameLength: 13, cause })
    const error = locate(bare, 70, source, 2, 5)
    expect(error.message).toBe('too long at stream offset 70 (first bytes c2 c3 c4)')
    expect(error).toMatchObject({ code: 'FRAME_TOO_LONG', reason: 'too long', offset: 70, cause })
    expect(error).toMatchObject({ length: 9, limit: 8, frameLength: 13 })
  })

  test('adds no cause where none was given: it would be printed', () => {
    expect('cause' in locate(new FramingError('INVALID_LENGTH', 'bad'), 0, source, 0, 1)).toBe(false)
  })

  test('keeps at most 16 bytes, as a copy', () => {
    const { head } = locate(new FramingError('INVALID_LENGTH', 'bad'), 0, source, 1, 40)
    expect(head).toEqual(source.subarray(1, 17))
    expect(head?.buffer.byteLength).toBe(16)
  })

  test('keeps a copy of a Buffer too, as a plain Uint8Array', () => {
    const chunk = Buffer.from([1, 2, 3])
    const { head } = locate(new FramingError('INVALID_LENGTH', 'bad'), 0, chunk, 0, 3)
    chunk.fill(0)
    expect(head).toStrictEqual(Uint8Array.of(1, 2, 3))
  })

  test('names the place alone where no byte is there', () => {
    expect(messageFor(new Uint8Array(0))).toBe('bad at stream offset 0')
  })
})

describe('says what the peer may be speaking', () => {
  test.each([
    'GET / HTTP/1.1\r\n',
    'HEAD /',
    'POST /',
    'PUT /',
    'DELETE /',
    'OPTIONS *',
    'PATCH /',
    'CONNECT a:1',
    'TRACE /',
    'PRI * HTTP/2.0\r\n',
    'HTTP/1.1 400 Bad Request',
    'GET ',
  ])('HTTP: %j', (opening) => {
    expect(messageFor(ascii(opening))).toContain('the peer may be speaking HTTP')
  })

  test.each([
    ['SSL 3.0', [0x16, 3, 0]],
    ['TLS 1.0 to 1.3', [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]],
    ['the newest version number', [0x16, 3, 4, 0]],
  ])('TLS: %s', (_, opening) => {
    expect(messageFor(Uint8Array.from(opening))).toContain('the peer may be speaking TLS')
  })

  test.each(['SSH-2.0-OpenSSH', '{"a":1}\r\n', '\t- x\n'])('text: %j', (opening) => {
    expect(messageFor(ascii(opening))).toContain('the peer may be speaking text')
  })

  test.each([
    ['too few bytes to tell', ascii('GET')],
    ['text with a byte that is none', Uint8Array.of(0x41, 0x42, 0x43, 0x44, 0)],
    ['a delete character', Uint8Array.of(0x41, 0x42, 0x43, 0x7f)],
    ['half a TLS opening', Uint8Array.of(0x16, 3)],
    ['a version that TLS never had', Uint8Array.of(0x16, 3, 5, 0)],
    ['another major version', Uint8Array.of(0x16, 2, 1, 0)],
    ['another record type', Uint8Array.of(0x19, 3, 1, 0)],
  ])('and nothing for %s', (_, opening) => {
    expect(messageFor(opening)).not.toContain('speaking')
  })
})
