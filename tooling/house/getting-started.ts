// docs/getting-started.md as what a person does who follows it: files saved under their names, commands typed in terminals,
// Ctrl-C pressed. The words it looks for are "leave it running", "Press Ctrl-C in the first terminal", "in place of".
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Block, split } from './markdown.ts'

export type Step =
  | { kind: 'file'; name: string; text: string }
  | { kind: 'run'; commands: string; printed: string | undefined }
  | { kind: 'start'; commands: string; printed: string }
  | { kind: 'printed'; printed: string }

/** The steps of the page, in its order. */
export function steps(markdown: string): Step[] {
  const { blocks } = split(markdown)
  return blocks.flatMap((block, index): Step[] => {
    const { language, text, above } = block
    if (language === 'text') return blocks[index - 1]?.language === 'sh' ? [] : [{ kind: 'printed', printed: text }]
    if (language !== 'sh') return [{ kind: 'file', name: fileName(block), text }]
    const next = blocks[index + 1]
    const printed = next?.language === 'text' ? next.text : undefined
    if (!above.endsWith('leave it running:')) return [{ kind: 'run', commands: text, printed }]
    if (printed === undefined) throw new Error(`line ${block.line}: nothing tells what it prints`)
    return [{ kind: 'start', commands: text, printed }]
  })
}

function fileName({ text, above, line }: Block): string {
  const name = /^\/\/ (\S+)\n/.exec(text)?.[1] ?? /`([^`]+)`:$/.exec(above)?.[1]
  if (name === undefined) throw new Error(`line ${line}: the file has no name`)
  return name
}

export function save(folder: string, { name, text }: { name: string; text: string }): void {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** A command in a terminal of its own. */
export class Terminal {
  readonly child: ChildProcess
  readonly over: Promise<number | null>
  printed = ''
  errors = ''
  #tell: () => void = () => {}

  constructor(commands: string, folder: string) {
    // `exec` of the last line: a signal goes to the program, as Ctrl-C does, and not to a shell in front of it.
    const lines = commands.trimEnd().split('\n')
    const script = [...lines.slice(0, -1), `exec ${lines.at(-1)}`].join('\n')
    this.child = spawn('sh', ['-ec', script], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.printed += text
      this.#tell()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text.replace(/^npm (warn|notice).*\n/gm, '') // of the reader's own settings
    })
    this.over = once(this.child, 'close').then(([code]) => {
      this.#tell()
      return code as number | null
    })
  }

  /** Waits until it has printed that, from its beginning on; fails when it ends or prints something else. */
  async prints(text: string, timeoutMs = 60_000): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs)
    while (this.printed !== text) {
      const state = `${JSON.stringify(this.printed)} instead of ${JSON.stringify(text)}\n${this.errors}`
      if (!text.startsWith(this.printed)) throw new Error(`it printed ${state}`)
      if (deadline.aborted || this.child.exitCode !== null) throw new Error(`it stopped at ${state}`)
      await new Promise<void>((resolve) => {
        this.#tell = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  /** Ctrl-C. Resolves with the exit code. */
  interrupt(): Promise<number | null> {
    this.child.kill('SIGINT')
    return this.over
  }
}
