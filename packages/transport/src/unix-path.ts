// The file of a unix socket. A server binds a name of its own beside the path and moves it there once it listens, with its
// mode set: who finds the path finds a server, never half of one; and what Node unlinks at close is that other name, so
// the path of a server that came later stays. Invariant: a path that is live, or not ours, is never unlinked.

import { randomBytes } from 'node:crypto'
import { linkSync, renameSync, rmSync, type Stats } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { MAX_PATH_BYTES } from './address.ts'
import { PathLock, statOf } from './path-lock.ts'
import { TransportError } from './transport-error.ts'

/** `'replace'`: a socket file that nobody listens on is replaced; `'error'`: it is ADDRESS_IN_USE. */
export type StaleSocket = 'replace' | 'error'

/** How often, and for how long, a server looks whether another one is done with the path. Longer than a lock lives. */
const POLL_MS = 20
const PATIENCE_MS = 15_000

/** A name in the same folder for a socket that is not at `path` yet. Throws RangeError when no short one fits. */
export function temporaryPath(path: string): string {
  const suffix = `.${randomBytes(3).toString('hex')}`
  if (Buffer.byteLength(path + suffix) <= MAX_PATH_BYTES) return path + suffix
  const temporary = path.slice(0, path.lastIndexOf('/') + 1) + suffix
  if (Buffer.byteLength(temporary) <= MAX_PATH_BYTES) return temporary
  throw new RangeError(`unix socket path ${path} leaves no room for a name of 7 bytes beside it`)
}

/** The socket that `publish` has put at a path. */
export class PublishedPath {
  readonly #path: string
  readonly #stat: Stats

  constructor(path: string, stat: Stats) {
    this.#path = path
    this.#stat = stat
  }

  /** Unlinks the path if it is still this socket's. To be called while the socket is open: its inode is nobody else's. */
  remove(): void {
    if (isSameFile(statOf(this.#path), this.#stat)) rmSync(this.#path, { force: true })
  }
}

/**
 * Moves the socket at `temporary`, which listens, to `path`. Rejects with ADDRESS_IN_USE where somebody listens, and with
 * LISTEN_FAILED where something else stands; what stands there is left as it is.
 */
export async function publish(
  temporary: string,
  path: string,
  options: { staleSocket: StaleSocket; signal?: AbortSignal | undefined },
): Promise<PublishedPath> {
  const own = statOf(temporary)
  if (own === undefined) throw new TransportError('LISTEN_FAILED', `${temporary} is gone`)
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end) {
    options.signal?.throwIfAborted()
    if (linkUnlessThere(temporary, path)) return new PublishedPath(path, own)
    if (options.staleSocket === 'error') throw inUse(path, 'exists already')
    const stale = await staleAt(path)
    if (stale !== undefined && (await replace(temporary, path, stale))) return new PublishedPath(path, own)
    await delay(POLL_MS)
  }
  throw inUse(path, 'is being claimed by others')
}

/** Atomic: of all who try while nothing is there one succeeds. */
function linkUnlessThere(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  rmSync(temporary, { force: true })
  return true
}

/** What is left of a server that is gone. Undefined = it has just vanished. Throws for everything else. */
async function staleAt(path: string): Promise<Stats | undefined> {
  const found = statOf(path)
  if (found === undefined) return undefined
  if (!found.isSocket()) throw new TransportError('LISTEN_FAILED', `unix:${path} is ${kindOf(found)}, not a socket`)
  const answer = await probe(path)
  if (answer === 'ENOENT') return undefined
  if (answer !== 'ECONNREFUSED') throw inUse(path, answer === '' ? 'is in use' : `is in use (${answer})`)
  const user = process.getuid?.()
  if (user !== found.uid) throw inUse(path, `belongs to user ${found.uid}, this is user ${user}`)
  return found
}

/** Replaces under the lock what is stale still. False = others are at it, or were: look again. */
async function replace(temporary: string, path: string, stale: Stats): Promise<boolean> {
  const lock = PathLock.take(path)
  if (lock === undefined) return false
  try {
    const isStale = (await probe(path)) === 'ECONNREFUSED'
    if (!isStale || !isSameFile(statOf(path), stale) || !lock.isHeld) return false
    renameSync(temporary, path)
    return true
  } finally {
    lock.release()
  }
}

/** Connects: '' = somebody listens, else the error's code. A full backlog is EAGAIN, so that one is live as well. */
function probe(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.once('connect', () => {
      socket.destroy()
      resolve('')
    })
  })
}

function isSameFile(found: Stats | undefined, stat: Stats): boolean {
  return found?.ino === stat.ino && found.dev === stat.dev
}

function kindOf(stat: Stats): string {
  if (stat.isSymbolicLink()) return 'a symbolic link'
  if (stat.isDirectory()) return 'a directory'
  return stat.isFile() ? 'a file' : 'a device'
}

function inUse(path: string, why: string): TransportError {
  return new TransportError('ADDRESS_IN_USE', `unix:${path} ${why}`)
}
