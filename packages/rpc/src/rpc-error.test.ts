import { describe, expect, test } from 'vitest'
import { type Code, codeName, codeNumber, isCode, RpcError } from './rpc-error.ts'

/** As https://grpc.io/docs/guides/status-codes lists them. */
const GRPC: Record<number, Code> = {
  1: 'CANCELLED',
  2: 'UNKNOWN',
  3: 'INVALID_ARGUMENT',
  4: 'DEADLINE_EXCEEDED',
  5: 'NOT_FOUND',
  6: 'ALREADY_EXISTS',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  9: 'FAILED_PRECONDITION',
  10: 'ABORTED',
  11: 'OUT_OF_RANGE',
  12: 'UNIMPLEMENTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
  15: 'DATA_LOSS',
  16: 'UNAUTHENTICATED',
}

test('the numbers of the codes are those of gRPC, in both directions', () => {
  for (const [number, code] of Object.entries(GRPC)) {
    expect(codeName(Number(number))).toBe(code)
    expect(codeNumber(code)).toBe(Number(number))
  }
})

test('a number that is no error code is UNKNOWN', () => {
  for (const number of [0, 17, 255]) expect(codeName(number)).toBe('UNKNOWN')
})

test('only the sixteen names are codes: not OK, not what objects inherit', () => {
  expect(Object.values(GRPC).every(isCode)).toBe(true)
  for (const name of ['OK', 'ok', '', 'not_found', 'constructor', '__proto__']) expect(isCode(name)).toBe(false)
})

describe('an RpcError', () => {
  test('carries what it was given', () => {
    const cause = new Error('disk')
    const error = new RpcError('NOT_FOUND', 'no such user', {
      appName: 'GONE',
      details: { id: 42 },
      notProcessed: true,
      cause,
    })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'RpcError',
      code: 'NOT_FOUND',
      message: 'no such user',
      appName: 'GONE',
      details: { id: 42 },
      notProcessed: true,
      cause,
    })
    expect(error.stack).toContain('rpc-error.test.ts')
  })

  test('says nothing that it was not given: no name, details or cause, and it may have been processed', () => {
    const error = new RpcError('INTERNAL', 'internal error')
    expect(error).toMatchObject({ appName: '', details: undefined, notProcessed: false })
    expect('cause' in error).toBe(false)
    expect('cause' in new RpcError('INTERNAL', '', { cause: undefined })).toBe(true)
  })

  test.each(['OK', 'NOPE', '', 'constructor'])('of a code that is none is a RangeError: %j', (code) => {
    expect(() => new RpcError(code as Code, '')).toThrow(new RangeError(`${code} is not an RPC code`))
  })
})
