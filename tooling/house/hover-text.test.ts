import { describe, expect, test } from 'vitest'
import { withoutHoverText } from './hover-text.ts'
import { entries, PACKAGES, read } from './workspace.ts'

describe.each(PACKAGES)('packages/%s', (name) => {
  test.each(entries(name))('what $specifier exports has a text to be shown over it, members included', ({ file }) => {
    expect(withoutHoverText(file, (source) => read(`packages/${name}/src/${source}`))).toEqual([])
  })
})

describe('the check', () => {
  /** What it finds in an entry that exports `Name` of a file with this text. */
  const found = (text: string, entry = "export { Name } from './name.ts'", more: Record<string, string> = {}) => {
    const files: Record<string, string> = { 'index.ts': entry, 'name.ts': text, ...more }
    return withoutHoverText('index.ts', (file) => files[file] ?? '')
  }

  test.each([
    'export const Name = 1',
    'export function Name() {}',
    'export type Name = 1',
    'export class Name {}',
    'export interface Name {}',
    '/* no TSDoc */ export const Name = 1',
    '// no TSDoc\nexport const Name = 1',
    '/** of another */ const other = 1\nexport const Name = 1',
  ])('finds %j', (text) => {
    expect(found(text)).toEqual(['Name'])
  })

  test('finds members, but not those that nobody can call or that are told where they come from', () => {
    expect(found('/** x */ export interface Name { a: 1; b(): void; /** c */ c: 1 }')).toEqual(['Name.a', 'Name.b'])
    const members =
      '#a = 1; constructor() { super() }; override b = 1; c() {} get d() { return 1 } [Symbol.iterator]() {}'
    expect(found(`/** x */ export class Name extends Other { ${members} }`)).toEqual(['Name.c', 'Name.d'])
  })

  test('lets pass what has a text, a line comment between, several lines of it', () => {
    expect(found('/** x */\n// biome-ignore lint: y\nexport const Name = 1')).toEqual([])
    expect(found('/**\n * x\n */\nexport function Name(): 1\nexport function Name() {}')).toEqual([])
  })

  test('follows a name through re-exports and renames, and into no other package', () => {
    const told = { 'told.ts': '/** x */ export const Name = 1', 'untold.ts': 'export const Name = 1' }
    expect(found("export { Name } from './told.ts'", undefined, told)).toEqual([])
    expect(found("export { Name } from './untold.ts'", undefined, told)).toEqual(['Name'])
    expect(found('export const Other = 1', "export { Other as Name } from './name.ts'")).toEqual(['Other'])
    expect(found("export type { Name } from '@framewire/codec'")).toEqual([])
  })

  test('does not pass over what it cannot find', () => {
    expect(() => found('const Name = 1')).toThrow('name.ts does not declare Name')
    expect(() => found('', 'export const Name = 1')).toThrow('index.ts exports Name by itself')
  })
})
