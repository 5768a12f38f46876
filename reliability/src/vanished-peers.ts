// Peers that vanish without a word, packets that are lost, connections that the kernel kills: F04 to F06, F17, F29, F30.
// A server and a client as processes in network namespaces, and what iptables and ss do to their packets.
import type { ServerStats } from '@framewire/transport'
import { checkCalls, countUnavailable, untilUnderWay } from './calls.ts'
import { sum } from './ledger.ts'
import { blackHole, type Host, network } from './network.ts'
import type { ClientConfig, ClientReport, ServerConfig } from './process-config.ts'
import type { Row } from './row.ts'
import { startServer, watchLoop } from './server-health.ts'
import { type Child, startChild } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'

const BEAT = { intervalMs: 1_000, timeoutMs: 1_000 }
/** Where something else than silence is to be found, also on a busy machine. */
const PATIENT_BEAT = { intervalMs: 1_000, timeoutMs: 4_000 }
const STALL_MS = 2_000
const PORT = 7_000
/** What iptables itself, the talk between processes and the clock of a timer cost, besides the limit. */
const FOUND_MS = 2_500
const ONE_WAY_MS = 5_000
const CALLS = { pingIntervalMs: 1_000, pingTimeoutMs: 1_000, minPingIntervalMs: 1_000 }

interface Pair {
  server: Child
  client: Child
  hosts: readonly [server: Host, client: Host]
}

async function startPair(
  trial: Trial,
  kind: 'messages' | 'calls',
  own: { client: Partial<ClientConfig>; server?: Partial<ServerConfig> },
): Promise<Pair> {
  const [serverHost, clientHost] = network(trial, 2) as [Host, Host]
  const address = `tcp://${serverHost.address}:${PORT}` as const
  const options = { sendStallTimeoutMs: STALL_MS }
  const about = kind === 'calls' ? { limits: CALLS } : { heartbeat: BEAT }
  const server: ServerConfig = { kind, address, options, ...about, ...own.server }
  const client: ClientConfig = { kind, addresses: [address], connections: 1, options, ...about, ...own.client }
  const serverChild = await startServer(trial, server, { before: serverHost.before })
  const clientChild = await startChild(trial, 'client', client, { before: clientHost.before })
  for (const failure of await clientChild.ask<string[]>('open')) trial.violations.push(`no connection: ${failure}`)
  return { server: serverChild, client: clientChild, hosts: [serverHost, clientHost] }
}

/** When the child tells that a connection is closed, and how. */
function closeOf(child: Child): Promise<{ code: string; at: number }> {
  return new Promise((resolve) => {
    child.onEvent((event, value) => {
      if (event === 'closed') resolve({ code: String(value), at: performance.now() })
    })
  })
}

/** Packets vanish, and both ends find out. */
async function vanish(
  trial: Trial,
  name: string,
  own: { client: Partial<ClientConfig>; server?: Partial<ServerConfig> },
  directions: readonly ('in' | 'out')[],
  mostMs: number,
): Promise<void> {
  const { server, client, hosts } = await startPair(trial, 'messages', own)
  await sleep(500)
  const judgeLoop = await watchLoop(trial, server, `, ${name}`)
  const closes = [closeOf(server), closeOf(client)]
  blackHole(hosts[1], directions)
  const begin = performance.now()
  const [atServer, atClient] = await Promise.all(closes)
  if (atServer === undefined || atClient === undefined) return
  trial.within(`found by the server, ${name} (${atServer.code})`, atServer.at - begin, mostMs)
  trial.within(`found by the client, ${name} (${atClient.code})`, atClient.at - begin, mostMs)
  const expected = new Set(['HEARTBEAT_TIMEOUT', 'WRITE_TIMEOUT'])
  // Who hears nothing must find out. The other may, or hears the end of the first.
  const deaf = [...(directions.includes('out') ? [atServer] : []), ...(directions.includes('in') ? [atClient] : [])]
  const typed = deaf.filter(({ code }) => expected.has(code)).length
  trial.all(`HEARTBEAT_TIMEOUT or WRITE_TIMEOUT where nothing arrives, ${name}`, typed, deaf.length)
  await judgeLoop()
  await checkBooks(trial, client)
}

async function checkBooks(trial: Trial, client: Child): Promise<ClientReport> {
  const report = await client.ask<ClientReport>('report')
  trial.violations.push(...report.violations)
  return report
}

/** Calls under way: each ends once, with UNAVAILABLE. */
async function vanishUnderCalls(trial: Trial, directions: readonly ('in' | 'out')[], mostMs: number): Promise<void> {
  const { server, client, hosts } = await startPair(trial, 'calls', { client: { held: 100, reconnect: false } })
  await untilUnderWay(server, 100)
  blackHole(hosts[1], directions)
  const begin = performance.now()
  const report = await client.ask<ClientReport>('settled')
  trial.within('100 calls settled after', performance.now() - begin, mostMs)
  countUnavailable(trial, report, 'of them UNAVAILABLE')
  await checkCalls(trial, [server], report)
}

async function idle(trial: Trial): Promise<void> {
  await vanish(trial, 'idle', { client: {} }, ['in', 'out'], FOUND_MS)
  await vanishUnderCalls(trial, ['in', 'out'], FOUND_MS)
}

async function unacknowledged(trial: Trial): Promise<void> {
  const traffic = { bytes: 4_096, everyMs: 'flood' } as const
  await vanish(trial, 'client sends', { client: { traffic } }, ['in', 'out'], FOUND_MS)
  // The server floods and the client only reads.
  await vanish(trial, 'server sends', { client: {}, server: { isFlooding: true } }, ['in', 'out'], FOUND_MS)
}

async function oneWay(trial: Trial): Promise<void> {
  const traffic = { bytes: 256, everyMs: 100 }
  await vanish(trial, 'to the client', { client: { traffic } }, ['in'], ONE_WAY_MS)
  await vanish(trial, 'from the client', { client: { traffic } }, ['out'], ONE_WAY_MS)
  await vanishUnderCalls(trial, ['in'], ONE_WAY_MS)
}

const LOSSES = [0.01, 0.05, 0.2]

/** One network for each rate, all at the same time. */
async function loss(trial: Trial): Promise<void> {
  const seconds = trial.seconds(600, 60)
  const runs = LOSSES.map(async (rate) => {
    const heartbeat = { intervalMs: 2_000, timeoutMs: 5_000 }
    const own = { heartbeat, options: { sendStallTimeoutMs: 10_000 } }
    const client = { ...own, connections: 20, traffic: { bytes: 512, everyMs: 100 } }
    const pair = await startPair(trial, 'messages', { client, server: own })
    for (const host of pair.hosts) {
      const match = ['-m', 'statistic', '--mode', 'random', '--probability', String(rate)]
      host.run('iptables', '-w', '-A', 'INPUT', '-i', 'eth', ...match, '-j', 'DROP')
    }
    return { rate, pair, judgeLoop: await watchLoop(trial, pair.server, `, ${rate * 100} % lost`) }
  })
  const pairs = await Promise.all(runs)
  await sleep(seconds * 1_000)
  for (const { rate, pair, judgeLoop } of pairs) {
    await judgeLoop()
    const { closes, received } = await checkBooks(trial, pair.client)
    const name = `${rate * 100} % lost: connections closed`
    if (rate <= 0.05) trial.all(name, closes.length, 0)
    else trial.tell(name, closes.length)
    const dropped = pair.hosts.reduce((sum, host) => sum + droppedAt(host), 0)
    trial.atLeast(`${rate * 100} % lost: packets dropped`, dropped, 10)
    trial.atLeast(`${rate * 100} % lost: messages back`, received, 50 * seconds, '', 'pace')
  }
}

/** Packets that its rules have dropped. */
function droppedAt(host: Host): number {
  const list = host.run('iptables', '-w', '-nvxL', 'INPUT')
  return [...list.matchAll(/^\s*(\d+)\s+\d+\s+DROP\b/gm)].reduce((sum, [, packets]) => sum + Number(packets), 0)
}

/** Connections that the kernel kills while they talk: nothing is doubled or changed, every end is typed. */
async function killed(trial: Trial): Promise<void> {
  const own = { connections: 100, traffic: { bytes: 2_000, everyMs: 5 }, heartbeat: PATIENT_BEAT }
  const pair = await startPair(trial, 'messages', { client: own, server: { heartbeat: PATIENT_BEAT } })
  const { hosts } = pair
  const judgeLoop = await watchLoop(trial, pair.server)
  let killed = 0
  for (let second = 0; second < 5; second++) {
    const ports = portsOf(hosts[1]).filter(() => trial.random.chance(0.1))
    for (const port of ports) hosts[1].run('ss', '-K', 'sport', '=', `:${port}`)
    killed += ports.length
    await sleep(500)
  }
  await judgeLoop()
  await countKilled(trial, pair, 'ss', killed)
  await killUnderCalls(trial, (host) => host.run('ss', '-K', 'dport', '=', `:${PORT}`))
}

function portsOf(host: Host): string[] {
  const list = host.run('ss', '-Htn', 'state', 'established', 'dport', '=', `:${PORT}`)
  return [...list.matchAll(/10\.77\.0\.\d+:(\d+)\s+10\.77\.0\.\d+:7000/g)].map(([, port]) => port as string)
}

async function rejected(trial: Trial): Promise<void> {
  const own = { connections: 100, traffic: { bytes: 2_000, everyMs: 5 }, heartbeat: PATIENT_BEAT }
  const pair = await startPair(trial, 'messages', { client: own, server: { heartbeat: PATIENT_BEAT } })
  const { client, hosts } = pair
  await sleep(500)
  const judgeLoop = await watchLoop(trial, pair.server)
  hosts[0].run(...reject('-A'))
  const isGone = async () => (await client.ask<ClientReport>('report')).open === 0
  await until('all are reset', isGone, 20_000)
  await judgeLoop()
  await countKilled(trial, pair, 'reject', own.connections)
  await killUnderCalls(trial, (host) => host.run(...reject('-A')))
}

function reject(verb: string): string[] {
  const match = ['-p', 'tcp', '-j', 'REJECT', '--reject-with', 'tcp-reset']
  return ['iptables', '-w', verb, 'INPUT', ...match]
}

/** Whoever is told of the kill says that the connection was reset, also where data came with the reset. */
async function countKilled(trial: Trial, pair: Pair, by: 'ss' | 'reject', killed: number): Promise<void> {
  const { server, client } = pair
  const isTold = async () => (await client.ask<ClientReport>('report')).closes.length >= killed
  await until('the client knows', isTold)
  const { closes, received } = await checkBooks(trial, client)
  trial.atLeast('connections killed', killed, 10)
  trial.all('connections closed', closes.length, killed)
  trial.atLeast('messages back before', received, 100)
  await until('the server knows', async () => sum((await server.ask<ServerStats>('stats')).closed) >= closes.length)
  countResets(
    trial,
    'client',
    closes.map(({ code }) => code),
  )
  const atServer = codesOf((await server.ask<ServerStats>('stats')).closed)
  // What is rejected on its way in is never seen by the server: it finds out by itself, as in a black hole.
  if (by === 'ss') countResets(trial, 'server', atServer)
  else
    for (const code of new Set(atServer)) trial.tell(`${code}, server`, atServer.filter((each) => each === code).length)
}

function countResets(trial: Trial, end: string, codes: readonly string[]): void {
  const others = codes.filter((code) => code !== 'CONNECTION_RESET')
  trial.all(`CONNECTION_RESET, ${end}`, codes.length - others.length, codes.length)
  for (const code of new Set(others)) trial.tell(`${code}, ${end}`, others.filter((each) => each === code).length)
}

function codesOf(closed: ServerStats['closed']): string[] {
  return Object.entries(closed).flatMap(([code, count]) => new Array<string>(count).fill(code))
}

async function killUnderCalls(trial: Trial, kill: (host: Host) => unknown): Promise<void> {
  const { server, client, hosts } = await startPair(trial, 'calls', { client: { held: 100, reconnect: false } })
  await untilUnderWay(server, 100)
  kill(hosts[1])
  const report = await client.ask<ClientReport>('settled')
  countUnavailable(trial, report, 'calls under way that end with UNAVAILABLE, once')
  await checkCalls(trial, [server], report)
}

const KERNEL = { needs: ['namespaces', 'iptables DROP'], isQuiet: true } as const

export const BLACK_HOLES: readonly Row[] = [
  { id: 'F04', fault: 'black hole: idle', by: 'namespaces, iptables DROP', ...KERNEL, run: idle },
  { id: 'F05', fault: 'black hole: un-ACKed data', by: 'namespaces, iptables DROP', ...KERNEL, run: unacknowledged },
  { id: 'F06', fault: 'black hole: one direction', by: 'namespaces, iptables DROP', ...KERNEL, run: oneWay },
]

export const LOST_PACKETS: readonly Row[] = [
  {
    id: 'F17',
    fault: '1, 5 and 20 % packet loss',
    by: 'iptables statistic',
    ...KERNEL,
    needs: ['namespaces', 'iptables statistic'],
    isIdle: true,
    deadlineMs: 120_000,
    run: loss,
  },
]

export const KILLED_CONNECTIONS: readonly Row[] = [
  {
    id: 'F29',
    fault: 'connections killed under traffic',
    by: 'ss -K',
    ...KERNEL,
    needs: ['namespaces', 'ss -K'],
    run: killed,
  },
  {
    id: 'F30',
    fault: 'connections rejected under traffic',
    by: 'iptables REJECT',
    ...KERNEL,
    needs: ['namespaces', 'iptables REJECT'],
    run: rejected,
  },
]
