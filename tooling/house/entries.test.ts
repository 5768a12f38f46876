import { describe, expect, test } from 'vitest'
import { lineFinder, parse } from './syntax.ts'
import { entries, entriesOf, PACKAGES, read } from './workspace.ts'

/** The statements of an entry that are anything but `export { a, type B } from './file.ts'`. */
function entryViolations(text: string): string[] {
  const lineAt = lineFinder(text)
  return parse(text).program.body.flatMap((node) => {
    const isNamed = node.type === 'ExportNamedDeclaration' && node.specifiers.length > 0
    if (isNamed && node.source?.value.startsWith('./')) return []
    return [`line ${lineAt(node.start)}: ${text.slice(node.start, node.end).split('\n')[0]}`]
  })
}

describe.each(PACKAGES)('packages/%s', (name) => {
  test.each(entries(name))('$specifier holds only named re-exports', ({ file }) => {
    expect(entryViolations(read(`packages/${name}/src/${file}`))).toEqual([])
  })
})

describe('the check', () => {
  test('finds the source file of each subpath', () => {
    const target = (file: string) => ({ types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` })
    const exports = { '.': target('index'), './testing': target('testing'), './package.json': './package.json' }
    expect(entriesOf({ name: '@framewire/x', exports })).toEqual([
      { specifier: '@framewire/x', file: 'index.ts' },
      { specifier: '@framewire/x/testing', file: 'testing.ts' },
    ])
  })

  test.each([
    "export * from './frame.ts'",
    "export * as frame from './frame.ts'",
    'export const a = 1',
    'export interface A {}',
    'export default 1',
    "import './frame.ts'",
    "export { a } from '@framewire/codec'",
    'const a = 1',
  ])('refuses %s', (text) => {
    expect(entryViolations(text)).toEqual([`line 1: ${text}`])
  })

  test('lets named values and types pass', () => {
    expect(entryViolations("export { a, type B } from './a.ts'\nexport type { C } from './c.ts'")).toEqual([])
  })
})
