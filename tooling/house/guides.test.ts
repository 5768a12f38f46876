// The programs of docs/guides: type-checked together, then each run as a process of its own to its end, which must come by
// itself, with the text block behind it as what it prints. A block marked `before` shows another library, and is not run.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run, succeed, TSC } from './command.ts'
import { split } from './markdown.ts'
import { ROOT, read } from './workspace.ts'

/** Inside the repository, so that `@framewire/*` resolves to the built packages; ignored by git. */
const FOLDER = join(ROOT, 'tooling/.cache/guides')

const GUIDES = readdirSync(join(ROOT, 'docs/guides')).toSorted()

interface Program {
  name: string
  code: string
  /** What the page says it prints; undefined if it says nothing. */
  printed: string | undefined
}

function programs(guide: string): Program[] {
  const { blocks } = split(read(`docs/guides/${guide}`))
  return blocks.flatMap(({ language, mark, text, line }, index) => {
    if (language !== 'ts' || mark === 'before') return []
    const next = blocks[index + 1]
    const printed = next?.language === 'text' ? next.text : undefined
    return [{ name: `${guide.replace('.md', '')}-${line}`, code: text, printed }]
  })
}

const PROGRAMS = GUIDES.flatMap(programs)

beforeAll(async () => {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  for (const { name, code } of PROGRAMS) writeFileSync(join(FOLDER, `${name}.ts`), code)
  const compilerOptions = { composite: false, declaration: false, isolatedDeclarations: false, noEmitOnError: true }
  const config = {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions: { ...compilerOptions, rootDir: '.', outDir: 'dist' },
    include: ['*.ts'],
  }
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify(config))
  await succeed(TSC, ['-p', FOLDER])
})
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }))

test.each(PROGRAMS)('$name runs and prints what the guide says', async ({ name, printed }) => {
  const { code, stdout, stderr } = await run('timeout', ['60', process.execPath, join(FOLDER, 'dist', `${name}.js`)])
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: printed, stderr: '' })
})

describe.each(GUIDES)('%s', (guide) => {
  const page = read(`docs/guides/${guide}`)
  const { blocks } = split(page)

  test('has a program, or sends to one, fits on a page, and stands in the list of guides', () => {
    expect(programs(guide).length).toBeGreaterThan(0)
    expect(page.split('\n').length).toBeLessThanOrEqual(130)
    expect(read('docs/README.md')).toContain(`(guides/${guide})`)
  })

  test('has no block that nothing looks at', () => {
    const kinds = new Set(blocks.map(({ language, mark }) => `${language} ${mark}`.trim()))
    expect([...kinds].filter((kind) => !['ts', 'text', 'ts before', 'proto before'].includes(kind))).toEqual([])
    if (guide.startsWith('migrating')) expect(blocks.some(({ mark }) => mark === 'before')).toBe(true)
  })
})
