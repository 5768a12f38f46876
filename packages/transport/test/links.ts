// The ways two ends can be joined, behind one face, so that one suite runs over all of them.

import { once } from 'node:events'
import { connect as connectPlain, type NetConnectOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { connect as connectTls, type ConnectionOptions as TlsConnectOptions } from 'node:tls'
import { certificates, within } from '@framewire/testkit'
import { onTestFinished } from 'vitest'
import type { Address } from '../src/address.ts'
import { attach } from '../src/attach.ts'
import type { ByteChannel } from '../src/byte-channel.ts'
import { systemClock } from '../src/clock.ts'
import { type ConnectOptions, connect } from '../src/connect.ts'
import { Connection } from '../src/connection.ts'
import { DuplexChannel } from '../src/duplex-channel.ts'
import { NO_FAULTS } from '../src/network-faults.ts'
import type { ConnectionOptions } from '../src/options.ts'
import { channelPair, pair } from '../src/pair.ts'
import { listen } from '../src/server.ts'
import type { ServerOptions } from '../src/server-options.ts'
import { type Simulation, simulate } from '../src/simulation.ts'
import { SocketChannel } from '../src/socket-channel.ts'

export interface Pair {
  client: Connection
  server: Connection
}

export interface Link {
  readonly name: string
  /** Two connections that talk to each other. */
  open(options?: { client?: ConnectionOptions; server?: ConnectionOptions }): Promise<Pair>
  /** A connection whose peer is bare bytes. */
  openRaw(options?: ConnectionOptions): Promise<{ connection: Connection; raw: ByteChannel }>
}

/** One promise a suite makes about connections, to be tried over every link. */
export interface Case {
  readonly name: string
  check(link: Link): Promise<void>
}

let paths = 0

const anyPort = () => 'tcp://127.0.0.1:0'
const newPath = () => `unix:${join(tmpdir(), `framewire-${process.pid}-link-${++paths}.sock`)}`

export const LINKS: readonly Link[] = [
  socketLink('TCP', anyPort),
  socketLink('a unix socket', newPath),
  duplexLink(),
  memoryLink(),
  simulatedLink(),
]

/** They need certificates, so the program openssl. */
export const TLS_LINKS: readonly Link[] = [
  socketLink('TLS 1.3', anyPort, 'TLSv1.3'),
  socketLink('TLS 1.2', anyPort, 'TLSv1.2'),
  socketLink('TLS 1.3 on a unix socket', newPath, 'TLSv1.3'),
]

/** TLS where a version of it is named. */
function socketLink(name: string, nextAddress: () => Address, version?: 'TLSv1.2' | 'TLSv1.3'): Link {
  const serverTls = (): ServerOptions =>
    version ? { tls: { ...certificates().server, minVersion: version, maxVersion: version } } : {}
  const clientTls = (): ConnectOptions =>
    version ? { tls: { ca: certificates().ca, servername: 'localhost', minVersion: version } } : {}
  const serve = async (options: ConnectionOptions = {}) => {
    const server = await within('listen', listen(nextAddress(), { ...options, ...serverTls() }))
    const accepted = once(server, 'connection').then(([connection]) => connection as Connection)
    onTestFinished(async () => {
      for (const connection of server.connections) connection.destroy()
      await server.close()
    })
    return { address: server.addresses[0] as Exclude<Address, string>, accepted: within('accepted', accepted) }
  }
  return {
    name,
    async open(options = {}) {
      const { address, accepted } = await serve(options.server)
      const client = await within('connect', connect(address, { ...options.client, ...clientTls() }))
      onTestFinished(() => client.destroy())
      return { client, server: await accepted }
    },
    async openRaw(options) {
      const { address, accepted } = await serve(options)
      const target = { ...address, allowHalfOpen: true, ...clientTls().tls }
      const socket: Socket = version ? connectTls(target as TlsConnectOptions) : connectPlain(target as NetConnectOpts)
      onTestFinished(() => void socket.destroy())
      await within('connect', once(socket, version ? 'secureConnect' : 'connect'))
      return { connection: await accepted, raw: new SocketChannel(socket) }
    },
  }
}

function memoryLink(): Link {
  let seed = 1
  const tame = (connection: Connection) => {
    onTestFinished(() => connection.destroy())
    return connection
  }
  return {
    name: 'memory, cut at any byte',
    async open(options = {}) {
      const { client, server } = pair({ ...options, seed: seed++ })
      return { client: tame(client), server: tame(server) }
    },
    async openRaw(options = {}) {
      const [one, raw] = channelPair({ seed: seed++ })
      const ends = { local: { path: 'memory' }, remote: { path: 'memory' } }
      return { connection: tame(new Connection(one, options, ends)), raw }
    },
  }
}

/** Virtual time follows the time of the test and never overtakes it: what a case measures by its own clock holds too. */
async function keepRunning(sim: Simulation, signal: AbortSignal): Promise<void> {
  for (let last = performance.now(); !signal.aborted; ) {
    const now = performance.now()
    await sim.runFor(Math.min(1, now - last))
    last = now
  }
}

function simulatedLink(): Link {
  let seed = 1
  const make = (options?: ConnectionOptions) => {
    const sim = simulate(seed++, { faults: { ...NO_FAULTS, cut: 0.3 }, maxEvents: 1e9 })
    const controller = new AbortController()
    const running = keepRunning(sim, controller.signal)
    const accepted = new Promise<Connection>((resolve) => void sim.listen('server', options, resolve))
    onTestFinished(async () => {
      controller.abort()
      await running
    })
    return { sim, accepted: within('accepted', accepted) }
  }
  const tame = (connection: Connection) => {
    onTestFinished(() => connection.destroy())
    return connection
  }
  return {
    name: 'a simulated network',
    async open(options = {}) {
      const { sim, accepted } = make(options.server)
      const client = tame(await within('connect', sim.connect('server', options.client)))
      return { client, server: tame(await accepted) }
    },
    async openRaw(options) {
      const { sim, accepted } = make(options)
      const raw = await within('connect', sim.connectChannel('server'))
      return { connection: tame(await accepted), raw }
    },
  }
}

/** One of two streams that hand on the very buffers they are given, from within the write. */
class PairedDuplex extends Duplex {
  other: PairedDuplex = this
  #taken: (() => void) | undefined

  override _read(): void {
    const taken = this.#taken
    this.#taken = undefined
    taken?.()
  }

  override _write(chunk: Buffer, _: unknown, taken: () => void): void {
    this.other.#taken = taken
    this.other.push(chunk)
  }

  override _final(done: () => void): void {
    this.other.push(null)
    done()
  }

  /** As a socket does: who has not ended yet resets the other end. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.writableFinished) this.other.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    done(error)
  }
}

function duplexLink(): Link {
  const pair = (): [Duplex, Duplex] => {
    const [one, other] = [new PairedDuplex(), new PairedDuplex()]
    one.other = other
    other.other = one
    return [one, other]
  }
  const make = (stream: Duplex, options: ConnectionOptions = {}) => {
    const connection = attach(stream, options)
    onTestFinished(() => connection.destroy())
    return connection
  }
  return {
    name: 'a pair of Duplex streams',
    async open(options = {}) {
      const [one, other] = pair()
      return { client: make(one, options.client), server: make(other, options.server) }
    },
    async openRaw(options) {
      const [one, other] = pair()
      return { connection: make(one, options), raw: new DuplexChannel(other, systemClock) }
    },
  }
}
