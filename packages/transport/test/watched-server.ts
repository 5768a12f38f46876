// A server of which a test sees every connection and how it ended, and the clients to try it with.

import { within } from '@framewire/testkit'
import { onTestFinished } from 'vitest'
import { connect } from '../src/connect.ts'
import type { Connection } from '../src/connection.ts'
import type { CloseInfo } from '../src/connection-state.ts'
import { listen } from '../src/server.ts'
import type { ServerOptions } from '../src/server-options.ts'
import { bytesOf } from './messages.ts'

export interface Rig {
  target: { host: string; port: number }
  connections: Connection[]
  closes: CloseInfo[]
}

export async function serve(
  options: ServerOptions,
  onConnection: (connection: Connection) => void = () => {},
): Promise<Rig> {
  const rig = { connections: [] as Connection[], closes: [] as CloseInfo[] }
  const server = await listen('tcp://127.0.0.1:0', options, (connection) => {
    rig.connections.push(connection)
    connection.on('close', (info) => rig.closes.push(info))
    onConnection(connection)
  })
  onTestFinished(async () => {
    for (const connection of server.connections) connection.destroy()
    await server.close()
  })
  return { ...rig, target: server.addresses[0] as Rig['target'] }
}

/** Sends every message back. */
export const echo = (connection: Connection): void => {
  connection.on('message', (request) => void connection.send(request))
}

/** One message there and back. */
export async function ask(client: Connection, word: string): Promise<string> {
  const answer = new Promise<Uint8Array>((resolve) => client.once('message', resolve))
  client.send(bytesOf(word))
  return Buffer.from(await within('answer', answer)).toString()
}

/** A connection to the server, of this process. */
export async function ownConnection(rig: Rig): Promise<Connection> {
  const client = await within('connect', connect(rig.target))
  onTestFinished(() => client.destroy())
  return client
}
