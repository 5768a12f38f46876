import { expect, test } from 'vitest'
import * as rpc from '../src/index.ts'
import { blocks, printedBy, read } from './examples.ts'

const readme = read('../README.md')

const examples = blocks(readme, 'ts').map(
  (example, index) => [example, blocks(readme, 'text')[index] as string] as const,
)

test.each(examples)('the example runs and prints what the README says: %s', async (example, output) => {
  expect(await printedBy(example)).toBe(output)
})

test('the table names every export and no other', () => {
  const section = readme.split(/^## /m).find((part) => part.startsWith('Exports\n')) ?? ''
  const cells = Array.from(section.matchAll(/^\|([^|]*`[^|]*)\|/gm), ([, cell]) => cell as string)
  const rows = cells.flatMap((cell) => Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name as string))
  const lists = read('../src/index.ts').matchAll(/\{([^}]+)\}/g)
  const names = Array.from(lists, ([, list = '']) => Array.from(list.matchAll(/(\w+)\s*(?:,|$)/g), ([, name]) => name))
  expect(rows.toSorted()).toEqual(names.flat().toSorted())
  expect(rows).toEqual(expect.arrayContaining(Object.keys(rpc)))
})

test('is at most 160 lines, and its examples about 30 statements long', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(160)
  expect(examples).toHaveLength(2)
  for (const [example] of examples) {
    const lines = example.split('\n').filter((line) => line !== '' && !line.startsWith('//'))
    expect(lines.length).toBeLessThanOrEqual(32)
  }
})
