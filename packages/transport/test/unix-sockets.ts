// Unix sockets of other processes: of a server that was killed, of one that does not accept, of another user.

import { once } from 'node:events'
import { linkSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { within } from '@framewire/testkit'
import { onTestFinished } from 'vitest'
import { run, said } from './processes.ts'

/** Leaves the socket file of a server that was killed at `path`. */
export async function stalePath(path: string): Promise<void> {
  const server = run(`const s = await listen({ path: ${JSON.stringify(path)} }); say(s.addresses)`)
  await said(server)
  server.child.kill('SIGKILL')
  await within('the end of the server', server.over)
}

/** The same without a process: Node unlinks the path it has bound, and a link to the socket stays. */
export async function staleCopy(path: string): Promise<void> {
  const server = createServer().listen(`${path}.bound`)
  await within('listening', once(server, 'listening'))
  linkSync(`${path}.bound`, path)
  server.close()
  await within('close', once(server, 'close'))
}

/** A server of bare Node at `path` that never accepts, and whose backlog is full. */
export async function deafServer(path: string): Promise<void> {
  const server = run(`
    const { createServer } = await import('node:net')
    createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => {
      say('listening')
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
    })`)
  await said(server)
  for (let isFull = false; !isFull; ) {
    const socket = connect({ path })
    onTestFinished(() => void socket.destroy())
    const answer = Promise.race([
      once(socket, 'connect').then(() => ''),
      once(socket, 'error').then(([error]) => (error as NodeJS.ErrnoException).code),
    ])
    isFull =
      (await within(
        'an answer of the kernel',
        answer.catch((error) => error.code),
      )) === 'EAGAIN'
  }
}

/** How `listen` fails for another user; needs root. */
export async function listenAs(user: number, path: string): Promise<unknown> {
  return said(
    run(`
      process.setgid(${user})
      process.setuid(${user})
      listen({ path: ${JSON.stringify(path)} }).catch((error) => say({ code: error.code, message: error.message }))`),
  )
}
