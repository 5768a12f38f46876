import { describe, expect, test } from 'vitest'
import { json, raw } from './codec.ts'
import { contract, oneway, unary } from './contract.ts'
import { type } from './schema.ts'

test('gives each method its path, kind and options', () => {
  const input = type<{ id: number }>()
  const output = type<string>()
  const users = contract('users', {
    get: unary({ input, output, idempotent: true }),
    put: unary<Uint8Array, void>({ codec: raw }),
    seen: oneway<number>({ codec: json }),
  })
  expect(users.name).toBe('users')
  expect(users.methods.get).toEqual({
    path: 'users.get',
    kind: 'unary',
    options: { input, output, idempotent: true },
  })
  expect(users.methods.put).toEqual({ path: 'users.put', kind: 'unary', options: { codec: raw } })
  expect(users.methods.seen).toEqual({ path: 'users.seen', kind: 'oneway', options: { codec: json } })
})

test('cannot be changed once it is made, and leaves the definition as it was', () => {
  const definition = unary<number, number>()
  const first = contract('first', { call: definition })
  const second = contract('second', { call: definition })
  expect([first.methods.call.path, second.methods.call.path, definition.path]).toEqual([
    'first.call',
    'second.call',
    '',
  ])
  expect([first, first.methods, first.methods.call].every(Object.isFrozen)).toBe(true)
})

describe('names', () => {
  const refused = ['__proto__', 'constructor', 'prototype', 'then', 'toJSON']

  test.each(refused)('that mean something to objects are refused: %s', (name) => {
    const error = new TypeError(`${JSON.stringify(name)} cannot name a service or method`)
    expect(() => contract(name, {})).toThrow(error)
    expect(() => contract('users', { [name]: unary<void, void>() })).toThrow(error)
    expect(() => contract(`a.${name}.b`, {})).toThrow(TypeError)
    expect(() => contract('users', { [`a.${name}`]: unary<void, void>() })).toThrow(TypeError)
  })

  test.each(['', '1st', '.a', 'a-b', 'a b', 'a/b', 'caf\u00e9', 'a\n', '$a'])(
    'that are no names are refused: %j',
    (name) => {
      expect(() => contract(name, {})).toThrow(TypeError)
      expect(() => contract('users', { [name]: unary<void, void>() })).toThrow(TypeError)
    },
  )

  test.each(['a', '_a', 'A1', 'a.b.c', 'thenable', 'constructors', '__proto'])('of other kinds pass: %s', (name) => {
    expect(contract(name, { [name]: unary<void, void>() }).methods[name]?.path).toBe(`${name}.${name}`)
  })

  test('fit the byte that holds their length: service, dot and method together', () => {
    const service = 's'.repeat(200)
    expect(contract(service, { ['m'.repeat(54)]: unary<void, void>() }).name).toBe(service)
    expect(() => contract(service, { ['m'.repeat(55)]: unary<void, void>() })).toThrow(TypeError)
    expect(() => contract('s'.repeat(256), {})).toThrow(TypeError)
  })
})
