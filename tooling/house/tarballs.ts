// The packages as a user gets them: packed by npm into a folder that is removed with the run.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { succeed } from './command.ts'
import { PACKAGES, type PackageName } from './workspace.ts'

export interface Tarball {
  path: string
  /** What is inside, as paths from the package's root. */
  files: string[]
}

interface Packed {
  name: string
  filename: string
  files: { path: string }[]
}

export class TemporaryFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'framewire-house-'))

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

export async function packAll(folder: string): Promise<Record<PackageName, Tarball>> {
  const workspaces = PACKAGES.flatMap((name) => ['--workspace', `packages/${name}`])
  const json = await succeed('npm', ['pack', '--json', '--ignore-scripts', ...workspaces, '--pack-destination', folder])
  const tarballs = (JSON.parse(json) as Packed[]).map(({ name, filename, files }) => {
    return [name.replace('@framewire/', ''), { path: join(folder, filename), files: files.map(({ path }) => path) }]
  })
  return Object.fromEntries(tarballs) as Record<PackageName, Tarball>
}
