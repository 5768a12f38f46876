import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run, succeed } from './command.ts'
import { packAll, type Tarball, TemporaryFolder } from './tarballs.ts'
import { type Manifest, manifest, PACKAGES, type PackageName, ROOT, read, sources } from './workspace.ts'

/** What a package ships: its published sources compiled, and three files that say what it is. */
function expectedFiles(sourceFiles: readonly string[]): string[] {
  const compiled = sourceFiles.flatMap((file) => {
    return ['.js', '.js.map', '.d.ts'].map((ending) => `dist/${file.replace(/\.ts$/, ending)}`)
  })
  return [...compiled, 'LICENSE', 'README.md', 'package.json'].sort()
}

function manifestViolations({ license, type, engines, dependencies, ...rest }: Manifest): string[] {
  const { peerDependencies = {}, peerDependenciesMeta = {} } = rest
  const foreign = Object.keys(dependencies ?? {}).filter((name) => !name.startsWith('@framewire/'))
  const required = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true)
  return [
    ...(license === 'MIT' ? [] : ['license is not MIT']),
    ...(type === 'module' ? [] : ['type is not module']),
    ...(engines?.node === '>=20.19' ? [] : ['engines.node is not >=20.19']),
    ...foreign.map((name) => `${name} is a runtime dependency`),
    ...required.map((name) => `${name} is a peer dependency that is not optional`),
  ]
}

async function publintMessages(tarball: Uint8Array): Promise<string[]> {
  const buffer = Uint8Array.from(tarball).buffer
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true })
  return messages.map((message) => `${message.type}: ${formatMessage(message, pkg ?? {}, { color: false })}`)
}

const ATTW = join(ROOT, 'node_modules/.bin/attw')

/** attw's complaints, or nothing. */
async function attwFaults(tarball: string): Promise<string> {
  const { code, stdout, stderr } = await run(ATTW, ['--profile', 'esm-only', '--format', 'ascii', tarball])
  return code === 0 ? '' : stdout + stderr
}

const folder = new TemporaryFolder()
let tarballs: Record<PackageName, Tarball>
beforeAll(async () => {
  tarballs = await packAll(folder.path)
})
afterAll(() => folder.remove())

describe.each(PACKAGES)('packages/%s', (name) => {
  test('ships its compiled sources and nothing else (a file of an older build: remove dist and build again)', () => {
    expect(tarballs[name].files.toSorted()).toEqual(expectedFiles(sources(name)))
  })

  test('declares its licence, module type, Node version and no foreign dependency', () => {
    expect(manifestViolations(manifest(name))).toEqual([])
  })

  test('carries the licence of the repository', () => {
    expect(read(`packages/${name}/LICENSE`)).toBe(read('LICENSE'))
  })

  test('publint has nothing to say', async () => {
    expect(await publintMessages(readFileSync(tarballs[name].path))).toEqual([])
  })

  test('its types resolve as its code does (attw)', async () => {
    expect(await attwFaults(tarballs[name].path)).toBe('')
  })
})

describe('the check', () => {
  test('expects three files of each source', () => {
    const compiled = ['dist/a.d.ts', 'dist/a.js', 'dist/a.js.map']
    expect(expectedFiles(['a.ts'])).toEqual(['LICENSE', 'README.md', ...compiled, 'package.json'])
  })

  test('finds what a manifest may not say', () => {
    const sound = { name: 'x', license: 'MIT', type: 'module', engines: { node: '>=20.19' } }
    expect(manifestViolations({ ...sound, dependencies: { '@framewire/codec': '0.1.0' } })).toEqual([])
    expect(manifestViolations({ name: 'x' })).toHaveLength(3)
    expect(manifestViolations({ ...sound, dependencies: { zod: '4' }, peerDependencies: { ajv: '8' } })).toEqual([
      'zod is a runtime dependency',
      'ajv is a peer dependency that is not optional',
    ])
  })

  test('publint and attw find an entry whose files are not there', async () => {
    const broken = join(folder.path, 'broken')
    mkdirSync(broken)
    const target = (file: string) => ({ types: `./${file}.d.ts`, default: `./${file}.js` })
    const exports = { '.': target('index'), './gone': target('gone') }
    const about = { name: 'broken', version: '1.0.0', type: 'module', exports }
    writeFileSync(join(broken, 'package.json'), JSON.stringify(about))
    writeFileSync(join(broken, 'index.js'), 'export const a = 1\n')
    writeFileSync(join(broken, 'index.d.ts'), 'export declare const a: number\n')
    const tarball = join(folder.path, (await succeed('npm', ['pack', '--silent', broken], folder.path)).trim())
    expect((await publintMessages(readFileSync(tarball))).join('\n')).toContain('gone.d.ts')
    expect(await attwFaults(tarball)).toContain('broken/gone')
  })
})
