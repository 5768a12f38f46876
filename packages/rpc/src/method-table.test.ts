import { describe, expect, test } from 'vitest'
import { json } from './codec.ts'
import type { Handler } from './implement.ts'
import { MethodTable } from './method-table.ts'

function handler(path: string): Handler {
  const kind = { kind: 'unary', sendsMany: false, returnsMany: false } as const
  return { path, ...kind, codec: json, input: undefined, output: undefined, errors: {}, run: () => path }
}

function find(table: MethodTable, name: string | Uint8Array, before = '', after = ''): string | undefined {
  const bytes = Buffer.concat([Buffer.from(before), Buffer.from(name), Buffer.from(after)])
  const start = Buffer.byteLength(before)
  return table.find(bytes, start, start + Buffer.byteLength(name))?.path
}

test('finds each of many methods by its bytes, wherever they stand', () => {
  const paths = Array.from({ length: 500 }, (_, index) => `service${index % 7}.method${index}`)
  const table = new MethodTable(paths.map(handler))
  for (const path of paths) {
    expect(find(table, path)).toBe(path)
    expect(find(table, path, 'users.', 'get')).toBe(path)
  }
})

test('finds nothing else: a prefix, a longer name, other case, other bytes, nothing', () => {
  const table = new MethodTable(['users.get', 'users.getAll'].map(handler))
  for (const name of ['', 'users.ge', 'users.getA', 'users.get ', 'Users.get', 'users.get\0', 'constructor']) {
    expect(find(table, name)).toBeUndefined()
  }
  expect(find(table, Buffer.from([0xff, 0xfe, 0x00]))).toBeUndefined()
  // Some of these fall among the same few names, whatever the hash.
  for (let index = 0; index < 1_000; index++) {
    expect(find(table, `users.get${index}`)).toBeUndefined()
    expect(find(table, `users.getAll`.slice(0, index % 12), '', 'users.getAll')).toBe(
      index % 12 === 9 ? 'users.get' : undefined,
    )
  }
  expect(find(new MethodTable([]), 'users.get')).toBeUndefined()
})

describe('names of one hash', () => {
  // 'Aa' and 'BB' are equal in base 31, and so is any row of them.
  const rows = ['AaAa', 'AaBB', 'BBAa', 'BBBB'].map((name) => `s.${name}`)

  test('are told apart', () => {
    const table = new MethodTable(rows.map(handler))
    for (const path of rows) expect(find(table, path)).toBe(path)
    expect(find(new MethodTable(rows.slice(1).map(handler)), rows[0] as string)).toBeUndefined()
  })
})

test('two handlers for one method are a mistake of the caller', () => {
  const twice = () => new MethodTable(['users.get', 'users.put', 'users.get'].map(handler))
  expect(twice).toThrow(new TypeError('method users.get is implemented twice'))
})
