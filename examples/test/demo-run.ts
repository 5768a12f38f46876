// One run of the built demo, without a terminal: what it printed, how it ended, and the numbers in what it said.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const main: string = fileURLToPath(new URL('../dist/demo/main.js', import.meta.url))

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

export class DemoRun {
  readonly process: ChildProcessByStdio<null, Readable, Readable>
  /** Settles when the output is closed: by both processes, they share it. */
  readonly outcome: Promise<Outcome>
  #stdout = ''

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.process = spawn(process.execPath, [main, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    this.outcome = this.#end()
  }

  async says(text: string): Promise<void> {
    while (!this.#stdout.includes(text)) await once(this.process.stdout, 'data')
  }

  async #end(): Promise<Outcome> {
    const [stderr, [code]] = await Promise.all([text(this.process.stderr), once(this.process, 'close')])
    return { code, stdout: this.#stdout, stderr }
  }
}

export function demo(...args: string[]): Promise<Outcome> {
  return new DemoRun(args).outcome
}

/** The numbers where the output says `pattern`: `#` = a number, `(s)` = an s or none, one space = any spaces. */
export function figures(stdout: string, pattern: string): number[] {
  const literal = pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const source = literal.replaceAll('\\(s\\)', 's?').replaceAll('#', '([\\d,]+(?:\\.\\d+)?)').replaceAll(' ', '\\s+')
  const match = new RegExp(source).exec(stdout)
  if (match === null) throw new Error(`no "${pattern}" in\n${stdout}`)
  return match.slice(1).map((number) => Number(number.replaceAll(',', '')))
}

/** As the demo introduces it. */
export function secondProcess(stdout: string): { pid: number; folder: string } {
  const [, pid, folder] = /second process +(\d+), listens on 127\.0\.0\.1 and in (.+)/.exec(stdout) ?? []
  return { pid: Number(pid), folder: folder ?? '' }
}
