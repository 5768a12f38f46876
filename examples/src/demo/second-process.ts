// The second process as this one sees it: started, listening, stopped. It ends by itself when the channel between the
// two closes, whether `stop` closes it or the death of this process does. Only one that does not is killed.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DemoError } from './demo-error.ts'
import type { Addresses, StartReport } from './server-process.ts'

const STOP_TIMEOUT_MS = 3_000

/** How it ended after it was told to. */
export interface Ending {
  /** The exit code, or the signal that killed it. */
  exit: number | string
  milliseconds: number
  /** Of its sockets and its folder: what is still there. */
  remains: readonly string[]
}

export class SecondProcess {
  readonly pid: number | undefined
  /** Resolves with where it listens. */
  readonly listening: Promise<Addresses>
  /** Rejects when it ends without having been told to; never resolves. */
  readonly lost: Promise<never>
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  #addresses: Addresses | undefined
  #stopping: Promise<Ending> | undefined

  constructor() {
    const file = fileURLToPath(new URL('./server-process.js', import.meta.url))
    this.#child = fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.pid = this.#child.pid
    this.#exited = once(this.#child, 'exit')
    this.listening = this.#start()
    this.lost = this.#exited.then(() => this.#refuseEnd())
  }

  stop(): Promise<Ending> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #start(): Promise<Addresses> {
    const [report] = (await once(this.#child, 'message')) as [StartReport]
    if ('failure' in report) throw new DemoError(1, `the second process cannot listen: ${report.failure}`)
    this.#addresses = report
    return report
  }

  async #stop(): Promise<Ending> {
    const startedAt = performance.now()
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    if (this.#child.connected) this.#child.disconnect()
    await this.#exited
    clearTimeout(force)
    const { exitCode, signalCode } = this.#child
    const remains = this.#takeRemains()
    return { exit: signalCode ?? exitCode ?? '', milliseconds: performance.now() - startedAt, remains }
  }

  /** What it should have removed; it is removed now. */
  #takeRemains(): string[] {
    if (this.#addresses === undefined) return []
    const { folder, sockets } = this.#addresses
    const remains = [...sockets, folder].filter((path) => existsSync(path))
    rmSync(folder, { recursive: true, force: true })
    return remains
  }

  #refuseEnd(): Promise<never> {
    if (this.#stopping !== undefined) return new Promise(() => {})
    const { exitCode, signalCode } = this.#child
    return Promise.reject(new DemoError(1, `the second process ended early (${signalCode ?? exitCode})`))
  }
}
