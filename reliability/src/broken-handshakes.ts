// TLS that does not come about (F35), and exceptions in every callback of the application (F36). Each is one connection's
// end, typed; the process lives and its descriptors are free.
import { connect as connectPeer, RpcError, type ServeOptions, serve } from '@framewire/rpc'
import { certificates, within } from '@framewire/testkit'
import {
  type Connection,
  type ConnectOptions,
  connect,
  type Endpoint,
  listen,
  TransportError,
} from '@framewire/transport'
import { checkCounters, sum } from './ledger.ts'
import { descriptors } from './meters.ts'
import { echo, frame, roundTripMs } from './rig.ts'
import type { Row } from './row.ts'
import type { Trial } from './trial.ts'
import { until } from './waiting.ts'
import { endOf, rawConnect, ways } from './ways.ts'
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
    const server = await listen('tcp://127.0.0.1:0', { tls, handshakeTimeoutMs: 2_000 }, echo)
    let [refused, others, good] = [0, 0, 0]
    for (let round = 0; round < rounds; round++) {
      try {
        const connection = await connect(server.addresses[0] as Endpoint, { tls: client } as ConnectOptions)
        // TLS 1.3 tells a client that it is not welcome only after its own handshake.
        if (name.startsWith('good')) good += (await roundTripMs(connection)) >= 0 ? 1 : 0
        else if ((await within(name, connection.closed)).initiator === 'peer') refused++
        connection.destroy()
      } catch (error) {
        if (error instanceof TransportError && error.code === 'TLS_ERROR') refused++
        else others++
      }
    }
    const isGood = name.startsWith('good')
    trial.all(isGood ? 'connected with a certificate' : `refused, ${name}`, isGood ? good : refused, rounds)
    trial.all(`refused for another reason than TLS_ERROR, ${name}`, others, 0)
    await until('counted', () => server.stats().pending === 0)
    const { accepted, dropped } = server.stats()
    trial.all(`connections of the server, ${name}`, accepted, isGood ? rounds : 0)
    trial.all(`dropped by the server, ${name}`, sum(dropped), isGood ? 0 : rounds)
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
      const closed = endOf(socket)
      socket.resume().end(bytes)
      await within(name, closed)
    }
    await until('counted', () => sum(server.stats().dropped) === rounds)
    trial.all(`dropped, ${name}`, sum(server.stats().dropped), rounds)
    await within('close', server.close())
  }
}

function fail(): never {
  throw new Error('thrown by a callback')
}

/** What a connection calls, each throwing or rejecting; what its connection ends with, and who ends it. */
interface Misbehaviour {
  readonly act: (connection: Connection) => void | Promise<void>
  /** @default 'ABORTED' */
  readonly code?: string
  /** Whether a warning tells of it: the connection has ended already, for another reason. */
  readonly isWarned?: boolean
  /** Whether it is called when the client ends the connection. */
  readonly isAtEnd?: boolean
  readonly heartbeatMs?: number
  /** What the client says. @default a message */
  readonly said?: Uint8Array
}

function listens(connection: Connection): Connection {
  return connection.on('message', () => {})
}

const CALLBACKS: Readonly<Record<string, Misbehaviour>> = {
  'onConnection throws': { act: fail },
  'onConnection rejects': { act: async () => fail() },
  "'message' throws": { act: (connection) => void connection.on('message', fail) },
  "'message' rejects": { act: (connection) => void connection.on('message', async () => fail()) },
  'receive throws': { act: (connection) => void connection.receive(fail) },
  "'end' throws": { act: (connection) => void listens(connection).on('end', fail), isAtEnd: true },
  "'close' throws": {
    act: (connection) => void listens(connection).on('close', fail),
    code: 'CLEAN',
    isWarned: true,
    isAtEnd: true,
  },
  "'drain' throws": {
    act: (connection) => {
      listens(connection).on('drain', fail)
      while (connection.send(Buffer.alloc(65_536))) {
        // until it is false
      }
    },
  },
  'heartbeat.message throws': { act: (connection) => void listens(connection), heartbeatMs: 1 },
  'farewell throws': {
    act: (connection) => void listens(connection),
    code: 'MESSAGE_TOO_LARGE',
    isWarned: true,
    said: Buffer.alloc(4, 0xff),
  },
}

async function callbacks(trial: Trial): Promise<void> {
  const rounds = trial.isBrief ? 5 : 100
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  trial.atEnd(() => process.off('warning', onWarning))
  const start = descriptors() ?? 0
  for (const [name, misbehaviour] of Object.entries(CALLBACKS)) {
    const { act, code = 'ABORTED', isWarned = false, isAtEnd = false, heartbeatMs = 60_000, said } = misbehaviour
    const codes: string[] = []
    const options = { farewell: fail, heartbeat: { intervalMs: heartbeatMs, message: fail } }
    const server = await listen('tcp://127.0.0.1:0', options, (connection) => {
      void connection.closed.then(({ error }) => codes.push(error?.code ?? 'CLEAN'))
      return act(connection)
    })
    for (let round = 0; round < rounds; round++) {
      const socket = await rawConnect(trial, server.addresses[0] as Endpoint)
      const closed = endOf(socket)
      socket.resume().once('end', () => socket.end())
      socket.write(said ?? frame('hello'))
      if (isAtEnd) socket.end()
      await within(`${name}: the end`, closed)
    }
    await until(`${name}: all ended`, () => codes.length === rounds)
    trial.all(`${code}, ${name}`, codes.filter((each) => each === code).length, rounds)
    await until(`${name}: warnings`, () => warnings.length >= (isWarned ? rounds : 0))
    trial.all(`warnings, ${name}`, warnings.splice(0).length, isWarned ? rounds : 0)
    checkCounters(server, trial.violations)
    await within('close', server.close())
  }
  await handlers(trial, rounds)
  await until('descriptors are free', () => (descriptors() ?? 0) <= start + 2)
}

/** What a peer calls: a handler, an interceptor, `authenticate`; and `onError` and `onTrailers` each time. */
async function handlers(trial: Trial, rounds: number): Promise<void> {
  const services = [workService(memoryJournal())]
  const broken = [workService({ ...memoryJournal(), write: fail })]
  const cases: Record<string, [code: string, options: Partial<ServeOptions>]> = {
    handler: ['INTERNAL', { services: broken }],
    interceptor: ['INTERNAL', { interceptors: [fail] }],
    authenticate: ['UNAVAILABLE', { authenticate: fail }],
  }
  for (const [name, [code, options]] of Object.entries(cases)) {
    const server = await serve('tcp://127.0.0.1:0', { services, onError: fail, ...options })
    let typed = 0
    for (let round = 0; round < rounds; round++) {
      const error: unknown = await within(name, callOnce(server.addresses[0] as Endpoint)).catch(
        (thrown: unknown) => thrown,
      )
      typed += error instanceof RpcError && error.code === code ? 1 : 0
    }
    trial.all(`${code}, ${name} throws`, typed, rounds)
    await within('close', server.close({ drainMs: 0 }))
  }
}

async function callOnce(target: Endpoint): Promise<number> {
  const peer = await connectPeer(target, { reconnect: false })
  try {
    return await peer.client(work).echo(1, { onTrailers: fail })
  } finally {
    await peer.close({ drainMs: 0 })
  }
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
