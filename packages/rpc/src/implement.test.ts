import { describe, expect, test } from 'vitest'
import { json, raw } from './codec.ts'
import { contract, oneway, unary } from './contract.ts'
import { implement } from './implement.ts'
import type { Ctx } from './peer.ts'
import { type } from './schema.ts'

const schema = type<{ id: number }>()
const errors = { GONE: { code: 'NOT_FOUND' } } as const
const users = contract('users', {
  get: unary({ input: schema, output: schema, errors }),
  put: unary<Uint8Array, void>({ codec: raw }),
  seen: oneway<number>(),
})
const handlers = { get: (input: { id: number }) => input, put: () => {}, seen: () => {} }
const context = {} as Ctx

test('joins each method with its handler, its codec, schemas and errors', () => {
  const service = implement(users, handlers)
  const one = { sendsMany: false, returnsMany: false }
  expect(service.name).toBe('users')
  expect(service.handlers.map(({ run: _, ...rest }) => rest)).toEqual([
    { path: 'users.get', kind: 'unary', ...one, codec: json, input: schema, output: schema, errors },
    { path: 'users.put', kind: 'unary', ...one, codec: raw, input: undefined, output: undefined, errors: {} },
    { path: 'users.seen', kind: 'oneway', ...one, codec: json, input: undefined, output: undefined, errors: {} },
  ])
  expect(service.handlers[0]?.run({ id: 1 }, context)).toEqual({ id: 1 })
})

test('a handler may use `this` for the other handlers and what stands with them', () => {
  const math = contract('math', { double: unary<number, number>(), add: unary<number, number>() })
  const service = implement(math, {
    double(this: { add: (value: number) => number }, value: number): number {
      return this.add(value) * 2
    },
    add: (value: number) => value + 1,
  })
  expect(service.handlers[0]?.run(1, context)).toBe(4)
})

describe('a mistake in plain JavaScript shows at once', () => {
  const implementAny = (given: object) => () => implement(users, given as typeof handlers)
  const { seen: _, ...withoutOne } = handlers

  test.each<[string, object, string]>([
    ['a handler is missing', withoutOne, 'users.seen has no handler'],
    ['a handler is no function', { ...handlers, put: 7 }, 'users.put has no handler'],
    ['a handler is one too many', { ...handlers, drop: () => {} }, 'contract users has no method drop'],
    ['a handler has the name of an inherited property', { ...handlers, toString: () => '' }, 'has no method toString'],
    ['handlers stand on a prototype', Object.create(handlers), 'users.get has no handler'],
  ])('%s', (_name, given, message) => {
    expect(implementAny(given)).toThrow(TypeError)
    expect(implementAny(given)).toThrow(message)
  })

  test('a method that is called like a property of every object is not implemented by that', () => {
    const odd = contract('odd', { toString: unary<void, string>() })
    const nothing = {} as { toString: () => string }
    expect(() => implement(odd, nothing)).toThrow('odd.toString has no handler')
  })
})
