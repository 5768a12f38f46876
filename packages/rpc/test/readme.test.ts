import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, expect, test, vi } from 'vitest'
import * as rpc from '../src/index.ts'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const readme = read('../README.md')

/** The text of the only block in that language. */
function block(language: string): string {
  const blocks = Array.from(readme.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, name, text]) => ({ name, text }))
  const found = blocks.filter(({ name }) => name === language)
  expect(found).toHaveLength(1)
  return found[0]?.text as string
}

afterEach(() => void vi.restoreAllMocks())

test('the example runs and prints what the README says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-readme-'))
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
    printed.push(`${values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' ')}\n`)
  })
  try {
    writeFileSync(join(folder, 'example.ts'), block('ts'))
    await import(join(folder, 'example.ts'))
  } finally {
    rmSync(folder, { recursive: true })
  }
  expect(printed.join('')).toBe(block('text'))
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

test('is at most 90 lines, and its example about 20 statements long', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(90)
  const lines = block('ts').split('\n')
  expect(lines.filter((line) => line !== '' && !line.startsWith('//')).length).toBeLessThanOrEqual(26)
})
