// Other processes for tests. They run what `npm run build` made of the sources: Node 20 does not read TypeScript.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { within } from '@framewire/testkit'
import { onTestFinished } from 'vitest'

const BUILT = new URL('../dist/index.js', import.meta.url).href

export interface Run {
  child: ChildProcess
  /** The line that it prints next. */
  nextLine: () => Promise<string>
  /** All that it prints from now on until it ends, line by line. */
  rest: () => Promise<string[]>
  /** Its exit code and the signal that ended it. */
  over: Promise<[number | null, string | null]>
}

/**
 * A Node process that runs the program, after `import { connect, listen } from` the package; `say` prints a value as a
 * line of JSON. It is killed when the test is over. `before` is put in front of the command line, `fd` is its descriptor 3.
 */
export function run(program: string, { before = [], fd }: { before?: readonly string[]; fd?: number } = {}): Run {
  const opening = `import { connect, listen } from '${BUILT}'\nconst say = (value) => console.log(JSON.stringify(value))\n`
  return runCommand([...before, process.execPath, '--input-type=module', '--eval', opening + program], fd)
}

/** Any program at all. It is killed when the test is over. */
export function runCommand(line: readonly string[], fd?: number): Run {
  const child = spawn(line[0] as string, line.slice(1), { stdio: ['pipe', 'pipe', 'inherit', fd ?? 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const over = once(child, 'close') as Promise<[number | null, string | null]>
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  const nextLine = async () => String((await within('a line of the process', lines.next())).value)
  const rest = async () => {
    const all: string[] = []
    for (let next = await lines.next(); !next.done; next = await lines.next()) all.push(next.value)
    return all
  }
  return { child, nextLine, rest: () => within('the end of the process', rest(), 25_000), over }
}

/** The value that the process says next. */
export async function said<T = unknown>(process: Run): Promise<T> {
  return JSON.parse(await process.nextLine()) as T
}
