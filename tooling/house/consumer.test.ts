// A stranger's project: the three tarballs in an empty folder outside the repository, without network.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, succeed, TSC } from './command.ts'
import { valueExports } from './syntax.ts'
import { packAll, TemporaryFolder } from './tarballs.ts'
import { entries, manifest, PACKAGES, ROOT, read } from './workspace.ts'

const IMPORTABLE = PACKAGES.flatMap((name) => entries(name).map((entry) => ({ name, ...entry })))

const folder = new TemporaryFolder()
afterAll(() => folder.remove())

function write(file: string, text: string): void {
  writeFileSync(join(folder.path, file), text)
}

/** Optional peers are not installed by npm; a user who imports the entry that needs one has it. */
function linkPeers(): void {
  for (const peer of new Set(PACKAGES.flatMap((name) => Object.keys(manifest(name).peerDependencies ?? {})))) {
    const link = join(folder.path, 'node_modules', peer)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', peer), link)
  }
}

beforeAll(async () => {
  const tarballs = Object.values(await packAll(folder.path)).map(({ path }) => path)
  write('package.json', '{ "private": true, "type": "module" }')
  await succeed(
    'npm',
    ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs],
    folder.path,
  )
  linkPeers()
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
  }
  write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
})

test('plain JavaScript imports every entry and finds the names its source exports', async () => {
  const lines = IMPORTABLE.map(({ specifier }) => `'${specifier}': Object.keys(await import('${specifier}')).sort(),`)
  write('names.mjs', `console.log(JSON.stringify({\n${lines.join('\n')}\n}))\n`)
  const names = JSON.parse(await succeed(process.execPath, ['names.mjs'], folder.path)) as Record<string, string[]>
  const expected = IMPORTABLE.map(({ name, specifier, file }) => {
    return [specifier, valueExports(read(`packages/${name}/src/${file}`))]
  })
  expect(names).toEqual(Object.fromEntries(expected))
})

test('strict TypeScript compiles against every entry, its declarations checked too', async () => {
  const imports = IMPORTABLE.map(({ specifier }, index) => `import * as entry${index} from '${specifier}'`)
  const used = IMPORTABLE.map((_, index) => `entry${index}`).join(', ')
  write('consumer.ts', `${imports.join('\n')}\nconsole.log(${used})\n`)
  expect(await run(TSC, ['-p', '.'], folder.path)).toEqual({ code: 0, stdout: '', stderr: '' })
})

test('the check finds a name that is not exported and a file that is not an entry', async () => {
  write(
    'consumer.ts',
    "import { nothing } from '@framewire/codec'\nimport '@framewire/codec/src/index.ts'\nnothing()\n",
  )
  const { code, stdout } = await run(TSC, ['-p', '.'], folder.path)
  expect(code).not.toBe(0)
  expect(stdout).toMatch(/TS2305.*nothing/)
  expect(stdout).toMatch(/Cannot find module.*src\/index/)
})
