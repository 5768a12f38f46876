// The two processes of one contender of the transport benchmark, and the orders they are given.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { CLIENT_CPU, SERVER_CPU } from './machine.ts'
import type { Order } from './transport-child.ts'
import type { Certificate } from './transport-end.ts'

type Answer = { value: number } | { failure: string }

const ANSWER_TIMEOUT_MS = 120_000

export class TransportPair {
  readonly #server: ChildProcess
  readonly #client: ChildProcess

  private constructor(server: ChildProcess, client: ChildProcess) {
    this.#server = server
    this.#client = client
  }

  static async start(name: string, pinned: boolean, certificate: Certificate | undefined): Promise<TransportPair> {
    const server = startChild([name, 'server'], pinned ? SERVER_CPU : undefined, certificate)
    const port = await answerOf(server)
    const client = startChild([name, 'client', String(port)], pinned ? CLIENT_CPU : undefined, certificate)
    await answerOf(client)
    return new TransportPair(server, client)
  }

  server(order: Order): Promise<number> {
    return obeyed(this.#server, order)
  }

  client(order: Order): Promise<number> {
    return obeyed(this.#client, order)
  }

  async close(): Promise<void> {
    for (const child of [this.#client, this.#server]) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    }
  }
}

function obeyed(child: ChildProcess, order: Order): Promise<number> {
  const answered = answerOf(child)
  child.send(order)
  return answered
}

async function answerOf(child: ChildProcess): Promise<number> {
  const ended = new AbortController()
  const late = setTimeout(() => ended.abort(new Error('no answer')), ANSWER_TIMEOUT_MS)
  const exit = (): void => ended.abort(new Error('the process ended'))
  child.once('exit', exit)
  try {
    const [answer] = (await once(child, 'message', { signal: ended.signal })) as [Answer]
    if ('failure' in answer) throw new Error(answer.failure)
    return answer.value
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error
  } finally {
    clearTimeout(late)
    child.off('exit', exit)
  }
}

function startChild(args: string[], cpu: number | undefined, certificate: Certificate | undefined): ChildProcess {
  const file = fileURLToPath(new URL('./transport-child.js', import.meta.url))
  const pin = cpu === undefined ? [] : ['taskset', '-c', String(cpu)]
  const [command, ...rest] = [...pin, process.execPath, '--expose-gc', file, ...args] as [string, ...string[]]
  const env = { ...process.env, ...(certificate && { BENCH_CERTIFICATE: JSON.stringify(certificate) }) }
  return spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env })
}
