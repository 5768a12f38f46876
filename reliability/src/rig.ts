// A server in this process of which a row sees every connection and how it ended. What it counted must add up.

import { encode, lengthField } from '@framewire/codec'
import { within } from '@framewire/testkit'
import {
  type CloseInfo,
  type Connection,
  type ConnectOptions,
  connect,
  type Endpoint,
  listen,
  type Server,
  type ServerOptions,
} from '@framewire/transport'
import { checkCounters, checkTyped } from './ledger.ts'
import type { Trial } from './trial.ts'
import { until } from './waiting.ts'
import type { Way } from './ways.ts'

export const FRAMING = lengthField({ maxFrameLength: 1024 * 1024 })

/** A message as it stands on the wire. */
export function frame(text: string): Uint8Array {
  return encode(FRAMING, Buffer.from(text))
}

export interface Rig {
  readonly server: Server
  readonly target: Endpoint
  readonly connections: Connection[]
  readonly closes: CloseInfo[]
}

/** Sends every message back, at the pace of the peer. */
export async function echo(connection: Connection): Promise<void> {
  for await (const message of connection) {
    if (connection.state !== 'open') return
    if (!connection.send(message)) await connection.drained()
  }
}

export async function startRig(
  trial: Trial,
  way: Way,
  options: ServerOptions = {},
  onConnection: (connection: Connection) => void | Promise<void> = () => {},
): Promise<Rig> {
  const connections: Connection[] = []
  const closes: CloseInfo[] = []
  const server = await listen(way.next(), { ...options, ...way.server() }, (connection) => {
    connections.push(connection)
    connection.on('close', (info) => {
      closes.push(info)
      checkTyped('a connection', info.error, trial.violations)
    })
    return onConnection(connection)
  })
  trial.atEnd(async () => {
    checkCounters(server, trial.violations)
    for (const connection of server.connections) connection.destroy()
    await within('close of the server', server.close())
    if (closes.length !== connections.length) {
      trial.violations.push(`I2 ${connections.length} connections and ${closes.length} closes`)
    }
  })
  return { server, target: server.addresses[0] as Endpoint, connections, closes }
}

/** A connection to the rig, or through something in front of it. */
export async function connectTo(
  trial: Trial,
  target: Endpoint,
  way: Way,
  options: ConnectOptions = {},
): Promise<Connection> {
  const connection = await within('connect', connect(target, { ...options, ...way.client() }))
  trial.atEnd(() => connection.destroy())
  return connection
}

/** The connection that comes next. */
export async function accepted(rig: Rig, begin: () => Promise<unknown>): Promise<Connection> {
  const count = rig.connections.length
  await begin()
  await until('accepted', () => rig.connections.length > count)
  return rig.connections[count] as Connection
}

/** One message there and back, in ms. */
export async function roundTripMs(connection: Connection, text = 'are you there?'): Promise<number> {
  const before = performance.now()
  connection.send(Buffer.from(text))
  const answer = await within('an answer', connection.next())
  if (answer === undefined || Buffer.from(answer).toString() !== text) throw new Error('the answer is another one')
  return performance.now() - before
}
