// The README's programs: three ts blocks whose first lines are `// contract.ts`, `// server.ts` and `// client.ts`, and
// the text block that follows the client, which is what the client prints.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface ReadmeCode {
  contract: string
  server: string
  client: string
  output: string
}

interface Block {
  language: string
  text: string
}

export function readmeCode(markdown: string): ReadmeCode {
  const blocks = fencedBlocks(markdown)
  const find = (file: string) => {
    const index = blocks.findIndex(({ language, text }) => language === 'ts' && text.startsWith(`// ${file}\n`))
    if (index === -1) throw new Error(`README.md has no ts block that begins with "// ${file}"`)
    return index
  }
  const client = find('client.ts')
  const output = blocks[client + 1]
  if (output?.language !== 'text') throw new Error('no text block follows the client block of README.md')
  const textOf = (index: number) => blocks[index]?.text ?? ''
  const programs = { contract: textOf(find('contract.ts')), server: textOf(find('server.ts')), client: textOf(client) }
  return { ...programs, output: output.text }
}

function fencedBlocks(markdown: string): Block[] {
  return Array.from(markdown.matchAll(/^```(\w*).*\n([\s\S]*?)^```$/gm), ([, language = '', text = '']) => {
    return { language, text }
  })
}

/** Starts a server and waits for the first line it prints, which it writes when it listens. */
export async function startServer(script: string, timeoutMs = 10_000): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const lines = createInterface({ input: child.stdout })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const started = await Promise.race([once(lines, 'line').then(() => true), once(child, 'close').then(() => false)])
  clearTimeout(timer)
  if (!started) throw new Error(`the server of README.md ended without printing a line\n${errors}`)
  return child
}

/** Ends a server as an operator would, or by force if it does not end. */
export async function stopServer(child: ChildProcess, timeoutMs = 5_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  child.kill('SIGTERM')
  await once(child, 'close')
  clearTimeout(timer)
}
