import { describe, expect, test } from 'vitest'
import { lineCount, longFunctions, MAX_FILE_LINES, MAX_FUNCTION_LINES } from './size.ts'
import { allSources, read } from './workspace.ts'

test('no file is longer than 400 lines', () => {
  const long = allSources()
    .map((file) => ({ file, lines: lineCount(read(file)) }))
    .filter(({ lines }) => lines > MAX_FILE_LINES)
  expect(long).toEqual([])
})

test('no function is longer than 70 lines', () => {
  expect(allSources().flatMap((file) => longFunctions(file, read(file)))).toEqual([])
})

test.each([
  ['README.md', 200],
  ['ARCHITECTURE.md', 150],
])('%s has at most %i lines', (file, limit) => {
  expect(lineCount(read(file))).toBeLessThanOrEqual(limit)
})

describe('the check', () => {
  const body = (lines: number) => '\n'.repeat(lines - 1)
  const long = body(MAX_FUNCTION_LINES + 1)

  test('sees the sources of every workspace', () => {
    expect(allSources()).toEqual(
      expect.arrayContaining(['tooling/turbo.js', 'packages/codec/src/index.ts', 'bench/vitest.config.ts']),
    )
    expect(allSources().filter((file) => /node_modules|dist/.test(file))).toEqual([])
  })

  test('counts lines with and without a closing line break', () => {
    expect([lineCount(''), lineCount('a'), lineCount('a\n'), lineCount('a\nb')]).toEqual([0, 1, 1, 2])
  })

  test.each([
    ['declaration', `function slow() {${long}}`, 'slow'],
    ['arrow', `const slow = () => {${long}}`, 'slow'],
    ['method', `class A { slow() {${long}} }`, 'slow'],
    ['private method', `class A { #slow() {${long}} }`, '#slow'],
    ['method of an object', `const a = { slow() {${long}} }`, 'slow'],
    ['field', `class A { slow = () => {${long}} }`, 'slow'],
    ['callback', `addEventListener('x', () => {${long}})`, 'a function'],
    ['describe without vitest', `describe('x', () => {${long}})`, 'a function'],
  ])('finds a long %s', (_, text, name) => {
    expect(longFunctions('a.ts', text)).toEqual([`a.ts:1 ${name} has 71 lines`])
  })

  test('lets a function of exactly the limit pass', () => {
    expect(longFunctions('a.ts', `function f() {${body(MAX_FUNCTION_LINES)}}`)).toEqual([])
  })

  test('lets the chapters of a test file pass, and nothing inside them', () => {
    const vitest = "import { test } from 'vitest'\n"
    expect(longFunctions('a.test.ts', `${vitest}test.each([1])('x', () => {${long}})`)).toEqual([])
    const inner = `${vitest}describe('x', () => { function setUp() {${long}} })`
    expect(longFunctions('a.test.ts', inner)).toEqual(['a.test.ts:2 setUp has 71 lines'])
  })
})
