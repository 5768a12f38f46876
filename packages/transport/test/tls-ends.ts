// A TLS server and its clients for tests, and what has become of their sockets.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { certificates, within } from '@framewire/testkit'
import { onTestFinished } from 'vitest'
import { type ConnectOptions, connect } from '../src/connect.ts'
import type { Connection } from '../src/connection.ts'
import { listen, type Server } from '../src/server.ts'
import type { ServerOptions } from '../src/server-options.ts'
import type { ClientTlsOptions, ServerTlsOptions } from '../src/tls-options.ts'

export interface TlsServer {
  server: Server
  port: number
  /** 'drop' events as `code message`. */
  drops: string[]
  /** A client; `connect` rejects where the handshake fails on its side. */
  connect(tls?: ClientTlsOptions, options?: ConnectOptions): Promise<Connection>
}

/** A server that echoes, with a certificate for localhost. */
export async function tlsServer(tls: ServerTlsOptions = {}, options: ServerOptions = {}): Promise<TlsServer> {
  const { server: identity, ca } = certificates()
  const server = await listen('tcp://127.0.0.1:0', { ...options, tls: { ...identity, ...tls } }, (connection) => {
    connection.on('message', (message) => connection.send(message))
  })
  const drops: string[] = []
  server.on('drop', ({ code, message }) => void drops.push(`${code} ${message}`))
  onTestFinished(async () => {
    for (const connection of server.connections) connection.destroy()
    await server.close()
  })
  const { port } = server.addresses[0] as { port: number }
  return {
    server,
    port,
    drops,
    async connect(clientTls = {}, clientOptions = {}) {
      const target = { host: 'localhost', port, lookup: toLoopback }
      const connecting = connect(target, { ...clientOptions, tls: { ca, ...clientTls } })
      const connection = await within('connect', connecting)
      onTestFinished(() => connection.destroy())
      return connection
    },
  }
}

/** localhost is 127.0.0.1 here, whatever the machine says. */
function toLoopback(_: string, options: { all?: boolean }, done: (...found: unknown[]) => void): void {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

/** What the other end answers. */
export async function ask(connection: Connection, question: string): Promise<string> {
  const answered = once(connection, 'message')
  connection.send(new Uint8Array(Buffer.from(question)))
  const [answer] = (await within('an answer', answered)) as [Uint8Array]
  return Buffer.from(answer).toString()
}

/** Resolves when the peer has ended or cut off a bare socket. */
export function isCutOff(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['end', 'close']) socket.once(event, () => resolve())
    socket.resume()
  })
}

/** Sockets and timers of the process. */
export const handles = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Pipe|Timeout|GetAddrInfo/.test(name))
