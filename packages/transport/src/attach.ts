// A connection over any pipe of bytes that somebody else has made: an accepted or a tunnelled socket, the stdio of a
// process, an SSH channel, a network that a test simulates.

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ByteChannel } from './byte-channel.ts'
import { Connection } from './connection.ts'
import { DuplexChannel } from './duplex-channel.ts'
import type { Endpoint } from './endpoint.ts'
import { type ConnectionOptions, checkOptions } from './options.ts'
import { endpoints } from './socket-channel.ts'

/** Options of a connection over a pipe that you have made, and where its ends are. */
export interface AttachOptions extends ConnectionOptions {
  /** Where this end is, for `connection.local`. @default what a connected socket says, else the path '' */
  local?: Endpoint
  /** Where the peer is, for `connection.remote`. @default what a connected socket says, else the path '' */
  remote?: Endpoint
}

/** What has been attached: two connections on one pipe would each get a part of the bytes. */
const attached = new WeakSet<object>()

const UNKNOWN: Endpoint = Object.freeze({ path: '' })

/**
 * A connection over `channel`, which it owns from now on. Two one-way streams become a Duplex with `Duplex.from({ readable,
 * writable })`. A socket may still be connecting: what is sent waits. What was read and put back with `unshift` is received.
 * A stream that has ended before gives a connection that closes with CONNECTION_CLOSED.
 * Throws TypeError for what is no Duplex and no ByteChannel, for object mode, `setEncoding` and a 'readable' listener, and
 * for a channel that was attached before.
 */
export function attach(channel: ByteChannel | Duplex, options: AttachOptions = {}): Connection {
  const { local, remote, ...connectionOptions } = options
  const { clock } = checkOptions(connectionOptions)
  if (attached.has(channel)) throw new TypeError('the channel is attached to a connection already')
  const bytes = isStream(channel) ? new DuplexChannel(channel, clock) : channel
  if (!isByteChannel(bytes)) throw new TypeError('attach needs a Duplex or a ByteChannel')
  attached.add(channel)
  if (channel instanceof Socket) channel.setNoDelay(true)
  const known = endsOf(channel)
  return new Connection(bytes, connectionOptions, { local: local ?? known.local, remote: remote ?? known.remote })
}

function endsOf(channel: object): { local: Endpoint; remote: Endpoint } {
  if (channel instanceof Socket && channel.remoteAddress !== undefined) return endpoints(channel, {})
  return { local: UNKNOWN, remote: UNKNOWN }
}

/** Not instanceof: streams of other packages, such as readable-stream, are as good. */
function isStream(channel: ByteChannel | Duplex): channel is Duplex {
  const { on, pipe, write } = channel as Partial<Duplex>
  return typeof on === 'function' && typeof pipe === 'function' && typeof write === 'function'
}

function isByteChannel(channel: ByteChannel): boolean {
  const { write, end, destroy, pause, resume } = channel as Partial<ByteChannel>
  return [write, end, destroy, pause, resume].every((method) => typeof method === 'function')
}
