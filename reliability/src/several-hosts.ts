// Three hosts with a server each, a host with a DNS server and an HAProxy, and a host with clients. One host is cut off
// and comes back: calls go on over the others, and later to it again.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkCalls } from './calls.ts'
import { blackHole, type Host, network } from './network.ts'
import type { ClientConfig, ClientReport, ServerConfig } from './process-config.ts'
import type { Row } from './row.ts'
import { startServer, watchLoop } from './server-health.ts'
import { type Child, startChild } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'

const PORT = 7_000
const NAME = 'work.framewire.test'
const LIMITS = { pingIntervalMs: 1_000, pingTimeoutMs: 1_000, minPingIntervalMs: 1_000 }

/** A program that runs in the namespace of a host until the trial is over. */
function daemon(trial: Trial, host: Host, ...line: readonly string[]): void {
  const child = spawn(host.before[0] as string, [...host.before.slice(1), ...line], { stdio: 'ignore' })
  const over = once(child, 'exit')
  trial.atEnd(async () => {
    child.kill('SIGKILL')
    await over
  })
}

/** A front host: names for the servers, and a proxy before them. */
function startFront(trial: Trial, front: Host, servers: readonly Host[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-hosts-'))
  trial.atEnd(() => rmSync(folder, { recursive: true }))
  const times = 'timeout connect 1s\n  timeout client 30s\n  timeout server 30s'
  const backs = servers
    .map(({ address }, index) => `  server s${index} ${address}:${PORT} check inter 300ms`)
    .join('\n')
  const list = `listen front\n  bind ${front.address}:${PORT}\n  balance roundrobin\n  option redispatch\n${backs}`
  writeFileSync(join(folder, 'haproxy.cfg'), `defaults\n  mode tcp\n  ${times}\n${list}\n`)
  daemon(trial, front, 'haproxy', '-db', '-f', join(folder, 'haproxy.cfg'))
  const names = [...servers, front].map((host, index) => {
    return `--address=/${index < servers.length ? `s${index + 1}.` : ''}${NAME}/${host.address}`
  })
  const own = ['--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--user=root']
  daemon(trial, front, 'dnsmasq', ...own, `--listen-address=${front.address}`, '--bind-interfaces', ...names)
}

/** The resolver of a namespace is a file by its name, which `ip netns exec` mounts. */
function useNames(trial: Trial, host: Host, front: Host): void {
  const folder = `/etc/netns/${host.name}`
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'resolv.conf'), `nameserver ${front.address}\noptions timeout:1 attempts:3\n`)
  trial.atEnd(() => rmSync(folder, { recursive: true }))
}

async function cutOff(trial: Trial): Promise<void> {
  const [front, clients, ...hosts] = network(trial, 5) as [Host, Host, ...Host[]]
  const servers: Child[] = []
  for (const host of hosts) {
    const config: ServerConfig = { kind: 'calls', address: `tcp://${host.address}:${PORT}`, limits: LIMITS }
    servers.push(await startServer(trial, config, { before: host.before }))
  }
  startFront(trial, front, hosts)
  useNames(trial, clients, front)
  // Shorter than the defaults, so that the row is: a host that is cut off is tried once more before the next, 1 s at most
  // (10 s), and found after 2 s of silence (25 s).
  const common = {
    kind: 'calls',
    connectTimeoutMs: 1_000,
    limits: LIMITS,
    waitForReady: true,
    reconnect: { baseDelayMs: 50, maxDelayMs: 500 },
  } as const
  const direct: ClientConfig = {
    ...common,
    addresses: hosts.map((_, index) => `tcp://s${index + 1}.${NAME}:${PORT}` as const),
    connections: 6,
    callers: 2,
  }
  const proxied: ClientConfig = {
    ...common,
    addresses: [`tcp://${NAME}:${PORT}`],
    connections: 6,
    callers: 2,
    firstCall: 1e9,
  }
  const both: Child[] = []
  for (const config of [direct, proxied])
    both.push(await startChild(trial, 'client', config, { before: clients.before }))
  await Promise.all(both.map((child) => child.ask('open')))
  await until('calls through both', async () => (await counts(both)).every(({ good }) => good > 200))
  const [cut, ...others] = hosts as [Host, ...Host[]]
  trial.atLeast('clients on the host that is cut off', await peersOf(servers.slice(0, 1)), 1)
  const judges = await Promise.all(servers.slice(1).map((server, index) => watchLoop(trial, server, `, ${index + 2}`)))
  const hole = blackHole(cut, ['in', 'out'])
  const cutAt = await counts(both)
  await sleep(6_000)
  const during = await counts(both)
  const heldBy = await peersOf(servers.slice(1))
  hole.restore()
  for (const judge of judges) await judge()
  for (const [index, name] of ['by name', 'through HAProxy'].entries()) {
    const [before, after] = [cutAt[index], during[index]]
    trial.atLeast(`calls while a host is cut off, ${name}`, (after?.good ?? 0) - (before?.good ?? 0), 200)
    trial.tell(`calls that failed, once, ${name}`, after?.failed ?? 0)
  }
  trial.all(`clients on the ${others.length} hosts that are left`, heldBy, 12)
  // The others go: the one that came back takes over.
  await Promise.all(servers.slice(1).map((server) => server.ask('close', 2_000)))
  const [back] = servers
  await until('all clients are on the host that came back', async () => (await peersOf(back ? [back] : [])) === 12)
  const last = await counts(both)
  await until('calls go on', async () =>
    (await counts(both)).every(({ good }, index) => good > (last[index]?.good ?? 0) + 100),
  )
  trial.all('clients on the host that came back', await peersOf(back ? [back] : []), 12)
  const reports = await Promise.all(both.map((child) => child.ask<ClientReport>('report')))
  // A call that was made again on another host must not have run on the first.
  await checkCalls(trial, servers, ...reports)
}

async function peersOf(servers: readonly Child[]): Promise<number> {
  const all = await Promise.all(servers.map((server) => server.ask<number>('peers')))
  return all.reduce((sum, count) => sum + count, 0)
}

async function counts(children: readonly Child[]): Promise<{ good: number; failed: number }[]> {
  const reports = await Promise.all(children.map((child) => child.ask<ClientReport>('report')))
  return reports.map(({ calls: { OK: good = 0, ...others } }) => {
    return { good, failed: Object.values(others).reduce((sum, count) => sum + count, 0) }
  })
}

export const SEVERAL_HOSTS: readonly Row[] = [
  {
    id: 'H01',
    fault:
      'one host of three is cut off and comes back (connectTimeoutMs 1 s, pings 1 s and 1 s, backoff 50 to 500 ms)',
    by: 'namespaces, dnsmasq, HAProxy',
    needs: ['namespaces', 'iptables DROP', 'dnsmasq', 'haproxy'],
    isQuiet: true,
    deadlineMs: 90_000,
    run: cutOff,
  },
]
