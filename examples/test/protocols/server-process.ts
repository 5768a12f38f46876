// A real server that a test starts on loopback and stops by its pid, also when the test fails. Ready = it takes a
// connection, or what the test asks; one that ends or is not ready at the deadline is an error with what it printed.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const READY_MS = 20_000
const STOP_MS = 5_000

/** The first such program in the given folders, in PATH or in /usr/sbin, where Debian keeps servers; or undefined. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter)
  return [...folders, ...path, '/usr/sbin'].map((folder) => join(folder, name)).find(isExecutable)
}

/** The subfolders of a folder, the last first; none where it does not exist. */
export function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder)
      .map((name) => join(folder, name))
      .reverse()
  } catch {
    return []
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export class TemporaryFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'framewire-'))

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Runs a program to its end and returns what it printed; throws when it fails. */
export async function run(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = collect(child)
  const [code] = await once(child, 'close')
  if (code === 0) return printed()
  throw new Error(`${command} ended with ${code}\n${printed()}`)
}

/** A port of 127.0.0.1 that nobody listens on just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export interface ServerOptions extends SpawnOptions {
  /** Whether the server serves. @default it takes a connection */
  isReady?: (port: number) => Promise<boolean>
}

export class ServerProcess {
  readonly port: number
  readonly #child: ChildProcess
  readonly #printed: () => string
  readonly #kill = (): void => {
    this.#child.kill('SIGKILL')
  }

  private constructor(command: string, args: readonly string[], port: number, options: SpawnOptions) {
    this.port = port
    this.#child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#printed = collect(this.#child)
    process.once('exit', this.#kill)
  }

  /** Starts it with the arguments for a free port, and once more if that port was taken meanwhile. */
  static async start(
    command: string,
    argsFor: (port: number) => readonly string[],
    { isReady = accepts, ...options }: ServerOptions = {},
  ): Promise<ServerProcess> {
    for (let attempt = 1; ; attempt++) {
      const port = await freePort()
      const server = new ServerProcess(command, argsFor(port), port, options)
      try {
        await server.#ready(isReady)
        return server
      } catch (error) {
        await server.stop()
        if (attempt === 3) throw error
      }
    }
  }

  async stop(): Promise<void> {
    process.off('exit', this.#kill)
    const child = this.#child
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGTERM')
    const timer = setTimeout(this.#kill, STOP_MS)
    await closed
    clearTimeout(timer)
  }

  async #ready(isReady: (port: number) => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + READY_MS
    while (!(await isReady(this.port))) {
      const { exitCode, signalCode, spawnfile, pid } = this.#child
      const ended = pid === undefined || exitCode !== null || signalCode !== null
      if (ended || performance.now() > deadline) {
        throw new Error(`${spawnfile} ${ended ? 'ended' : 'is not ready'}\n${this.#printed()}`)
      }
      await pause(10)
    }
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

export async function connectTo(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket
}

function collect(child: ChildProcess): () => string {
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  }
  child.on('error', (error) => {
    printed += String(error)
  })
  return () => printed
}
