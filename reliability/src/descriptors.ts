// File descriptors: too few of them at either end (F27, F28), and none left behind by connections that end while they
// begin (F34).

import { within } from '@framewire/testkit'
import { type Connection, connect, type Endpoint, listen, TransportError } from '@framewire/transport'
import { descriptors } from './meters.ts'
import type { ClientReport } from './process-config.ts'
import { startRig } from './rig.ts'
import type { Row } from './row.ts'
import { startServer, watchLoop } from './server-health.ts'
import { startChild } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { until } from './waiting.ts'
import { rawConnect, ways } from './ways.ts'

/** A process of Node with its meters needs some 35 of them for itself. */
const FEW = 256
const MANY = 500

/** More clients than descriptors: drops are counted, who is in is served, and newcomers are as soon as there is room. */
async function fewAtServer(trial: Trial): Promise<void> {
  const before = ['prlimit', `--nofile=${FEW}:${FEW}`]
  const server = await startServer(trial, { kind: 'messages', address: 'tcp://127.0.0.1:0' }, { before })
  const target = await server.ask<Endpoint>('address')
  const insider = await connect(target)
  const judgeLoop = await watchLoop(trial, server)
  trial.atEnd(() => insider.destroy())
  const sockets = await Promise.all(Array.from({ length: MANY }, () => rawConnect(trial, target)))
  type Stats = { accepted: number; live: number; dropped: Record<string, number> }
  await until('all are in or dropped', async () => {
    const { accepted, dropped } = await server.ask<Stats>('stats')
    return accepted + (dropped.TOO_MANY_CONNECTIONS ?? 0) === MANY + 1
  })
  const { live, dropped } = await server.ask<Stats>('stats')
  trial.atMost(`connections of ${FEW} descriptors`, live, FEW * 0.8)
  trial.atLeast(`connections of ${FEW} descriptors, at least`, live, FEW * 0.75)
  trial.atLeast('dropped and counted', dropped.TOO_MANY_CONNECTIONS ?? 0, MANY - FEW)
  insider.send(Buffer.from('still there'))
  trial.all('who is in is served', (await within('an answer', insider.next()))?.length ?? 0, 11)
  const begin = performance.now()
  for (const socket of sockets) socket.destroy()
  await until('room again', async () => {
    const newcomer = await connect(target).catch(() => undefined)
    newcomer?.send(Buffer.from('new'))
    const answer = await newcomer?.next().catch(() => undefined)
    newcomer?.destroy()
    return answer !== undefined
  })
  trial.within('newcomers are served again after', performance.now() - begin, 1_000)
  await judgeLoop()
}

/** A client without descriptors gets a typed error for each connection, and those it has go on. */
async function fewAtClient(trial: Trial): Promise<void> {
  const server = await startServer(trial, { kind: 'messages', address: 'tcp://127.0.0.1:0' })
  const target = await server.ask<Endpoint>('address')
  const before = ['prlimit', `--nofile=${FEW}:${FEW}`]
  const config = { kind: 'messages', addresses: [target], connections: MANY, traffic: { bytes: 100, everyMs: 20 } }
  const client = await startChild(trial, 'client', config, { before })
  const judgeLoop = await watchLoop(trial, server)
  const failures = await client.ask<string[]>('open')
  const untyped = failures.filter((code) => code.startsWith('UNTYPED'))
  trial.atLeast('connections refused by the system', failures.length, MANY - FEW)
  trial.all('of them without a typed error', untyped.length, 0)
  const first = await client.ask<ClientReport>('report')
  let second = first
  await until('messages of those that stand', async () => {
    second = await client.ask<ClientReport>('report')
    return second.received >= first.received + 10
  })
  trial.atLeast('messages of those that stand', second.received - first.received, 10)
  await judgeLoop()
  trial.violations.push(...second.violations)
}

/** A thousand connections that are given up while they connect or shake hands, from either side. */
async function givenUp(trial: Trial): Promise<void> {
  const rounds = trial.isBrief ? 30 : 250
  const options = { handshakeTimeoutMs: 5_000 }
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const { server, target } = await startRig(trial, way, options)
    const start = descriptors() ?? 0
    let [typed, made] = [0, 0]
    for (let round = 0; round < rounds; round++) {
      const controller = new AbortController()
      const connecting = connect(target, { ...way.client(), signal: controller.signal })
      // One that is given up at once is never made.
      const turns = round === 0 ? 0 : trial.random.integer(0, 6)
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      controller.abort()
      await connecting.then(
        (connection: Connection) => {
          made++
          connection.destroy()
        },
        (error: unknown) => {
          typed += error instanceof TransportError && error.code === 'ABORTED' ? 1 : 0
        },
      )
    }
    trial.all(`connected, or ABORTED, ${way.name}`, typed + made, rounds)
    trial.atLeast(`ABORTED, ${way.name}`, typed, 1)
    await until('nothing is left', () => {
      const { pending, live } = server.stats()
      return pending === 0 && live === 0
    })
    await until('descriptors are free', () => (descriptors() ?? 0) <= start + 2)
    trial.atMost(`descriptors left, ${way.name}`, Math.max(0, (descriptors() ?? 0) - start), 2)
  }
  await listenAndClose(trial, rounds)
}

/** A server that is closed while peers shake hands. */
async function listenAndClose(trial: Trial, rounds: number): Promise<void> {
  const [way] = ways(trial, 'TLS')
  if (way === undefined) return
  const start = descriptors() ?? 0
  let closed = 0
  for (let round = 0; round < rounds; round++) {
    const server = await listen(way.next(), way.server())
    const connecting = connect(server.addresses[0] as Endpoint, way.client()).catch(() => undefined)
    for (let turn = trial.random.integer(0, 8); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve))
    const closing = server.close({ drainTimeoutMs: 1_000 })
    const connection = await connecting
    connection?.destroy()
    await within('close of the server', closing)
    closed++
  }
  trial.all('servers closed during handshakes', closed, rounds)
  await until('descriptors are free', () => (descriptors() ?? 0) <= start + 2)
}

export const DESCRIPTORS: readonly Row[] = [
  { id: 'F27', fault: 'no file descriptors: server', by: 'prlimit', needs: ['prlimit'], run: fewAtServer },
  { id: 'F28', fault: 'no file descriptors: client', by: 'prlimit', needs: ['prlimit'], run: fewAtClient },
]

export const GIVEN_UP: readonly Row[] = [
  { id: 'F34', fault: 'close during connect, TLS, handshake (1,000 loops)', by: 'abort', isShort: true, run: givenUp },
]
