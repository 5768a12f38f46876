// The files that part 2 sends: found before anything is sent, in order of their names, with limits on number and time.
// What is left out is counted and named, never dropped silently.
import type { Dirent } from 'node:fs'
import { access, constants, opendir, readFile, stat } from 'node:fs/promises'
import { basename, relative, resolve } from 'node:path'
import { DemoError } from './demo-error.ts'
import { formatCount } from './figure.ts'

export interface SourceFile {
  readonly name: string
  readonly path: string
  readonly size: number
  /** There when the whole set is small. */
  readonly contents?: Uint8Array
}

export interface FileSet {
  readonly name: string
  readonly files: readonly SourceFile[]
  readonly bytes: number
  /** What of the path is not among the files, and why. */
  readonly leftOut: readonly string[]
}

const MAX_FILES = 20_000
const MAX_SEARCH_MS = 1_000
/** Up to here a set is read once and kept, so that opening small files again and again does not hide the sending. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024

/** All files under the paths. Throws a DemoError with exit code 2 when a path cannot be read or there is no file. */
export async function findFiles(
  name: string,
  paths: readonly string[],
  skippedNames: ReadonlySet<string> = new Set(),
): Promise<FileSet> {
  const search = new FileSearch(skippedNames)
  for (const path of paths) await search.addPath(path)
  const files = sumOfSizes(search.files) <= MAX_KEPT_BYTES ? await search.readAll() : search.files
  const { leftOut } = search
  if (files.length > 0) return { name, files, bytes: sumOfSizes(files), leftOut }
  const reasons = leftOut.length === 0 ? '' : ` (left out: ${leftOut.join(', ')})`
  throw new DemoError(2, `${name} holds no file to send${reasons}`)
}

class FileSearch {
  readonly files: SourceFile[] = []
  readonly #skippedNames: ReadonlySet<string>
  readonly #endsAt = performance.now() + MAX_SEARCH_MS
  #unreadable = 0
  #special = 0
  #isCut = false

  constructor(skippedNames: ReadonlySet<string>) {
    this.#skippedNames = skippedNames
  }

  get leftOut(): string[] {
    const reasons: string[] = []
    if (this.#special > 0) {
      reasons.push(formatCount(this.#special, 'symbolic link or special file', 'symbolic links or special files'))
    }
    if (this.#unreadable > 0) {
      reasons.push(`${formatCount(this.#unreadable, 'file or folder', 'files or folders')} that cannot be read`)
    }
    if (this.#isCut) {
      reasons.push(
        `what the search did not reach within ${formatCount(MAX_FILES, 'file')} and ${MAX_SEARCH_MS / 1_000} s`,
      )
    }
    return reasons
  }

  /** A path that must be readable: the user named it. */
  async addPath(path: string): Promise<void> {
    try {
      const stats = await stat(path)
      await access(path, constants.R_OK)
      if (stats.isDirectory()) await this.#addFolder(path, path)
      else if (stats.isFile()) this.files.push({ name: basename(path), path, size: stats.size })
      else throw new DemoError(2, `${path} is neither a file nor a folder`)
    } catch (error) {
      throw error instanceof DemoError ? error : new DemoError(2, explain(path, error as NodeJS.ErrnoException))
    }
  }

  /** The files with their contents. */
  async readAll(): Promise<SourceFile[]> {
    const read: SourceFile[] = []
    for (const file of this.files) {
      try {
        const contents = await readFile(file.path)
        read.push({ ...file, size: contents.length, contents })
      } catch {
        this.#unreadable++
      }
    }
    return read
  }

  async #addFolder(root: string, folder: string): Promise<void> {
    for (const entry of await this.#entriesOf(folder)) {
      if (this.#mustStop()) return
      if (this.#skippedNames.has(entry.name)) continue
      try {
        await this.#addEntry(root, resolve(folder, entry.name), entry)
      } catch {
        this.#unreadable++
      }
    }
  }

  async #addEntry(root: string, path: string, entry: Dirent): Promise<void> {
    if (entry.isDirectory()) await this.#addFolder(root, path)
    else if (entry.isFile()) this.files.push({ name: relative(root, path), path, size: (await stat(path)).size })
    else this.#special++
  }

  async #entriesOf(folder: string): Promise<Dirent[]> {
    const entries: Dirent[] = []
    for await (const entry of await opendir(folder, { bufferSize: 512 })) {
      entries.push(entry)
      if (entries.length > MAX_FILES) break
    }
    return entries.sort((left, right) => (left.name < right.name ? -1 : 1))
  }

  /** Asked only where something is left to look at. */
  #mustStop(): boolean {
    const mustStop = this.files.length >= MAX_FILES || performance.now() > this.#endsAt
    if (mustStop) this.#isCut = true
    return mustStop
  }
}

function sumOfSizes(files: readonly SourceFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}

function explain(path: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return `${path} does not exist`
  if (error.code === 'EACCES' || error.code === 'EPERM') return `${path} cannot be read: permission denied`
  return `${path} cannot be read: ${error.message}`
}
