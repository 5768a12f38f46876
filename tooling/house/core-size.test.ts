import { describe, expect, test } from 'vitest'
import { bundleOf, codeLineCount } from './core-size.ts'
import { read, sources } from './workspace.ts'

/** What the core of rpc is meant to have at most, and what it has more than that today. The excess may only shrink. */
const CODE_LINES = { limit: 2_500, excess: 1_875 }
const GZIPPED_BYTES = { limit: 14_000, excess: 6_960 } // 14 kB, not KiB

/** Fails above limit and excess, and when the excess is larger than it need be. */
function check(what: string, size: number, { limit, excess }: typeof CODE_LINES, step: number): void {
  expect(size, `${what}: the limit is ${limit}, and ${excess} more are borne`).toBeLessThanOrEqual(limit + excess)
  if (excess > 0) expect(size, `${what}: the excess of ${excess} can be lowered`).toBeGreaterThan(limit + excess - step)
}

test('the core of rpc has no more lines of code than are borne, blank lines and comments not counted', () => {
  const counts = sources('rpc').map((file) => codeLineCount(read(`packages/rpc/src/${file}`)))
  const total = counts.reduce((sum, count) => sum + count, 0)
  say(`lines of code in ${counts.length} files`, total, CODE_LINES)
  check('lines of code', total, CODE_LINES, 100)
})

test('the core of rpc is no larger than is borne, minified and gzipped, codec and transport not counted', async () => {
  const { minified, gzipped } = await bundleOf('rpc')
  say(`bytes gzipped (${minified} minified)`, gzipped, GZIPPED_BYTES)
  check('bytes gzipped', gzipped, GZIPPED_BYTES, 500)
})

function say(what: string, size: number, { limit }: typeof CODE_LINES): void {
  const over = size > limit ? `${size - limit} above` : 'within'
  console.log(`rpc: ${size} ${what}, ${over} the limit of ${limit}`)
}

describe('the check', () => {
  test('counts lines on which code stands, whatever else is there', () => {
    expect(codeLineCount('')).toBe(0)
    expect(codeLineCount('// a\n\n/* b\n * c\n */\n')).toBe(0)
    expect(codeLineCount('const a = 1 // one\n\n/** of it */ const b = a\n')).toBe(2)
    expect(codeLineCount("const a = '// no comment'\nconst b = `\n\n/* nor this */`\n")).toBe(3)
  })

  test('bundles every file that is needed of the package, and none of another', async () => {
    const { files, minified, gzipped } = await bundleOf('rpc')
    expect(files).toEqual(expect.arrayContaining(['rpc-connection.ts', 'meta.ts']))
    expect(files.filter((file) => !sources('rpc').includes(file))).toEqual([])
    expect(gzipped).toBeLessThan(minified)
  })

  test('refuses what is too large, and an excess that is no longer needed', () => {
    const limit = { limit: 100, excess: 50 }
    expect(() => check('lines', 151, limit, 20)).toThrow('150')
    expect(() => check('lines', 130, limit, 20)).toThrow('can be lowered')
    expect(() => check('lines', 101, { limit: 100, excess: 0 }, 20)).toThrow('100')
    check('lines', 140, limit, 20)
    check('lines', 99, { limit: 100, excess: 0 }, 20)
  })
})
