// The child processes of one contender, servers (mostly one) and client, and the talk with them. Everything here settles: a
// child that fails, dies or falls silent becomes an error with its last words, and `close` ends all, by force if need be.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import type { Memory } from './cell.ts'
import type { Orders, Outcome } from './client-process.ts'
import type { Terms, Work } from './contender.ts'
import { CLIENT_CPU, SERVER_CPU } from './machine.ts'
import { NotRun, startFailure } from './not-run.ts'
import type { Question } from './server-process.ts'
import type { Usage } from './usage.ts'

const START_TIMEOUT_MS = 15_000
// Beyond the load's own time: the client waits 5 s for a first call and 5 s for the last ones.
const ANSWER_TIMEOUT_MS = 15_000
const STOP_TIMEOUT_MS = 3_000
const KEPT_STDERR = 4_096
const STARTED_AT_A_TIME = 2

/** How the processes are started. */
export interface PairOptions {
  work: Work
  pinned: boolean
  terms?: Terms
  /** The command before the file, for another runtime than the one that runs this. */
  runtime?: readonly string[]
  /** Servers that share one port. @default one process */
  servers?: { count: number; by: 'cluster' | 'reusePort' }
}

interface Child {
  role: string
  process: ChildProcess
  stderr: string
}

export class Pair {
  readonly #servers: readonly Child[]
  readonly #client: Child

  private constructor(servers: readonly Child[], client: Child) {
    this.#servers = servers
    this.#client = client
  }

  /** Throws NotRun when one of them does not come up. */
  static async start(contender: string, options: PairOptions): Promise<Pair> {
    const servers: Child[] = []
    const { work, pinned, terms = {}, runtime } = options
    try {
      const port = await startServers(contender, options, servers)
      const cpu = pinned ? CLIENT_CPU : undefined
      const client = startChild('client', [contender, work, String(port), JSON.stringify(terms)], cpu, runtime)
      const pair = new Pair(servers, client)
      await answer(client, START_TIMEOUT_MS).catch((error) => pair.close().then(() => Promise.reject(error)))
      return pair
    } catch (error) {
      await Promise.all(servers.map(stopChild))
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
    const used = (await this.#ask('usage')) as Usage[]
    const server = { cpuMicros: sum(used.map(({ cpuMicros }) => cpuMicros)), peakMemory: sum(used.map(peakOf)) }
    return { result: outcome.result as Orders[Kind]['answer'], usage: { client: outcome.usage, server } }
  }

  /** Bytes that client and servers hold, garbage gone. */
  async memory(): Promise<Memory> {
    const { result: client } = await this.obey('memory', undefined, 0)
    return { client, server: sum((await this.#ask('memory')) as number[]) }
  }

  async close(): Promise<void> {
    await stopChild(this.#client)
    await Promise.all(this.#servers.map(stopChild))
  }

  /** What each server process answers. */
  #ask(question: Question): Promise<unknown[]> {
    return Promise.all(
      this.#servers.map((server) => {
        const answered = answer(server, ANSWER_TIMEOUT_MS)
        server.process.send(question)
        return answered
      }),
    )
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const peakOf = ({ peakMemory }: Usage): number => peakMemory

/** Adds each server to `started` as soon as it is a process; resolves with the port that they listen on. */
async function startServers(contender: string, options: PairOptions, started: Child[]): Promise<number> {
  const { work, pinned, terms = {}, runtime, servers = { count: 1, by: undefined } } = options
  const cpu = pinned ? SERVER_CPU : undefined
  const start = async (role: string, own: Terms, ...more: string[]): Promise<number> => {
    const child = startChild(role, [contender, work, JSON.stringify(own), ...more], cpu, runtime)
    started.push(child)
    return ((await answer(child, START_TIMEOUT_MS)) as { port: number }).port
  }
  if (servers.by === undefined) return start('server', terms)
  if (servers.by === 'cluster') return start('cluster', terms, String(servers.count))
  const sharedPort = await start('server', { ...terms, sharedPort: 0 })
  while (started.length < servers.count) await start('server', { ...terms, sharedPort })
  return sharedPort
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

function startChild(
  role: string,
  args: readonly string[],
  cpu: number | undefined,
  runtime: readonly string[] = [process.execPath, ...process.execArgv],
): Child {
  const file = fileURLToPath(new URL(`../dist/${role}-process.js`, import.meta.url))
  const pin = cpu === undefined ? [] : ['taskset', '-c', String(cpu)]
  const [command, ...rest] = [...pin, ...runtime, file, ...args] as [string, ...string[]]
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
  const lines = stripVTControlCharacters(child.stderr).trim().split('\n')
  const reason = lines.find((line) => /^\s*\w*Error\b/.test(line)) ?? lines.find((line) => /Error\b/.test(line))
  return new Error(`${child.role} process ended (${signalCode ?? exitCode}): ${(reason ?? lines[0] ?? '').trim()}`)
}
