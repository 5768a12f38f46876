// The pages of docs/reference are what the sources say. `npm run docs` runs this file and writes them anew.
import { describe, expect, test } from 'vitest'
import { type Declaration, declarations } from './declarations.ts'
import { referencePage } from './reference.ts'
import { entries, PACKAGES, ROOT, read } from './workspace.ts'

test.each(PACKAGES)('docs/reference/%s.md is what `npm run docs` makes of the sources', async (name) => {
  await expect(referencePage(name)).toMatchFileSnapshot(`${ROOT}/docs/reference/${name}.md`)
})

test.each(PACKAGES)('%s: every exported name has its heading', (name) => {
  const page = read(`docs/reference/${name}.md`)
  for (const { file } of entries(name)) {
    const lists = read(`packages/${name}/src/${file}`).matchAll(/\{([^}]+)\}/g)
    for (const [, list = ''] of lists) {
      for (const [, word] of list.matchAll(/(\w+)\s*(?:,|$)/g)) {
        expect(page.includes(`\n#### ${word}\n`) || page.includes(`\n- \`${word}\`: see`)).toBe(true)
      }
    }
  }
})

describe('a declaration', () => {
  const declared = (text: string) => {
    const files: Record<string, string> = { 'index.ts': "export { Name } from './name.ts'", 'name.ts': text }
    return declarations('index.ts', (file) => files[file] ?? '')[0] as Declaration
  }

  test('of a function is its signature, and of several all but the implementation', () => {
    expect(declared('/** x */\nexport function Name(a: 1): 2 { return 2 }').signature).toBe('function Name(a: 1): 2')
    const overloads = 'export function Name(a: 1): 1\nexport function Name(a: 2): 2\nexport function Name(a: 0) {}'
    expect(declared(overloads).signature).toBe('function Name(a: 1): 1\nfunction Name(a: 2): 2')
  })

  test('of a class has its public members with their texts, without bodies and values', () => {
    const body = '/** y */\n a: number = 1; #b = 2; override c = 3; /** z */ get d(): 4 { return 4 } constructor() {}'
    const { kind, signature, members } = declared(`/** x */ export class Name extends Other { ${body} }`)
    expect([kind, signature]).toEqual(['class', 'class Name extends Other'])
    expect(members).toEqual([
      { name: 'a', signature: 'a: number', text: 'y' },
      { name: 'd', signature: 'get d(): 4', text: 'z' },
    ])
  })

  test('of an interface, a type, a constant', () => {
    const { members } = declared('export interface Name { /** y\n * z */ a?: 1; b(): void }')
    expect(members).toEqual([
      { name: 'a', signature: 'a?: 1', text: 'y\nz' },
      { name: 'b', signature: 'b(): void', text: '' },
    ])
    expect(declared("export type Name = 'a' | 'b'").signature).toBe("type Name = 'a' | 'b'")
    expect(declared('export const Name: number = 1').signature).toBe('const Name: number')
  })
})
