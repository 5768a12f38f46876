// TLS that does not come about (F35), and exceptions in every callback of the application (F36). Each is one connection's
// end, typed; the process lives and its descriptors are free.
import { once } from 'node:events'
import { connect as connectPeer, RpcError, serve } from '@framewire/rpc'
import { certificates, within } from '@framewire/testkit'
import { type Connection, type ConnectOptions, connect, type Endpoint, listen } from '@framewire/transport'
import { checkCounters } from './ledger.ts'
import { descriptors } from './meters.ts'
import type { Row } from './row.ts'
import type { Trial } from './trial.ts'
import { until } from './waiting.ts'
import { rawConnect, ways } from './ways.ts'
import { memoryJournal, work, workService } from './work.ts'

/** Clients and servers that do not fit together: what `connect` says, or undefined for a connection that is ended. */
function mismatches(): Record<string, { server: object; client: ConnectOptions['tls'] }> {
  const { ca, otherCa, server, client, stranger, expired } = certificates()
  const good = { ca, servername: 'localhost' }
  return {
    'wrong authority': { server: { ...server }, client: { ...good, ca: otherCa } },
    'expired certificate': { server: { ...expired }, client: good },
    'another name': { server: { ...server }, client: { ...good, servername: 'other.test' } },
    'certificate of a stranger': { server: { ...server, ca }, client: { ...good, ...stranger } },
    'no client certificate': { server: { ...server, ca }, client: good },
    'good client certificate': { server: { ...server, ca }, client: { ...good, ...client } },
  }
}

async function handshakes(trial: Trial): Promise<void> {
  const rounds = trial.isBrief ? 5 : 150
  const start = descriptors() ?? 0
  for (const [name, { server: tls, client }] of Object.entries(mismatches())) {
    const server = await listen('tcp://127.0.0.1:0', { tls, handshakeTimeoutMs: 2_000 })
    let [refused, untyped, good] = [0, 0, 0]
    for (let round = 0; round < rounds; round++) {
      try {
        const connection = await connect(server.addresses[0] as Endpoint, { tls: client } as ConnectOptions)
        // TLS 1.3 tells a client that it is not welcome only after its own handshake.
        if (name.startsWith('good')) good++
        else if ((await within(name, connection.closed)).initiator === 'peer') refused++
        connection.destroy()
      } catch (error) {
        if ((error as { name?: string }).name === 'TransportError') refused++
        else untyped++
      }
    }
    const isGood = name.startsWith('good')
    trial.all(isGood ? 'connected with a certificate' : `refused, ${name}`, isGood ? good : refused, rounds)
    trial.all(`untyped, ${name}`, untyped, 0)
    checkCounters(server, trial.violations)
    await within('close', server.close())
  }
  await strangers(trial, rounds)
  await until('descriptors are free', () => (descriptors() ?? 0) <= start + 3)
  trial.atMost('descriptors left', Math.max(0, (descriptors() ?? 0) - start), 3)
}

/** Plain text on a TLS port, and a ClientHello of one byte. */
async function strangers(trial: Trial, rounds: number): Promise<void> {
  const [way] = ways(trial, 'TLS')
  if (way === undefined) return
  for (const [name, bytes] of [
    ['plain text', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['one byte, then the end', Buffer.of(22)],
  ] as const) {
    const server = await listen(way.next(), { ...way.server(), handshakeTimeoutMs: 2_000 })
    for (let round = 0; round < rounds; round++) {
      const socket = await rawConnect(trial, server.addresses[0] as Endpoint)
      const closed = once(socket, 'close')
      socket.resume().end(bytes)
      await within(name, closed)
    }
    await until('counted', () => sum(server.stats().dropped) === rounds)
    trial.all(`dropped, ${name}`, sum(server.stats().dropped), rounds)
    await within('close', server.close())
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

function fail(): never {
  throw new Error('thrown by a callback')
}

/** What a connection calls, each throwing or rejecting. */
const CALLBACKS: Readonly<Record<string, (connection: Connection) => void | Promise<void>>> = {
  'onConnection throws': fail,
  'onConnection rejects': async () => fail(),
  "'message' throws": (connection) => void connection.on('message', fail),
  "'message' rejects": (connection) => void connection.on('message', async () => fail()),
  'receive throws': (connection) => void connection.receive(fail),
  "'end' throws": (connection) => void connection.on('message', () => {}).on('end', fail),
  "'close' throws": (connection) => void connection.on('message', () => {}).on('close', fail),
  "'drain' throws": (connection) => {
    connection.on('message', () => {}).on('drain', fail)
    while (connection.send(Buffer.alloc(65_536))) {
      // until it is false
    }
  },
}

async function callbacks(trial: Trial): Promise<void> {
  const rounds = trial.isBrief ? 5 : 125
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  trial.atEnd(() => process.off('warning', onWarning))
  const start = descriptors() ?? 0
  for (const [name, misbehave] of Object.entries(CALLBACKS)) {
    let ended = 0
    const options = { farewell: fail, heartbeat: { intervalMs: 60_000, message: fail } }
    const server = await listen('tcp://127.0.0.1:0', options, (connection) => {
      void connection.closed.then(() => ended++)
      return misbehave(connection)
    })
    for (let round = 0; round < rounds; round++) {
      const client = await connect(server.addresses[0] as Endpoint)
      client.on('message', () => {})
      if (client.state === 'open') client.send(Buffer.from('hello'))
      await client.close({ timeoutMs: 2_000 })
    }
    await until(`${name}: all ended`, () => ended === rounds)
    trial.all(`connections that ended, ${name}`, ended, rounds)
    checkCounters(server, trial.violations)
    await within('close', server.close())
  }
  await handlers(trial, rounds)
  await until('descriptors are free', () => (descriptors() ?? 0) <= start + 2)
}

/** What a peer calls: a handler, `authenticate`, an interceptor, `onError`. */
async function handlers(trial: Trial, rounds: number): Promise<void> {
  const shared = { services: [workService({ ...memoryJournal(), write: fail })], onError: fail }
  const server = await serve('tcp://127.0.0.1:0', shared)
  const peer = await connectPeer(server.addresses[0] as Endpoint, { reconnect: false })
  let internal = 0
  for (let round = 0; round < rounds; round++) {
    const error: unknown = await peer
      .client(work)
      .echo(1, { onTrailers: fail })
      .catch((thrown: unknown) => thrown)
    internal += error instanceof RpcError ? 1 : 0
  }
  trial.all('calls whose handler throws end with an RpcError', internal, rounds)
  await peer.close({ drainMs: 0 })
  await within('close', server.close({ drainMs: 0 }))
}

export const BROKEN_HANDSHAKES: readonly Row[] = [
  {
    id: 'F35',
    fault: 'TLS that cannot come about',
    by: 'raw sockets',
    needs: ['openssl'],
    isShort: true,
    run: handshakes,
  },
  { id: 'F36', fault: 'exceptions in every callback', by: 'row', run: callbacks },
]
