import { describe, expect, test } from 'vitest'
import { codesWithoutHelp, declaredCodes, documentedCodes } from './error-codes.ts'
import { allSources, read, sources } from './workspace.ts'

test.each([
  ['codec', 'FramingError'],
  ['transport', 'TransportError'],
  ['rpc', 'RpcError'],
] as const)('%s: every code of %s is a heading in docs/errors.md, and no other', (name, className) => {
  const texts = sources(name).map((file) => read(`packages/${name}/src/${file}`))
  const documented = documentedCodes(read('docs/errors.md'), className)
  expect(documented.toSorted()).toEqual(declaredCodes(texts, className).toSorted())
})

test.each([
  ['codec', 'FramingError'],
  ['transport', 'TransportError'],
] as const)('%s: every code of %s is what some test waits for', (name, className) => {
  const codes = declaredCodes(
    sources(name).map((file) => read(`packages/${name}/src/${file}`)),
    className,
  )
  // The tests of the error class itself name codes without meeting them.
  const tests = allSources(`packages/${name}`).filter((file) => /(\.test\.ts|\/test\/.*)$/.test(file))
  const texts = tests.filter((file) => !file.endsWith('-error.test.ts')).map(read)
  expect(codes.filter((code) => !texts.some((text) => new RegExp(`\\b${code}\\b`).test(text)))).toEqual([])
})

test.each(['FramingError', 'TransportError', 'RpcError'])(
  'under every code of %s stands why, and what to try',
  (name) => {
    expect(codesWithoutHelp(read('docs/errors.md'), name)).toEqual([])
  },
)

describe('the check', () => {
  const union = "export type Code = 'A' | 'B'"
  const failure = 'export class Failure extends Error { readonly code: Code }'

  test('reads the union through its alias, from another file too', () => {
    expect(declaredCodes([union, failure], 'Failure')).toEqual(['A', 'B'])
    expect(declaredCodes(["class Failure { code: 'A' | 'B' }"], 'Failure')).toEqual(['A', 'B'])
    expect(declaredCodes(["class Failure { code: 'A' }"], 'Failure')).toEqual(['A'])
  })

  test.each([
    ['a class that is missing', [union], 'no class Failure'],
    ['a class without code', ['class Failure {}'], 'no class Failure'],
    ['an open set of codes', ['class Failure { code: string }'], 'not a union of string literals'],
    ['an alias that is missing', [failure], 'not a union of string literals'],
    ['an open member', ["type Code = 'A' | string", failure], 'not a union of string literals'],
  ])('refuses %s', (_, texts, message) => {
    expect(() => declaredCodes(texts, 'Failure')).toThrow(message)
  })

  test('finds codes without a cause or without help', () => {
    const sections = ['`A`\nwhy. **Try:** this.', '`B`\nwhy.', '`C`\n**Try:** this.', '`D`\nwhy. **Try:**'].join(
      '\n### ',
    )
    expect(codesWithoutHelp(`## Failure\n### ${sections}\n## Other\n### \`E\``, 'Failure')).toEqual(['B', 'C', 'D'])
  })

  test('reads the headings of one class only', () => {
    const markdown = '# Errors\n## `Failure`\n### `A`\n`B` is no heading\n### B\n## `Other`\n### `C`\n'
    expect(documentedCodes(markdown, 'Failure')).toEqual(['A'])
    expect(documentedCodes(markdown, 'Other')).toEqual(['C'])
    expect(() => documentedCodes(markdown, 'Third')).toThrow('no section "## Third"')
  })
})
