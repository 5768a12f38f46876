// The ways two ends can be joined: TCP, TLS and unix sockets, behind one face, so that a row runs over all of them.
import { once } from 'node:events'
import { connect as connectPlain, type NetConnectOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type ConnectionOptions as TlsConnectOptions } from 'node:tls'
import { certificates, within } from '@framewire/testkit'
import type { Address, ClientTlsOptions, ServerTlsOptions } from '@framewire/transport'
import { whatIsMissing } from './needs.ts'
import type { Trial } from './trial.ts'

export interface Way {
  readonly name: 'TCP' | 'TLS' | 'unix'
  /** An address to listen on that nobody has. */
  next(): Address
  /** For `listen` and `serve`. */
  server(): { tls?: ServerTlsOptions }
  /** For `connect`. */
  client(): { tls?: ClientTlsOptions }
}

let paths = 0

const TCP: Way = { name: 'TCP', next: () => 'tcp://127.0.0.1:0', server: () => ({}), client: () => ({}) }
const TLS: Way = {
  name: 'TLS',
  next: () => 'tcp://127.0.0.1:0',
  server: () => ({ tls: certificates().server }),
  client: () => ({ tls: { ca: certificates().ca, servername: 'localhost' } }),
}
const UNIX: Way = { name: 'unix', next: () => `unix:${newPath()}`, server: () => ({}), client: () => ({}) }

/** A path for a unix socket that no file has. */
export function newPath(): string {
  return join(tmpdir(), `framewire-${process.pid}-${++paths}.sock`)
}

/** The ways that this machine has of those asked for; what is left out is noted. */
export function ways(trial: Trial, ...names: readonly Way['name'][]): Way[] {
  const missing = whatIsMissing(['openssl'])
  if (missing !== undefined && names.includes('TLS')) trial.note(`not over TLS: ${missing}`)
  return [TCP, TLS, UNIX].filter(({ name }) => names.includes(name) && (name !== 'TLS' || missing === undefined))
}

/** The end of a bare socket, also where a reset comes before it. */
export function endOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** A bare socket to a server, of that way, with the end of each side apart. It is gone when the trial is over. */
export async function rawConnect(trial: Trial, target: object, way: Way = TCP): Promise<Socket> {
  const options = { ...target, allowHalfOpen: true, noDelay: true }
  const isSecure = way.name === 'TLS'
  const socket: Socket = isSecure
    ? connectTls({ ...options, ...way.client().tls } as TlsConnectOptions)
    : connectPlain(options as NetConnectOpts)
  socket.on('error', () => {})
  trial.atEnd(() => socket.destroy())
  await within('raw connect', once(socket, isSecure ? 'secureConnect' : 'connect'))
  return socket
}
