import { rejection, thrownBy } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { Issue, schema, slowSchema, withId } from '../test/schemas.ts'
import { RpcError } from './rpc-error.ts'
import { type Schema, type, validate } from './schema.ts'

const check = (of: Schema, value: unknown) => validate(of, value, 'INVALID_ARGUMENT', 'input of users.get')

test('answers with what the schema makes of the value, now or later', async () => {
  const doubled = (value: unknown) => 2 * (value as number)
  expect(check(schema(doubled), 21)).toBe(42)
  const later = check(slowSchema(doubled), 21)
  expect(later).toBeInstanceOf(Promise)
  expect(await later).toBe(42)
})

test('names the place of every issue, in an RpcError of the code asked for', async () => {
  const issues = [
    { message: 'too short', path: ['users', { key: 0 }, 'name'] },
    { message: 'odd', path: [Symbol('s')] },
    { message: 'no object' },
  ]
  const failing: Schema = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } }
  const message = 'reply of a.b does not match the contract: users.0.name: too short; Symbol(s): odd; no object'
  const error = thrownBy(() => validate(failing, 1, 'INTERNAL', 'reply of a.b'))
  expect(error).toBeInstanceOf(RpcError)
  expect(error).toMatchObject({ code: 'INTERNAL', message })
  expect(await rejection(check(slowSchema(withId), {}) as Promise<unknown>)).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'input of users.get does not match the contract: id: expected a number, got undefined',
  })
})

test('an empty path is no place', () => {
  const failing = schema(() => {
    throw new Issue('wrong', [])
  })
  expect(() => check(failing, 1)).toThrow('input of users.get does not match the contract: wrong')
})

test('what a broken schema throws is left as it is', () => {
  const mistake = new TypeError('broken schema')
  const broken = schema(() => {
    throw mistake
  })
  expect(thrownBy(() => check(broken, 1))).toBe(mistake)
})

describe('type()', () => {
  test('takes everything as it is', () => {
    const value = { id: 'not even a number' }
    expect(check(type<{ id: number }>(), value)).toBe(value)
    expect(check(type<number>(), undefined)).toBeUndefined()
  })
})
