// An echo server, or a client with a heartbeat, in a process of its own, that a test can stop and wake.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from '@framewire/testkit'
import { onTestFinished } from 'vitest'

export interface EchoProcess {
  address: { host: string; port: number }
  signal(name: NodeJS.Signals): void
  /** Asks the process something and waits for its answer. */
  ask(question: string): Promise<unknown>
}

/** Without `connectTo` a server that echoes; with it a client that is connected to there. */
export async function startEcho(
  options: { connectTo?: { host: string; port: number }; heartbeat?: { intervalMs: number; timeoutMs: number } } = {},
): Promise<EchoProcess> {
  const file = fileURLToPath(new URL('./echo-child.js', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [file, JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [address] = await within('the echo process', once(child, 'message'))
  return {
    address: address as EchoProcess['address'],
    signal: (name) => void child.kill(name),
    async ask(question) {
      const answer = once(child, 'message')
      child.send(question)
      return (await within(`the answer to ${question}`, answer))[0]
    },
  }
}
