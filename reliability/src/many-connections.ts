// Many connections, for long: a soak with faults (F39), 10,000 idle ones (F40), churn (F41), a small cgroup (F42). F44 is
// the simulation of the transport, over as many seeds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Connection, connect, type Endpoint } from '@framewire/transport'
import { chaosProxy } from '@framewire/transport/testing'
import { KiB, MiB, slopeAnHour } from './meters.ts'
import type { ClientReport } from './process-config.ts'
import type { Row } from './row.ts'
import { startServer, watchLoop } from './server-health.ts'
import { type Child, startChild } from './supervisor.ts'
import { Talker } from './talker.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'
import { rawConnect } from './ways.ts'

const ANY = 'tcp://127.0.0.1:0'
const BEAT = { intervalMs: 1_000, timeoutMs: 5_000 }
const SAMPLE_MS = 1_000
/** A heap settles while code is compiled and buffers find their size; slopes are taken after that. */
const SETTLED = 0.4

/** Heap and descriptors of a server process, a sample a second. */
class Slopes {
  readonly #server: Child
  readonly #heap: (readonly [number, number])[] = []
  readonly #descriptors: (readonly [number, number])[] = []

  constructor(server: Child) {
    this.#server = server
  }

  async sample(): Promise<void> {
    const at = performance.now()
    this.#heap.push([at, await this.#server.ask<number>('live')])
    this.#descriptors.push([at, await this.#server.ask<number>('descriptors')])
  }

  /** Slopes are printed, and judged over an hour or more only, where they mean something. */
  judge(trial: Trial): void {
    const settled = <T>(list: readonly T[]) => list.slice(Math.floor(list.length * SETTLED))
    const heap = slopeAnHour(settled(this.#heap)) / MiB
    const [[begin] = [0], [end] = [0]] = [this.#heap[0], this.#heap.at(-1)]
    if (end - begin >= 3_600_000) trial.atMost('heap slope', heap, 1, 'MiB/h')
    else trial.tell('heap slope', heap, 'MiB/h')
    trial.tell('descriptor slope', slopeAnHour(settled(this.#descriptors)), '/h')
    const values = settled(this.#heap).map(([, value]) => value)
    const [first = 0, last = 0] = [values[0], values.at(-1)]
    trial.atMost('heap grown', Math.max(0, Math.round((last - first) / KiB)), 4 * KiB, 'KiB')
  }
}

/** Connections with traffic through a proxy whose faults change all the time; what is lost is made again. */
async function soak(trial: Trial): Promise<void> {
  const seconds = trial.seconds(7_200, 60)
  const server = await startServer(trial, { kind: 'messages', address: ANY, heartbeat: BEAT })
  const target = await server.ask<Endpoint>('address')
  const proxy = await chaosProxy(target, { seed: trial.seed })
  trial.atEnd(() => proxy.close())
  const before = await server.ask<number>('descriptors')
  const slopes = new Slopes(server)
  const judgeLoop = await watchLoop(trial, server)
  const talkers = new Set<Talker>()
  let [made, received, number] = [0, 0, 0]
  const refill = async (): Promise<void> => {
    while (talkers.size < 500) {
      const connection = await connect(proxy.address).catch(() => undefined)
      if (connection === undefined) return
      const talker = new Talker(number++, connection, { bytes: 300, everyMs: 250 }, trial.violations)
      talkers.add(talker)
      made++
      void connection.closed.then(() => {
        talkers.delete(talker)
        received += talker.received
      })
    }
  }
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
    await refill()
    meddle(trial, proxy)
    await sleep(SAMPLE_MS)
    await slopes.sample()
  }
  await judgeLoop()
  proxy.removeToxics()
  for (const { connection } of talkers) connection.destroy()
  await until('all closed', async () => (await server.ask<{ live: number }>('stats')).live === 0)
  trial.tell('connections made', made)
  trial.atLeast('connections that faults have ended', made - 500, 1)
  trial.atLeast('messages back', received, seconds * 100)
  slopes.judge(trial)
  trial.atMost('descriptors left', Math.max(0, (await server.ask<number>('descriptors')) - before), 1)
}

/** One fault after another, drawn from the seed. */
function meddle(trial: Trial, proxy: Awaited<ReturnType<typeof chaosProxy>>): void {
  const { random } = trial
  proxy.removeToxics()
  const direction = random.pick(['upstream', 'downstream'] as const)
  const toxicity = 0.2
  const faults = [
    () => proxy.addToxic({ type: 'latency', latencyMs: 100, jitterMs: 80, direction, toxicity }),
    () => proxy.addToxic({ type: 'slicer', averageSize: 40, sizeVariation: 39, direction, toxicity }),
    () => proxy.addToxic({ type: 'reset_peer', afterBytes: random.integer(0, 2_000), direction, toxicity: 0.05 }),
    () => proxy.addToxic({ type: 'limit_data', bytes: random.integer(0, 2_000), direction, toxicity: 0.05 }),
    () => proxy.addToxic({ type: 'bandwidth', bytesPerSecond: 2_000, direction, toxicity }),
    () => [...proxy.connections].filter(() => random.chance(0.05)).forEach((connection) => void connection.reset()),
  ]
  random.pick(faults)()
}

/** What an idle connection costs its server, beside 100 that talk. */
async function idle(trial: Trial): Promise<void> {
  const count = 10_000
  const options = { maxConnections: count + 200, backlog: 4_096 }
  // Otherwise as much is garbage that has not been collected as belongs to connections.
  const node = ['--max-semi-space-size=2']
  const server = await startServer(trial, { kind: 'messages', address: ANY, options }, { node })
  const addresses = [await server.ask<Endpoint>('address')]
  const traffic = { bytes: 200, everyMs: 100 }
  const active = await startChild(trial, 'client', { kind: 'messages', addresses, connections: 100, traffic })
  await active.ask('open')
  await sleep(2_000)
  const before = await server.ask<number>('resident')
  const intervalMs = 15_000
  const heartbeat = { intervalMs, timeoutMs: 10_000 }
  const crowd = await startChild(trial, 'client', { kind: 'messages', addresses, connections: count, heartbeat })
  const failures = await crowd.ask<string[]>('open', undefined, 60_000)
  trial.all('connections that could not be made', failures.length, 0)
  await until('all accepted', async () => (await server.ask<{ live: number }>('stats')).live === count + 100)
  const grown = (await server.ask<number>('resident')) - before
  trial.atMost('resident memory of an idle connection', grown / count / KiB, 12, 'KiB')
  const judgeLoop = await watchLoop(trial, server)
  // Code that runs once in 15 s is compiled in the first of its rounds; what heartbeats cost, all others tell.
  await sleep(intervalMs)
  const cpuBefore = await crowd.ask<number>('cpuMs')
  await sleep(intervalMs)
  const cpu = (100 * ((await crowd.ask<number>('cpuMs')) - cpuBefore)) / intervalMs
  trial.atMost('CPU of 10,000 clients with heartbeats', cpu, 5, '%', 'pace')
  await judgeLoop()
  const report = await active.ask<ClientReport>('report')
  trial.all('active connections that stand', report.open, 100)
  const { beats } = await crowd.ask<ClientReport>('report')
  trial.atLeast('heartbeats of idle connections that came back', beats, 1.5 * count)
  trial.violations.push(...report.violations)
}

/** Connections that come and go, 500 a second. */
async function churn(trial: Trial): Promise<void> {
  const seconds = trial.seconds(300, 15)
  const server = await startServer(trial, { kind: 'messages', address: ANY })
  const target = await server.ask<Endpoint>('address')
  const before = await server.ask<number>('descriptors')
  const slopes = new Slopes(server)
  const judgeLoop = await watchLoop(trial, server)
  let [made, lost] = [0, 0]
  const visit = async (): Promise<void> => {
    try {
      const connection: Connection = await connect(target)
      connection.send(Buffer.from('hello'))
      if ((await connection.next()) === undefined) lost++
      await connection.close()
      made++
    } catch {
      lost++
    }
  }
  const visits: Promise<void>[] = []
  const begin = performance.now()
  for (let tick = 1; performance.now() - begin < seconds * 1_000; tick++) {
    for (let count = 0; count < 10; count++) visits.push(visit())
    if (tick % 50 === 0) await slopes.sample()
    await sleep(Math.max(0, begin + tick * 20 - performance.now()))
  }
  await Promise.all(visits)
  await judgeLoop()
  trial.atLeast('connections a second', made / seconds, 450, '', 'pace')
  trial.all('lost', lost, 0)
  slopes.judge(trial)
  await until('descriptors are free', async () => (await server.ask<number>('descriptors')) <= before + 1)
}

const GROUPS = '/sys/fs/cgroup/memory'

/** Slow readers and slowloris against a server that may have 256 MiB: it is not killed for it. */
async function smallGroup(trial: Trial): Promise<void> {
  const seconds = trial.seconds(60, 12)
  const group = `${GROUPS}/framewire-${process.pid}`
  mkdirSync(group)
  trial.atEnd(() => rmdirSync(group))
  writeFileSync(`${group}/memory.limit_in_bytes`, String(256 * MiB))
  const options = { maxTotalBuffered: 64 * MiB, frameTimeoutMs: 2_000, sendStallTimeoutMs: 2_000 }
  // What was freed in pieces the allocator of the system keeps: by what is in use.
  const config = { kind: 'messages', address: ANY, options, isFlooding: true } as const
  const server = await startServer(trial, config, { back: 'live' })
  writeFileSync(`${group}/cgroup.procs`, String(server.process.pid))
  const target = await server.ask<Endpoint>('address')
  const judgeLoop = await watchLoop(trial, server)
  let attacks = 0
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
    for (let count = 0; count < 50; count++, attacks++) {
      const socket = await rawConnect(trial, target)
      socket.pause()
      if (count % 2 === 0) socket.write(Uint8Array.of(0, 0x10, 0, 0, 1))
    }
    await sleep(200)
  }
  trial.all('the server lives', server.isUp ? 1 : 0, 1)
  await judgeLoop()
  trial.atMost('resident memory', Math.round((await server.ask<number>('resident')) / MiB), 256, 'MiB')
  trial.atLeast('slow peers', attacks, 200)
}

/** The simulations of the transport and of calls: I1 to I3 in virtual time. */
async function simulation(trial: Trial): Promise<void> {
  for (const [name, seeds] of [
    ['transport', trial.count(1_000_000, 10_000, 30_000)],
    ['rpc', trial.count(100_000, 1_000, 3_000)],
  ] as const) {
    const script = fileURLToPath(new URL('../../tooling/simulate.js', import.meta.url))
    const cwd = fileURLToPath(new URL(`../../packages/${name}`, import.meta.url))
    const args = [script, '--seeds', String(seeds), '--from', String((trial.seed % 1_000) * 1_000_000)]
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
    trial.atEnd(() => child.kill('SIGKILL'))
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_096)
    })
    const [code] = (await once(child, 'close')) as [number | null]
    trial.all(`${name}: failures in ${seeds} runs`, code === 0 ? 0 : 1, 0)
    if (code !== 0) trial.violations.push(said)
  }
}

const NODE = 'real processes'

export const MANY_CONNECTIONS: readonly Row[] = [
  {
    id: 'F39',
    fault: 'soak with random faults, 500 connections',
    by: 'chaos proxy',
    isQuiet: true,
    deadlineMs: 120_000,
    run: soak,
  },
  {
    id: 'F40',
    fault: '10,000 idle and 100 active connections (server with --max-semi-space-size=2)',
    by: NODE,
    deadlineMs: 120_000,
    run: idle,
  },
  { id: 'F41', fault: '500 connections a second', by: NODE, run: churn },
  {
    id: 'F42',
    fault: 'slow peers in a cgroup of 256 MiB',
    by: 'cgroup',
    needs: ['cgroup'],
    isQuiet: true,
    run: smallGroup,
  },
]

export const SIMULATION: readonly Row[] = [
  { id: 'F44', fault: 'deterministic simulation', by: 'simulate(seed)', deadlineMs: 240_000, run: simulation },
]
