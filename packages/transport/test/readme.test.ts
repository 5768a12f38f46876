import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import * as entry from '../src/index.ts'
import * as testing from '../src/testing.ts'
import { until, within } from './deadline.ts'

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const README = readFileSync(path('README.md'), 'utf8')

/** The code of the only fenced block in that language. */
function block(language: string): string {
  const found = [...README.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter((match) => match[1] === language)
  expect(found).toHaveLength(1)
  return found[0]?.[2] as string
}

test('the example runs as it stands, on the sources, and prints what the README says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'example.js')
  writeFileSync(file, block('js'))
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  onTestFinished(() => log.mockRestore())
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'))
  const before = sockets()
  await within('the end of the example', import(pathToFileURL(file).href))
  expect(log.mock.calls).toEqual([['hello'], ['world']])
  expect(README).toContain('It prints `hello` and `world`.')
  await until('every socket is gone', () => sockets().length === before.length)
})

test('the example has a dozen lines of plain JavaScript', () => {
  const lines = block('js')
    .split('\n')
    .filter((line) => line.trim() !== '')
  expect(lines.length).toBeLessThanOrEqual(13)
  expect(block('js')).not.toContain('await using')
})

test.each([
  ['Exports', 'index.ts', entry],
  ['Testing your own service', 'testing.ts', testing],
])('the table under "%s" names every export of %s, and nothing else', (heading, file, module) => {
  const [table = ''] = README.split(`## ${heading}\n`)[1]?.split('\n## ') ?? []
  const cells = table.split('\n').flatMap((line) => /^\| (`.*?) \|/.exec(line)?.[1] ?? [])
  const named = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)/g)].map((match) => match[1] as string))
  const source = readFileSync(path(`src/${file}`), 'utf8')
  const exported = [...source.matchAll(/\{([^}]*)\}/g)].flatMap(([, names = '']) => {
    const trimmed = names.split(',').map((name) => name.replace('type ', '').trim())
    return trimmed.filter((name) => name !== '')
  })
  expect(named.toSorted()).toEqual(exported.toSorted())
  for (const name of Object.keys(module)) expect(exported).toContain(name)
})

test('the README is short', () => {
  expect(README.trimEnd().split('\n').length).toBeLessThanOrEqual(110)
})
