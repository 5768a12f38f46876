// A program of the tutorial as a person runs it: a process of its own, its output line by line, its input, Ctrl-C. What is
// waited for comes within a deadline, or the test says what was printed instead. Nothing outlives the test.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const DEADLINE_MS = 40_000
const STOP_MS = 5_000
const main = fileURLToPath(new URL('../../dist/tutorial/main.js', import.meta.url))

export class TutorialProgram {
  readonly process: ChildProcessWithoutNullStreams
  /** What it printed so far, on either stream. */
  output = ''
  stdout = ''
  /** Resolves with the exit code, or the signal that killed it, once all its output is there. */
  readonly #closed: Promise<number | string>

  /** `args` as behind `npm run example --`. */
  constructor(...args: string[]) {
    this.process = spawn(process.execPath, [main, ...args])
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    }
    // It may have ended while something was still being typed.
    this.process.stdin.on('error', () => {})
    this.#closed = once(this.process, 'close').then(([code, signal]) => code ?? signal)
    // Asked first, so that it removes what it made; then it has to.
    onTestFinished(async () => {
      this.process.kill('SIGTERM')
      const force = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS)
      await this.#closed
      clearTimeout(force)
    })
  }

  /** Resolves with what matched, once it has been printed. */
  async says(pattern: RegExp | string): Promise<string> {
    const ends = this.#closed.then(() => true)
    for (;;) {
      const found = typeof pattern === 'string' ? this.#find(pattern) : pattern.exec(this.output)?.[0]
      if (found !== undefined) return found
      const printed = Promise.race([once(this.process.stdout, 'data'), once(this.process.stderr, 'data')])
      const isOver = await this.#within(`"${pattern}"`, Promise.race([printed.then(() => false), ends]))
      if (isOver && !this.output.match(pattern)) throw new Error(`ended without "${pattern}"\n${this.output}`)
    }
  }

  /** The address that a server says it listens on. */
  async address(): Promise<string> {
    return (await this.says(/listening on \S+(?=[\s;,])/)).replace('listening on ', '').replace(/[;,]$/, '')
  }

  type(text: string): void {
    this.process.stdin.write(text)
  }

  /** Ctrl-D. */
  endInput(): void {
    this.process.stdin.end()
  }

  /** Ctrl-C. Resolves with how it ended. */
  interrupt(): Promise<number | string> {
    this.process.kill('SIGINT')
    return this.ended()
  }

  ended(): Promise<number | string> {
    return this.#within('its end', this.#closed)
  }

  #find(text: string): string | undefined {
    return this.output.includes(text) ? text : undefined
  }

  async #within<T>(what: string, promise: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} did not come; printed was\n${this.output}`)), DEADLINE_MS)
    })
    return Promise.race([promise, late]).finally(() => clearTimeout(timer))
  }
}

/** Runs a program that ends by itself, and must end well. Returns what it printed. */
export async function output(...args: string[]): Promise<string> {
  const program = new TutorialProgram(...args)
  const code = await program.ended()
  if (code === 0) return program.output
  throw new Error(`${args[0]} ended with ${code}\n${program.output}`)
}

export const README: string = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** What the README says that a program prints: the text block in its section. */
export function documented(name: string): string {
  const [, section] = new RegExp(`^## \\w\\. ${name}\n(.*?)(?=^## |$(?![^]))`, 'ms').exec(README) ?? []
  const [, block] = /```text\n(.*?)```/s.exec(section ?? '') ?? []
  if (block === undefined) throw new Error(`examples/README.md has no output of ${name}`)
  return block
}

/** Output without what differs from run to run: numbers, names of temporary folders, the order of the lines. */
export function shape(printed: string): string[] {
  const lines = printed.trimEnd().split('\n')
  return lines.map((line) => line.replace(/\/\S+(?=\/|\.sock)/g, '/FOLDER').replace(/\d+/g, '#')).sort()
}
