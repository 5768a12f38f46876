import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FLAG, GOAWAY, TYPE } from './frames.ts'
import { RULES } from './rules.ts'
import { vectorsOf } from './vectors.ts'

const DOCUMENT = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8')

/** The rules that tests name: as a key of `testRules`, or in a title. */
function tested(): string[] {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts') && name !== 'rules.test.ts')
  const sources = files.map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
  return sources.flatMap((source) =>
    [...source.matchAll(/^ {2}(R\d+): |titleOf\('(R\d+)'\)/gm)].map(([, key, title]) => key ?? title ?? ''),
  )
}

test('every rule of PROTOCOL.md on what is wrong has a test, and every such test its rule', () => {
  const rules = [...RULES.keys()]
  expect(rules).toEqual(rules.map((_, index) => `R${index + 1}`))
  expect(rules.length).toBeGreaterThan(60)
  expect([...new Set(tested())].toSorted()).toEqual(rules.toSorted())
})

test('PROTOCOL.md speaks of no rule that it does not have', () => {
  const named = [...DOCUMENT.matchAll(/\bR\d+\b/g)].map(([id]) => id)
  expect(named.filter((id) => !RULES.has(id))).toEqual([])
})

test('PROTOCOL.md lists the types and flags that the tests speak, and each type has a vector', () => {
  const types = [...DOCUMENT.matchAll(/^\| 0x(\d\d) \| ([A-Z]+) \| (?:0|id) \|/gm)].map(([, number, name = '']) => [
    name.toLowerCase(),
    Number(`0x${number}`),
  ])
  expect(Object.fromEntries(types)).toEqual(TYPE)
  for (const name of Object.keys(TYPE)) expect(vectorsOf(name.toUpperCase()).length, name).toBeGreaterThan(0)
  const flags = [...DOCUMENT.matchAll(/^\| 0x(\d\d) \| ([A-Z]+) \| (?:OPEN|PING)[A-Z, ]* \|/gm)].map(
    ([, number, name = '']) => [name.toLowerCase(), Number(`0x${number}`)],
  )
  expect(Object.fromEntries(flags)).toEqual(FLAG)
})

test('PROTOCOL.md lists the reasons of GOAWAY that the tests speak', () => {
  const list = /^Reasons: ([^.]*)\./m.exec(DOCUMENT)?.[1] ?? ''
  const numbers = [...list.matchAll(/(\d+) [a-z]/g)].map(([, number]) => Number(number))
  expect(numbers).toEqual(numbers.map((_, index) => index))
  for (const number of Object.values(GOAWAY)) expect(numbers).toContain(number)
})
