// Where things are in this repository: its root, the published packages in dependency order, their files and entries.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** The published packages, lowest first: each may import only those before it. */
export const PACKAGES = ['codec', 'transport', 'rpc'] as const
export type PackageName = (typeof PACKAGES)[number]

export interface Manifest {
  name: string
  license?: string
  type?: string
  engines?: Record<string, string>
  exports?: Record<string, string | { types: string; default: string }>
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

/** One importable name of a package and the source file behind it: `@framewire/codec/testing` is `testing.ts`. */
export interface Entry {
  specifier: string
  file: string
}

export function read(path: string): string {
  const file = join(ROOT, path)
  if (!existsSync(file)) throw new Error(`${path} is missing`)
  return readFileSync(file, 'utf8')
}

export function manifest(name: PackageName): Manifest {
  return JSON.parse(read(`packages/${name}/package.json`)) as Manifest
}

export function entries(name: PackageName): Entry[] {
  return entriesOf(manifest(name))
}

export function entriesOf({ name, exports = {} }: Manifest): Entry[] {
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (typeof target === 'string') return []
    const file = target.default.replace(/^\.\/dist\/(.+)\.js$/, '$1.ts')
    return [{ specifier: name + subpath.slice(1), file }]
  })
}

/** The files of a package's src that are published, without their folder. src is flat, so a folder in it is refused. */
export function sources(name: PackageName): string[] {
  const found = readdirSync(join(ROOT, 'packages', name, 'src'), { withFileTypes: true })
  const folder = found.find((entry) => entry.isDirectory())
  if (folder) throw new Error(`packages/${name}/src/${folder.name} is a folder, but src is flat`)
  return found.map((entry) => entry.name).filter((file) => !file.endsWith('.test.ts'))
}

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'reports'])

/** Every TypeScript and JavaScript file written by hand, tests included, as paths from the root. */
export function allSources(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : allSources(path)
    return /\.(ts|js|mjs)$/.test(entry.name) ? [path] : []
  })
}
