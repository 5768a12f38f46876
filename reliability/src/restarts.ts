// Servers that die, restart and come back under load: F19 to F22. Real processes; every call is booked at both ends.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectPeer, type Peer } from '@framewire/rpc'
import { within } from '@framewire/testkit'
import { createReconnector, type Endpoint, type Reconnector } from '@framewire/transport'
import { chaosProxy } from '@framewire/transport/testing'
import { CallLoad, holdCalls } from './calls.ts'
import { CallLedger } from './ledger.ts'
import type { ServerConfig } from './process-config.ts'
import type { Row } from './row.ts'
import { judgeLoop, startServer } from './server-health.ts'
import type { Child } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'
import { type Way, ways } from './ways.ts'
import { fileJournal, type Journal, work } from './work.ts'

const RECONNECT = { baseDelayMs: 50, maxDelayMs: 1_000 }

interface Site {
  readonly journal: Journal
  readonly addresses: Endpoint[]
  readonly servers: Child[]
  restart(index: number): Promise<void>
}

/** Server processes that share a journal, each with an address of its own that it keeps. */
async function site(trial: Trial, way: Way, count: number): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-journal-'))
  trial.atEnd(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'journal')
  const journal = fileJournal(path)
  trial.atEnd(() => journal.close())
  const start = (address: ServerConfig['address']) => {
    const config: ServerConfig = { kind: 'calls', address, journal: path, ...way.server() }
    return startServer(trial, { ...config, options: { retry: { attempts: 100, delayMs: 10 } } })
  }
  const servers: Child[] = []
  const addresses: Endpoint[] = []
  for (let index = 0; index < count; index++) {
    const server = await start(way.next())
    servers.push(server)
    addresses.push(await server.ask<Endpoint>('address'))
  }
  const restart = async (index: number) => {
    servers[index] = await start(addresses[index] as Endpoint)
  }
  return { journal, addresses, servers, restart }
}

async function connectAll(trial: Trial, way: Way, addresses: readonly Endpoint[], peers: number): Promise<Peer[]> {
  const options = { reconnect: RECONNECT, waitForReady: true, ...way.client() }
  const list = await Promise.all(Array.from({ length: peers }, () => connectPeer(addresses, options)))
  trial.atEnd(() => Promise.all(list.map((peer) => peer.close({ drainMs: 0 }))))
  return list
}

/** kill -9 under load, and a restart: every call ends once, and what it says of its handler is true. */
async function kill(trial: Trial): Promise<void> {
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const { journal, addresses, servers, restart } = await site(trial, way, 1)
    const ledger = new CallLedger(trial.violations)
    const peers = await connectAll(trial, way, addresses, 20)
    const loads = peers.map((peer) => new CallLoad(peer, ledger, 4))
    const held = peers.map((peer) => holdCalls(peer, ledger, 5))
    await until('load', () => ledger.outcomes.length > 500)
    const [server] = servers
    server?.signal('SIGKILL')
    const killedAt = performance.now()
    await within('calls under way', Promise.all(held), 10_000)
    trial.within(`100 calls under way ended after, ${way.name}`, performance.now() - killedAt, 1_500)
    await server?.over
    await restart(0)
    const restartedAt = performance.now()
    const backAt = await Promise.all(peers.map((peer) => backAfter(peer, ledger)))
    const inTime = backAt.filter((at) => at - restartedAt <= 1_500).length
    trial.atLeast(`peers back 1.5 s after the restart, of 20, ${way.name}`, inTime, 20 * 0.99, '', 'pace')
    await Promise.all(loads.map((load) => load.stop()))
    const lost = ledger.count(({ code, notProcessed }) => code === 'UNAVAILABLE' && !notProcessed)
    trial.atLeast(`calls that failed, ${way.name}`, lost, 100)
    trial.tell(`calls in all, ${way.name}`, ledger.outcomes.length)
    ledger.check(journal.read())
  }
}

async function backAfter(peer: Peer, ledger: CallLedger): Promise<number> {
  for (;;) {
    const { code } = await ledger.run('echo', (id) => peer.client(work).echo(id))
    if (code === 'OK') return performance.now()
    await sleep(5)
  }
}

/** Two servers restart in turn under load, and no call fails. */
async function roll(trial: Trial): Promise<void> {
  const restarts = trial.count(200, 6, 60)
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) await rollUnder(trial, way, way.name, restarts)
  // Calls that cross the farewell of their server are refused by it, and made again on the other.
  const [tcp] = ways(trial, 'TCP') as [Way]
  await rollUnder(trial, tcp, `TCP, ${AWAY_MS} ms away`, restarts, AWAY_MS)
}

/** A farewell is so long on its way that some call crosses it each time. */
const AWAY_MS = 30

async function rollUnder(trial: Trial, way: Way, name: string, restarts: number, awayMs = 0): Promise<void> {
  const { journal, addresses, servers, restart } = await site(trial, way, 2)
  const ledger = new CallLedger(trial.violations)
  const targets = awayMs > 0 ? await Promise.all(addresses.map((each) => farFrom(trial, each, awayMs))) : addresses
  const peers = await connectAll(trial, way, targets, 4)
  const loads = peers.map((peer) => new CallLoad(peer, ledger, 8))
  let lateMs = 0
  for (let count = 0; count < restarts; count++) {
    const index = count % 2
    const server = servers[index]
    const other = servers[1 - index] as Child
    await other.ask('resetLoop')
    await server?.ask('close', 20_000)
    await server?.stop(trial.violations)
    await restart(index)
    // All of them have moved: a call that the second server refuses as well, because it goes too, fails, and says why.
    const before = loads.map(({ ended }) => ended)
    await until('more calls of each peer', () => loads.every(({ ended }, at) => ended > (before[at] as number) + 50))
    lateMs = Math.max(lateMs, await other.ask<number>('loopMs', 99))
  }
  judgeLoop(trial, lateMs, `, ${name}`)
  await Promise.all(loads.map((load) => load.stop()))
  const failed = ledger.count(({ code }) => code !== 'OK')
  trial.all(`calls that failed in ${restarts} restarts, ${name}`, failed, 0)
  for (const code of new Set(ledger.outcomes.map((outcome) => outcome.code))) {
    const count = ledger.count((outcome) => outcome.code === code)
    if (code !== 'OK') trial.tell(`${code}, ${name}`, count)
  }
  trial.tell(`calls in all, ${name}`, ledger.outcomes.length)
  ledger.check(journal.read())
}

/** The same server, so many ms away. */
async function farFrom(trial: Trial, target: Endpoint, awayMs: number): Promise<Endpoint> {
  const proxy = await chaosProxy(target, { seed: trial.seed })
  trial.atEnd(() => proxy.close())
  proxy.addToxic({ type: 'latency', latencyMs: awayMs })
  return proxy.address
}

/** A server goes away; every client tries again, and not all at the same time. */
async function away(trial: Trial): Promise<void> {
  const seconds = trial.seconds(30, 8)
  const clients = 1_000
  const { server, endpoint } = await plainServer(trial, () => {})
  const attempts: number[] = []
  const reconnectors: Reconnector[] = []
  const openedAt = performance.now()
  for (let client = 0; client < clients; client++) {
    const reconnector = createReconnector(endpoint, RECONNECT)
    reconnector.on('failure', () => attempts.push(performance.now()))
    reconnectors.push(reconnector)
  }
  trial.atEnd(() => Promise.all(reconnectors.map((reconnector) => reconnector.close())))
  await Promise.all(reconnectors.map((reconnector) => within('connect', reconnector.ready())))
  trial.tell('1,000 connected after', performance.now() - openedAt, 'ms')
  for (const socket of SOCKETS.get(server) ?? []) socket.destroy()
  server.close()
  const goneAt = performance.now()
  await sleep(seconds * 1_000)
  const times = attempts.map((at) => at - goneAt)
  const mean = times.length / seconds
  trial.atLeast('attempts a second, mean', mean, clients / 4, '', 'pace')
  trial.atMost('peak of a second to the mean', peakOf(times, 0, 1_000) / mean, 3, '', 'pace')
  // Once the delays have grown. In a whole second clients that all come at the same moment can not be told from others.
  const late = times.filter((at) => at >= GROWN_MS)
  const lateMean = late.length / (seconds * 1_000 - GROWN_MS)
  trial.atMost('peak of 100 ms to the mean', peakOf(late, GROWN_MS, 100) / (lateMean * 100), 3, '', 'pace')
}

/** After so long in vain a client waits up to the longest delay. */
const GROWN_MS = 2_000

/** The most that came within one of the slots from `begin` on. */
function peakOf(times: readonly number[], begin: number, slotMs: number): number {
  const slots: number[] = []
  for (const at of times) {
    const slot = Math.floor((at - begin) / slotMs)
    slots[slot] = (slots[slot] ?? 0) + 1
  }
  return slots.reduce((most, count) => Math.max(most, count), 0)
}

const SOCKETS = new WeakMap<Server, Set<import('node:net').Socket>>()

/** A server of Node, whose sockets are known. */
async function plainServer(trial: Trial, onSocket: (socket: import('node:net').Socket) => void) {
  const sockets = new Set<import('node:net').Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    onSocket(socket)
  })
  SOCKETS.set(server, sockets)
  trial.atEnd(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
  const { port } = server.address() as { port: number }
  return { server, endpoint: { host: '127.0.0.1', port } }
}

/** A server that accepts and then closes is no server: the delays go on growing. */
async function onlyAccepts(trial: Trial): Promise<void> {
  const seconds = trial.seconds(60, 8)
  let messages = 0
  const { endpoint } = await plainServer(trial, (socket) => {
    messages++
    socket.destroy()
  })
  let calls = 0
  const forCalls = await plainServer(trial, (socket) => {
    calls++
    socket.end()
  })
  const reconnector = createReconnector(endpoint)
  trial.atEnd(() => reconnector.close())
  reconnector.on('connect', () => {})
  const connecting = connectPeer(forCalls.endpoint, { waitForReady: true })
  await sleep(seconds * 1_000)
  await (await connecting).close({ drainMs: 0 })
  trial.atMost('attempts a second', messages / seconds, 2)
  trial.atMost('attempts a second, calls', calls / seconds, 2)
  trial.atLeast('attempts', Math.min(messages, calls), 3)
}

export const RESTARTS: readonly Row[] = [
  { id: 'F19', fault: 'server away, 1,000 clients', by: 'plain server that is gone', isQuiet: true, run: away },
  { id: 'F20', fault: 'kill -9 under load, restart', by: 'supervisor', run: kill },
  { id: 'F21', fault: 'rolling restart of two servers under load', by: 'supervisor', deadlineMs: 240_000, run: roll },
  { id: 'F22', fault: 'server that accepts, then closes', by: 'stub', isQuiet: true, run: onlyAccepts },
]
