// The two child processes of one contender, server and client, and the talk with them. Everything here settles: a child
// that fails, dies or falls silent becomes an error with its last words, and `close` ends both, by force if need be.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Orders, Outcome } from './client-process.ts'
import type { Work } from './contender.ts'
import { CLIENT_CPU, SERVER_CPU } from './machine.ts'
import { NotRun, startFailure } from './not-run.ts'
import type { Usage } from './usage.ts'

const START_TIMEOUT_MS = 15_000
// Beyond the load's own time: the client waits 5 s for a first call and 5 s for the last ones.
const ANSWER_TIMEOUT_MS = 15_000
const STOP_TIMEOUT_MS = 3_000
const KEPT_STDERR = 4_096
const STARTED_AT_A_TIME = 2

/** How two processes are started. */
export interface PairOptions {
  work: Work
  pinned: boolean
}

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

  /** Throws NotRun when one of the two does not come up. */
  static async start(contender: string, { work, pinned }: PairOptions): Promise<Pair> {
    const server = startChild('server', [contender, work], pinned ? SERVER_CPU : undefined)
    try {
      const { port } = (await answer(server, START_TIMEOUT_MS)) as { port: number }
      const client = startChild('client', [contender, work, String(port)], pinned ? CLIENT_CPU : undefined)
      const pair = new Pair(server, client)
      await answer(client, START_TIMEOUT_MS).catch((error) => pair.close().then(() => Promise.reject(error)))
      return pair
    } catch (error) {
      await stopChild(server)
      throw new NotRun(startFailure((error as Error).message))
    }
  }

  /** What the client makes of an order that takes `ms`, and what both have used since they began. */
  async obey<Kind extends keyof Orders>(
    kind: Kind,
    order: Orders[Kind]['order'],
    ms: number,
  ): Promise<{ result: Orders[Kind]['answer']; usage: { client: Usage; server: Usage } }> {
    const answered = answer(this.#client, ms + ANSWER_TIMEOUT_MS)
    this.#client.process.send({ kind, order })
    const outcome = (await answered) as Outcome
    if ('failure' in outcome) throw new Error(outcome.failure)
    const used = answer(this.#server, ANSWER_TIMEOUT_MS)
    this.#server.process.send('usage')
    return {
      result: outcome.result as Orders[Kind]['answer'],
      usage: { client: outcome.usage, server: (await used) as Usage },
    }
  }

  async close(): Promise<void> {
    await stopChild(this.#client)
    await stopChild(this.#server)
  }
}

/** The pairs of a cell, each started when it is first asked for. */
export class Pairs {
  readonly #start: (contender: string) => Promise<Pair>
  readonly #started = new Map<string, Promise<Pair>>()

  constructor(start: (contender: string) => Promise<Pair>) {
    this.#start = start
  }

  has(contender: string): boolean {
    return this.#started.has(contender)
  }

  /** Starts all of them, two at a time: nothing is measured yet. Who does not start says so when it is asked for. */
  async begin(contenders: readonly string[], signal?: AbortSignal): Promise<void> {
    const remaining = contenders.values()
    const starter = async (): Promise<void> => {
      for (const contender of remaining) {
        if (signal?.aborted) return
        await this.get(contender).catch(() => {})
      }
    }
    await Promise.all(Array.from({ length: STARTED_AT_A_TIME }, starter))
  }

  get(contender: string): Promise<Pair> {
    const pair = this.#started.get(contender) ?? this.#start(contender)
    this.#started.set(contender, pair)
    return pair
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#started.values()].map((pair) =>
        pair.then(
          (started) => started.close(),
          () => {},
        ),
      ),
    )
  }
}

function startChild(role: string, args: readonly string[], cpu: number | undefined): Child {
  const file = fileURLToPath(new URL(`../dist/${role}-process.js`, import.meta.url))
  const pin = cpu === undefined ? [] : ['taskset', '-c', String(cpu)]
  const [command, ...rest] = [...pin, process.execPath, ...process.execArgv, file, ...args] as [string, ...string[]]
  const child: Child = {
    role,
    process: spawn(command, rest, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] }),
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
