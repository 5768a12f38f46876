import { FramingError, type FramingErrorCode } from '@framewire/codec'
import { describe, expect, test } from 'vitest'
import { abortedError, isKernelTimeout, TransportError, toTransportError } from './transport-error.ts'

test('says what failed and whether it is worth another try', () => {
  const cause = new Error('below')
  const error = new TransportError('CONNECT_REFUSED', 'nobody there', { cause })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({ name: 'TransportError', code: 'CONNECT_REFUSED', retryable: true, cause })
  expect(String(error)).toBe('TransportError: nobody there')
  expect(new TransportError('MESSAGE_TOO_LARGE', '').retryable).toBe(false)
  expect(new TransportError('ABORTED', '').retryable).toBe(false)
})

test.each<[FramingErrorCode, string]>([
  ['FRAME_TOO_LONG', 'MESSAGE_TOO_LARGE'],
  ['FRAME_TRUNCATED', 'FRAME_TRUNCATED'],
  ['INVALID_LENGTH', 'PROTOCOL_ERROR'],
  ['INVALID_HEADER', 'PROTOCOL_ERROR'],
  ['UNENCODABLE', 'PROTOCOL_ERROR'],
])('a FramingError %s becomes %s, message and cause kept', (framingCode, code) => {
  const cause = new FramingError(framingCode, 'bad frame')
  expect(toTransportError(cause, 'ABORTED')).toMatchObject({ code, message: 'bad frame', cause })
})

describe('an error of a socket', () => {
  test.each([
    ['ECONNREFUSED', 'CONNECT_REFUSED'],
    ['ENOENT', 'CONNECT_REFUSED'],
    ['ECONNRESET', 'CONNECTION_RESET'],
    ['EPIPE', 'CONNECTION_RESET'],
    ['EADDRINUSE', 'ADDRESS_IN_USE'],
    ['EHOSTUNREACH', 'CONNECT_FAILED'],
  ])('%s becomes %s', (socketCode, code) => {
    const cause = Object.assign(new Error('node says'), { code: socketCode })
    expect(toTransportError(cause, 'CONNECT_FAILED')).toMatchObject({ code, message: 'node says', cause })
  })
})

test('a timeout of the kernel is known by its code, and becomes the fallback: it depends on what was under way', () => {
  const late = Object.assign(new Error('read ETIMEDOUT'), { code: 'ETIMEDOUT' })
  expect(isKernelTimeout(late)).toBe(true)
  expect(toTransportError(late, 'CONNECTION_RESET')).toMatchObject({ code: 'CONNECTION_RESET', cause: late })
  for (const other of [Object.assign(new Error('no'), { code: 'ECONNRESET' }), undefined, 'ETIMEDOUT']) {
    expect(isKernelTimeout(other)).toBe(false)
  }
})

test('a TransportError stays as it is', () => {
  const error = new TransportError('SEND_BUFFER_FULL', 'full')
  expect(toTransportError(error, 'ABORTED')).toBe(error)
})

test.each([['text'], [undefined], [null], [5], [Symbol('s')]])('%s, thrown, becomes the fallback', (thrown) => {
  const error = toTransportError(thrown, 'ABORTED')
  expect(error).toMatchObject({ code: 'ABORTED', message: String(thrown) })
  expect(error.cause).toBe(thrown)
})

test('an aborted signal gives its reason as cause', () => {
  expect(abortedError(AbortSignal.abort('why'), 'connect')).toMatchObject({
    code: 'ABORTED',
    message: 'connect was aborted',
    cause: 'why',
  })
})
