// Which test runs the programs of which page. A page with programs that no test knows is found here.
import { expect, test } from 'vitest'
import { allPages } from './links.ts'
import { split } from './markdown.ts'
import { allSources, read } from './workspace.ts'

/** Pages whose programs a test runs, and a word in that test by which it names the page. */
const RUN_BY: readonly [page: RegExp, test: string, word: string][] = [
  [/^README\.md$/, 'tooling/house/readme-code.test.ts', 'README.md'],
  [/^README\.zh-CN\.md$/, 'tooling/house/translation.test.ts', 'README.zh-CN.md'],
  [/^docs\/getting-started\.md$/, 'tooling/house/getting-started.test.ts', 'docs/getting-started.md'],
  [/^docs\/guides\//, 'tooling/house/guides.test.ts', 'docs/guides'],
  [/^docs\/reference\//, 'tooling/house/reference.test.ts', 'docs/reference'],
  [/^docs\/codec\.md$/, 'packages/codec/test/guide.test.ts', 'docs/codec.md'],
  [/^docs\/transport\.md$/, 'packages/transport/test/guide-programs.test.ts', 'docs/transport.md'],
  [/^docs\/rpc\.md$/, 'packages/rpc/test/guide.test.ts', 'docs/rpc.md'],
  [/^docs\/testing\.md$/, 'packages/transport/test/testing-guide.test.ts', 'docs/testing.md'],
  [/^packages\/codec\/README\.md$/, 'packages/codec/test/readme.test.ts', 'README.md'],
  [/^packages\/transport\/README\.md$/, 'packages/transport/test/readme.test.ts', 'README.md'],
  [/^packages\/rpc\/README\.md$/, 'packages/rpc/test/readme.test.ts', 'README.md'],
  [/^examples\/src\/protocols\/README\.md$/, 'examples/test/protocols/readme.test.ts', 'README.md'],
]

const PROGRAM = new Set(['ts', 'js'])
const withPrograms = allPages().filter((page) => split(read(page)).blocks.some(({ language }) => PROGRAM.has(language)))

test.each(withPrograms)('the programs of %s are run by a test', (page) => {
  const rows = RUN_BY.filter(([pattern]) => pattern.test(page))
  expect(rows).toHaveLength(1)
  for (const [, file, word] of rows) {
    expect(allSources()).toContain(file)
    expect(read(file)).toContain(word)
  }
})

test('every program of docs/transport.md has a name, and a test that starts it', () => {
  const { blocks } = split(read('docs/transport.md'))
  const tests = read('packages/transport/test/guide-programs.test.ts')
  const names = blocks.filter(({ language }) => language === 'js').map(({ text }) => /^\/\/ (\S+)\n/.exec(text)?.[1])
  expect(names.filter((name) => name === undefined || !tests.includes(`'${name}'`))).toEqual([])
})

test('every command of npm in our documents is one of ours', () => {
  const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts)
  const unknown = allPages().flatMap((page) => {
    const commands = split(read(page)).blocks.filter(({ language }) => language === 'sh')
    const named = commands.flatMap(({ text }) =>
      Array.from(text.matchAll(/npm run (?:-s )?([\w:]+)/g), ([, name]) => name),
    )
    return named.filter((name) => !scripts.includes(String(name))).map((name) => `${page}: npm run ${name}`)
  })
  expect(unknown).toEqual([])
})
