// A lock file beside a unix socket path: of all servers that want to replace a stale socket one does it at a time. Made
// with O_EXCL. One that a killed process left is broken: at once if its process is gone, else when it is too old.

import { linkSync, lstatSync, readFileSync, renameSync, rmSync, type Stats, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** What is done under the lock takes milliseconds. */
const OLDEST_MS = 10_000

export class PathLock {
  readonly #path: string
  readonly #made: Stats | undefined

  private constructor(path: string) {
    this.#path = path
    this.#made = statOf(path)
  }

  /** The lock, or undefined while somebody else holds it. Throws what the file system throws. */
  static take(path: string): PathLock | undefined {
    const lock = `${path}.lock`
    breakIfLeft(lock)
    try {
      writeFileSync(lock, `${process.pid} ${hostname()}`, { flag: 'wx', mode: 0o600 })
      return new PathLock(lock)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
      throw error
    }
  }

  /** Whether nobody has broken it: false for a process that was stopped for longer than a lock may be old. */
  get isHeld(): boolean {
    return isSame(statOf(this.#path), this.#made)
  }

  release(): void {
    if (this.isHeld) rmSync(this.#path, { force: true })
  }
}

/** What stands at a path, links not followed; undefined = nothing. */
export function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function breakIfLeft(lock: string): void {
  const left = statOf(lock)
  if (left === undefined || !(isOld(left) || isHolderGone(lock))) return
  // Two may find it left behind. A rename gives it to one of them; who got a newer one instead puts it back.
  const aside = `${lock}.${process.pid}`
  try {
    renameSync(lock, aside)
    if (!isSame(statOf(aside), left)) linkSync(aside, lock)
  } catch {
    // The other one was faster.
  }
  rmSync(aside, { force: true })
}

/** The number of a deleted inode is soon used again, so the time belongs to it. */
function isSame(found: Stats | undefined, other: Stats | undefined): boolean {
  return found !== undefined && found.ino === other?.ino && found.mtimeMs === other.mtimeMs
}

function isOld({ mtimeMs }: Stats): boolean {
  return Math.abs(Date.now() - mtimeMs) > OLDEST_MS
}

/** Only of this machine, and not of another container on the same folder, the process can be asked for. */
function isHolderGone(lock: string): boolean {
  try {
    const [pid, host] = readFileSync(lock, 'utf8').split(' ')
    if (host !== hostname() || !/^\d+$/.test(pid ?? '')) return false
    process.kill(Number(pid), 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  return false
}
