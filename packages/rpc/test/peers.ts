// Servers, peers and puppets that end with their test.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Endpoint, TransportError } from '@framewire/transport'
import { onTestFinished } from 'vitest'
import { type ConnectOptions, connect } from '../src/connect.ts'
import type { Peer } from '../src/peer.ts'
import { type ServeOptions, type Server, serve } from '../src/serve.ts'
import { hello } from './frames.ts'
import { Puppet, PuppetServer } from './puppet.ts'

export type Kind = 'tcp' | 'unix'

let sockets = 0

export async function startServer(options: ServeOptions, kind: Kind = 'tcp'): Promise<Server> {
  const path = join(tmpdir(), `framewire-${process.pid}-${sockets++}.sock`)
  const server = await serve(kind === 'tcp' ? 'tcp://127.0.0.1:0' : `unix:${path}`, options)
  onTestFinished(() => server.close({ drainMs: 0 }))
  return server
}

export function addressOf(server: Server): Endpoint {
  const [address] = server.addresses
  if (address === undefined) throw new TypeError('the server does not listen')
  return address
}

/** On a single connection, unless told otherwise. */
export async function connectTo(server: Server | Endpoint, options: ConnectOptions = {}): Promise<Peer> {
  const peer = await connect('addresses' in server ? addressOf(server) : server, { reconnect: false, ...options })
  onTestFinished(() => peer.close({ drainMs: 0 }))
  return peer
}

/** A puppet that calls a server. It has said HELLO unless told not to. */
export async function puppetClient(server: Server, opening: Uint8Array = hello()): Promise<Puppet> {
  const puppet = await Puppet.connect(addressOf(server))
  onTestFinished(() => puppet.destroy())
  puppet.write(opening)
  return puppet
}

/** A peer that has connected to a puppet. */
export async function puppetServer(
  options: ConnectOptions = {},
  opening: Uint8Array = hello(),
): Promise<{ peer: Peer; puppet: Puppet }> {
  const listening = await PuppetServer.listen()
  const peer = await connectTo(listening.address, options)
  const puppet = await listening.next()
  onTestFinished(() => {
    puppet.destroy()
    void listening.close()
  })
  puppet.write(opening)
  return { peer, puppet }
}

/** The code of the TransportError that is the cause of an error. */
export function causeCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof TransportError ? cause.code : undefined
}
