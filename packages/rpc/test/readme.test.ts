import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, expect, test, vi } from 'vitest'
import * as rpc from '../src/index.ts'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const readme = read('../README.md')

/** The texts of the blocks in that language. */
function blocks(language: string): string[] {
  const all = Array.from(readme.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, name, text]) => ({ name, text }))
  return all.filter(({ name }) => name === language).map(({ text }) => text as string)
}

const examples = blocks('ts').map((example, index) => [example, blocks('text')[index] as string] as const)

afterEach(() => void vi.restoreAllMocks())

test.each(examples)('the example runs and prints what the README says: %s', async (example, output) => {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-readme-'))
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
    printed.push(`${values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' ')}\n`)
  })
  try {
    writeFileSync(join(folder, 'example.ts'), example)
    await import(join(folder, 'example.ts'))
  } finally {
    rmSync(folder, { recursive: true })
  }
  expect(printed.join('')).toBe(output)
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

test('is at most 140 lines, and its examples about 30 statements long', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(140)
  expect(examples).toHaveLength(2)
  for (const [example] of examples) {
    const lines = example.split('\n').filter((line) => line !== '' && !line.startsWith('//'))
    expect(lines.length).toBeLessThanOrEqual(32)
  }
})
