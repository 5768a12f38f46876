// docs/rpc.md: its blocks are one program, and its table of limits is what the code does.

import { describe, expect, test } from 'vitest'
import { checkLimits } from '../src/limits.ts'
import { blocks, printedBy, read } from './examples.ts'

const guide = read('../../../docs/rpc.md')

test('the blocks of the guide, one after the other, are a program that prints what it says', async () => {
  expect(await printedBy(blocks(guide, 'ts').join('\n'))).toBe(blocks(guide, 'text').join(''))
})

test('every block that prints is followed by what it prints', () => {
  const languages = Array.from(guide.matchAll(/^```(\w+)$/gm), ([, language]) => language)
  expect(new Set(languages)).toEqual(new Set(['ts', 'text']))
  const sections = guide.split(/^## /m).filter((section) => blocks(section, 'text').length > 0)
  expect(sections.map((section) => blocks(section, 'ts').length)).toEqual(sections.map(() => 1))
})

describe('the table of limits', () => {
  const rows = Array.from(guide.matchAll(/^\| `(\w+)` \| (\d+) \|/gm), ([, name, value]) => [name, Number(value)])

  test('has every limit with its default', () => {
    expect(Object.fromEntries(rows)).toEqual(checkLimits())
  })
})

test('is linked from both READMEs', () => {
  expect(read('../../../README.md')).toContain('(docs/rpc.md)')
  expect(read('../README.md')).toContain('(../../docs/rpc.md)')
})
