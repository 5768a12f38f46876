// Servers and clients as real processes, and the talk with them. Every child ends with its trial, whatever happened; one
// that dies unasked is an error with its last words.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from '@framewire/testkit'
import type { Trial } from './trial.ts'

/** From the child: the answer to a question, or something that has happened. */
export type Word =
  | { answer: number; value: unknown }
  | { answer: number; failure: string }
  | { event: string; value: unknown }

export type Role = 'server' | 'client'

export interface ChildOptions {
  /** In front of the command line: `ip netns exec NAME`, `prlimit --nofile=64`. */
  before?: readonly string[]
  /** Options of Node. */
  node?: readonly string[]
}

const KEPT_STDERR = 4_096

export class Child {
  readonly process: ChildProcess
  /** Its exit code and the signal that ended it. */
  readonly over: Promise<[code: number | null, signal: string | null]>
  readonly #role: Role
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  readonly #listeners: ((event: string, value: unknown) => void)[] = []
  #mayEnd = false
  #asked = 0
  #stderr = ''

  /** Started by `startChild`. */
  constructor(role: Role, config: object, { before = [], node = [] }: ChildOptions) {
    this.#role = role
    // The built file, from src and from dist alike: Node 20 does not read TypeScript.
    const file = fileURLToPath(new URL(`../dist/${role}-process.js`, import.meta.url))
    const line = [...before, process.execPath, '--expose-gc', ...node, file, JSON.stringify(config)]
    this.process = spawn(line[0] as string, line.slice(1), { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
    this.over = this.#end()
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR)
    })
    this.process.on('message', (word: Word) => this.#hear(word))
    this.over.then(
      () => this.#fail(),
      () => this.#fail(),
    )
  }

  /** Whether it runs, and can be asked. */
  get isUp(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null && this.process.connected
  }

  /** What it wrote to stderr last. */
  get lastWords(): string {
    return this.#stderr.trim()
  }

  /** Asks and waits for the answer. */
  ask<T>(question: string, argument?: unknown, deadlineMs?: number): Promise<T> {
    const id = ++this.#asked
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    if (!this.process.connected) this.#fail()
    else this.process.send({ ask: id, question, argument })
    return within(`${this.#role} process: ${question}`, answer, deadlineMs) as Promise<T>
  }

  /** Everything that happens in the child from now on. */
  onEvent(listener: (event: string, value: unknown) => void): void {
    this.#listeners.push(listener)
  }

  signal(name: NodeJS.Signals): void {
    if (name === 'SIGKILL') this.#mayEnd = true
    this.process.kill(name)
  }

  /** It ends by itself once nothing is left to do (I3); after that by force. */
  async stop(violations: string[]): Promise<void> {
    const { exitCode, signalCode } = this.process
    const isOver = exitCode !== null || signalCode !== null
    // One that died on its own may have taken with it what the row was to see.
    if (isOver && !this.#mayEnd) {
      violations.push(`I3 the ${this.#role} process ended unasked with ${signalCode ?? exitCode}: ${this.lastWords}`)
    }
    this.#mayEnd = true
    if (isOver) return
    this.process.kill('SIGCONT')
    if (this.process.connected) this.process.disconnect()
    const force = setTimeout(() => {
      violations.push(`I3 the ${this.#role} process does not end by itself`)
      this.process.kill('SIGKILL')
    }, 10_000)
    const [code, signal] = await this.over
    clearTimeout(force)
    if (code !== 0) violations.push(`I3 the ${this.#role} process ended with ${signal ?? code}: ${this.lastWords}`)
  }

  /** With its last words: they may arrive after its end. */
  async #end(): Promise<[number | null, string | null]> {
    const end = (await once(this.process, 'exit')) as [number | null, string | null]
    const { stderr } = this.process
    if (stderr !== null && !stderr.closed) await once(stderr, 'close')
    return end
  }

  #hear(word: Word): void {
    if ('event' in word) {
      for (const listener of this.#listeners) listener(word.event, word.value)
      return
    }
    const waiting = this.#waiting.get(word.answer)
    this.#waiting.delete(word.answer)
    if ('failure' in word) waiting?.reject(new Error(`${this.#role} process: ${word.failure}`))
    else waiting?.resolve(word.value)
  }

  #fail(): void {
    const { exitCode, signalCode } = this.process
    const error = new Error(`the ${this.#role} process is gone (${signalCode ?? exitCode}): ${this.lastWords}`)
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** A child that is up. */
export async function startChild(trial: Trial, role: Role, config: object, options: ChildOptions = {}): Promise<Child> {
  const child = new Child(role, config, options)
  trial.atEnd(() => child.stop(trial.violations))
  const up = new Promise<void>((resolve) => child.onEvent((event) => event === 'up' && resolve()))
  const died = child.over.then(() => Promise.reject(new Error(`the ${role} process did not start: ${child.lastWords}`)))
  await within(`the ${role} process`, Promise.race([up, died]))
  return child
}
