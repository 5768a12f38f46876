// The two child processes of one contender, server and client, and the talk with them. Everything here settles: a child
// that fails, dies or falls silent becomes an error with its last words, and `close` ends both, by force if need be.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Outcome } from './client-process.ts'
import type { Load } from './closed-loop.ts'
import { CLIENT_CPU, SERVER_CPU } from './machine.ts'

const START_TIMEOUT_MS = 10_000
// Beyond the load's own time: the client waits 5 s for a first call and 5 s for the last ones.
const ANSWER_TIMEOUT_MS = 15_000
const STOP_TIMEOUT_MS = 3_000
const KEPT_STDERR = 4_096

interface Child {
  role: string
  process: ChildProcess
  stderr: string
}

export class Pair {
  readonly #server: Child
  readonly #client: Child

  private constructor(server: Child, client: Child) {
    this.#server = server
    this.#client = client
  }

  static async start(contender: string, pinned: boolean): Promise<Pair> {
    const server = startChild('server', [contender], pinned ? SERVER_CPU : undefined)
    try {
      const { port } = (await answer(server, START_TIMEOUT_MS)) as { port: number }
      const client = startChild('client', [contender, String(port)], pinned ? CLIENT_CPU : undefined)
      const pair = new Pair(server, client)
      await answer(client, START_TIMEOUT_MS).catch((error) => pair.close().then(() => Promise.reject(error)))
      return pair
    } catch (error) {
      await stopChild(server)
      throw error
    }
  }

  /** Returns calls a second, or throws why there is no such number. */
  async measure(load: Load): Promise<number> {
    const answered = answer(this.#client, load.warmupMs + load.measureMs + ANSWER_TIMEOUT_MS)
    this.#client.process.send(load)
    const outcome = (await answered) as Outcome
    if ('failure' in outcome) throw new Error(outcome.failure)
    return outcome.callsPerSecond
  }

  async close(): Promise<void> {
    await stopChild(this.#client)
    await stopChild(this.#server)
  }
}

function startChild(role: string, args: readonly string[], cpu: number | undefined): Child {
  const file = fileURLToPath(new URL(`./${role}-process.js`, import.meta.url))
  const pin = cpu === undefined ? [] : ['taskset', '-c', String(cpu)]
  const [command, ...rest] = [...pin, process.execPath, ...process.execArgv, file, ...args] as [string, ...string[]]
  const child: Child = {
    role,
    process: spawn(command, rest, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] }),
    stderr: '',
  }
  child.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
    child.stderr = (child.stderr + text).slice(-KEPT_STDERR)
  })
  child.process.on('error', () => {})
  return child
}

/** The child's next message. */
async function answer(child: Child, timeoutMs: number): Promise<unknown> {
  if (hasEnded(child)) throw lastWords(child)
  const settled = new AbortController()
  const late = setTimeout(() => settled.abort(new Error(`${child.role}: no answer in ${timeoutMs} ms`)), timeoutMs)
  const { signal } = settled
  const message = once(child.process, 'message', { signal }).then(([value]) => value)
  const end = once(child.process, 'close', { signal }).then(() => Promise.reject(lastWords(child)))
  try {
    return await Promise.race([message, end])
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    clearTimeout(late)
    settled.abort()
  }
}

async function stopChild(child: Child): Promise<void> {
  if (hasEnded(child)) return
  const ended = once(child.process, 'exit')
  const force = setTimeout(() => child.process.kill('SIGKILL'), STOP_TIMEOUT_MS)
  if (child.process.connected) child.process.disconnect()
  await ended
  clearTimeout(force)
}

function hasEnded(child: Child): boolean {
  return child.process.pid === undefined || child.process.exitCode !== null || child.process.signalCode !== null
}

function lastWords(child: Child): Error {
  const { exitCode, signalCode } = child.process
  const reason = child.stderr.split('\n').find((line) => /^\s*\w*Error\b/.test(line)) ?? child.stderr.trim()
  return new Error(`${child.role} process ended (${signalCode ?? exitCode}): ${reason.trim()}`)
}
