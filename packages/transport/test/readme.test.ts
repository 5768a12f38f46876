import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import * as entry from '../src/index.ts'
import * as testing from '../src/testing.ts'
import { blocks, guide, outputOf } from './guides.ts'

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const README = guide('packages/transport/README.md')

/** The code of the only fenced block in that language. */
function block(language: string): string {
  const found = blocks(README, language)
  expect(found).toHaveLength(1)
  return found[0] as string
}

test('the example runs as it stands, prints what the README says, and leaves nothing behind', async () => {
  expect(await outputOf(block('js'))).toEqual(['hello', 'world'])
  expect(README).toContain('It prints `hello` and `world`.')
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
