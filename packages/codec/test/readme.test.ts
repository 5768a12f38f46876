import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as codec from '../src/index.ts'
import * as testing from '../src/testing.ts'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const readme = read('../README.md')

/** The text of the only block in that language. */
function block(language: string): string {
  const blocks = Array.from(readme.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, name, text]) => ({ name, text }))
  const found = blocks.filter(({ name }) => name === language)
  expect(found).toHaveLength(1)
  return found[0]?.text as string
}

/** Runs the example with the package's names in place of its import, and returns what it prints. */
function printedBy(source: string): string {
  const importLine = /^import \{ (.+) \} from '@framewire\/codec'$/m
  const [, names = ''] = importLine.exec(source) ?? []
  const printed: unknown[] = []
  const body = source.replace(importLine, `const { ${names} } = codec`)
  new Function('codec', 'console', `'use strict'\n${body}`)(codec, { log: (line: unknown) => printed.push(line) })
  return printed.map((line) => `${line}\n`).join('')
}

test('the example prints what the README says', () => {
  expect(printedBy(block('js'))).toBe(block('text'))
})

test('the example imports only what the package exports', () => {
  const names = /^import \{ (.+) \} from/m.exec(block('js'))?.[1]?.split(', ') ?? []
  expect(names.length).toBeGreaterThan(0)
  expect(Object.keys(codec)).toEqual(expect.arrayContaining(names))
})

test('every law holds for the framing that shows how to test one', () => {
  const body = block('ts').replaceAll(/^import .*\n/gm, '')
  const held: string[] = []
  const run = (name: string, check: () => void) => {
    check()
    held.push(name)
  }
  new Function('defineFraming', 'framingLaws', 'test', `'use strict'\n${body}`)(
    codec.defineFraming,
    testing.framingLaws,
    run,
  )
  expect(held.length).toBeGreaterThan(20)
})

test('is at most 120 lines, and its first example about ten', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(120)
  const statements = block('js')
    .split('\n')
    .filter((line) => line !== '')
  expect(statements.length).toBeLessThanOrEqual(10)
})

describe('the tables', () => {
  /** The names in the first column of a section's table. */
  const rows = (section: string) => {
    const text = readme.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? ''
    const cells = Array.from(text.matchAll(/^\|([^|]*`[^|]*)\|/gm), ([, cell]) => cell as string)
    return cells.flatMap((cell) => Array.from(cell.matchAll(/`(\w+)/g), ([, name]) => name)).sort()
  }

  const exportsOf = (file: string) => {
    const lists = read(`../src/${file}`).matchAll(/\{([^}]+)\}/g)
    return Array.from(lists, ([, list = '']) => {
      return Array.from(list.matchAll(/(\w+)\s*(?:,|$)/g), ([, name]) => name)
    }).flat()
  }

  test.each([
    ['Exports', 'index.ts'],
    ['Testing your own framing', 'testing.ts'],
  ])('%s: name every export of %s and no other', (section, file) => {
    expect(rows(section)).toEqual(exportsOf(file).sort())
  })

  test('name every error code and no other', () => {
    const [, union = ''] = /FramingErrorCode =((?:\s+\| '\w+')+)/.exec(read('../src/framing-error.ts')) ?? []
    const codes = Array.from(union.matchAll(/'(\w+)'/g), ([, code]) => code)
    expect(codes.length).toBeGreaterThan(0)
    expect(rows('Errors')).toEqual(codes.sort())
  })
})
