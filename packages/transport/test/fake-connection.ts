// A Connection over a FakeChannel, with marks low enough for a test: `send` answers false from 100 bytes on, drain comes
// at 20.

import { endOfTick, within } from '@framewire/testkit'
import { Connection } from '../src/connection.ts'
import type { CloseInfo } from '../src/connection-state.ts'
import type { ConnectionOptions } from '../src/options.ts'
import { FakeChannel } from './fake-channel.ts'
import { message } from './messages.ts'

export const ENDS = { local: { host: '127.0.0.1', port: 1 }, remote: { host: '127.0.0.1', port: 2 } }

export function setUpConnection(room?: number, options: ConnectionOptions = {}) {
  const channel = new FakeChannel(room)
  const connection = new Connection(channel, { sendHighWaterMark: 100, sendLowWaterMark: 20, ...options }, ENDS)
  const infos: CloseInfo[] = []
  connection.on('close', (info) => infos.push(info))
  return { channel, connection, infos }
}

/** A connection that has handed one frame of 4 bytes more than the payload to a kernel that takes nothing. */
export async function setUpBlocked(payloadLength = 96, options?: ConnectionOptions) {
  const rig = setUpConnection(0, options)
  rig.connection.send(message(0, payloadLength))
  await endOfTick()
  return rig
}

export function closedIn(connection: Connection): Promise<CloseInfo> {
  return within('closed', connection.closed)
}
