// Processes that stand still for a while: SIGSTOP and SIGCONT at either end, a blocked event loop, a wall clock that
// jumps: F23 to F26.
import type { Endpoint } from '@framewire/transport'
import { chaosProxy } from '@framewire/transport/testing'
import { checkCalls, countUnavailable, untilUnderWay } from './calls.ts'
import type { ClientConfig, ClientReport, ServerConfig } from './process-config.ts'
import type { Row } from './row.ts'
import { startServer, watchLoop } from './server-health.ts'
import { type Child, startChild } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'
import { newPath } from './ways.ts'

const BEAT = { intervalMs: 1_000, timeoutMs: 1_000 }
const CALLS = { pingIntervalMs: 1_000, pingTimeoutMs: 1_000, minPingIntervalMs: 1_000 }
const CONNECTIONS = 50

/** What is under way so long that a process that stands still finds it done, and its own timers as well. */
const FAR_MS = 100

/** A server on TCP and on a unix socket, near and far, and a client of all of them. */
async function startPair(trial: Trial, kind: 'messages' | 'calls', own: Partial<ClientConfig>, server = {}) {
  const address = ['tcp://127.0.0.1:0', `unix:${newPath()}`] as const
  const serverConfig: ServerConfig = { kind, address, ...server }
  const serverChild = await startServer(trial, serverConfig)
  const tcp = await serverChild.ask<Endpoint>('address')
  const proxy = await chaosProxy(tcp, { seed: trial.seed })
  trial.atEnd(() => proxy.close())
  proxy.addToxic({ type: 'latency', latencyMs: FAR_MS, direction: 'downstream' })
  const addresses = [tcp, address[1], proxy.address]
  const client: ClientConfig = { kind, addresses, connections: CONNECTIONS, ...own }
  const clientChild = await startChild(trial, 'client', client)
  for (const failure of await clientChild.ask<string[]>('open')) trial.violations.push(`no connection: ${failure}`)
  return { server: serverChild, client: clientChild }
}

function countCloses(child: Child): { codes: string[]; lastAt: () => number } {
  const codes: string[] = []
  let lastAt = 0
  child.onEvent((event, value) => {
    if (event !== 'closed') return
    codes.push(String(value))
    lastAt = performance.now()
  })
  return { codes, lastAt: () => lastAt }
}

/** A server that is stopped is found by its clients; calls under way end once. */
async function stoppedServer(trial: Trial): Promise<void> {
  const { server, client } = await startPair(trial, 'messages', { heartbeat: BEAT })
  const closes = countCloses(client)
  await sleep(300)
  server.signal('SIGSTOP')
  const begin = performance.now()
  await until('all are found', () => closes.codes.length === CONNECTIONS)
  trial.within('found after', closes.lastAt() - begin, 2_500)
  trial.all('HEARTBEAT_TIMEOUT', closes.codes.filter((code) => code === 'HEARTBEAT_TIMEOUT').length, CONNECTIONS)
  server.signal('SIGCONT')
  const calls = { limits: CALLS, held: 10, reconnect: false, connections: 10 }
  const pair = await startPair(trial, 'calls', calls, { limits: CALLS })
  await untilUnderWay(pair.server, 100)
  pair.server.signal('SIGSTOP')
  const stoppedAt = performance.now()
  const report = await pair.client.ask<ClientReport>('settled')
  trial.within('100 calls settled after', performance.now() - stoppedAt, 2_500)
  countUnavailable(trial, report, 'of them UNAVAILABLE')
  pair.server.signal('SIGCONT')
  await checkCalls(trial, [pair.server], report)
}

/** A client that was stopped goes on where it was: its late timers prove nothing. */
async function stoppedClient(trial: Trial): Promise<void> {
  await standStill(trial, 5_000, async (client, ms) => {
    client.signal('SIGSTOP')
    await sleep(ms)
    client.signal('SIGCONT')
  })
}

async function blockedLoop(trial: Trial): Promise<void> {
  await standStill(trial, 3_000, (client, ms) => client.ask('block', ms))
}

/** Shorter than any process stands still, and longer than a busy machine makes anybody wait. */
const PATIENCE_MS = 2_000

async function standStill(
  trial: Trial,
  stillMs: number,
  hold: (client: Child, ms: number) => Promise<unknown>,
): Promise<void> {
  // So often that some wait for an answer when the process stands still: that answer is there before their timers run.
  const heartbeat = { intervalMs: 5, timeoutMs: PATIENCE_MS }
  const { server, client } = await startPair(trial, 'messages', { heartbeat })
  const limits = { ...CALLS, pingTimeoutMs: PATIENCE_MS }
  // The other end would rightly give up a client that stands still.
  const patient = { limits: { ...CALLS, pingIntervalMs: 60_000 } }
  const calls = await startPair(trial, 'calls', { limits, callers: 1, connections: 10 }, patient)
  await sleep(500)
  const judges = [await watchLoop(trial, server), await watchLoop(trial, calls.server, ', calls')]
  await Promise.all([client, calls.client].map((child) => hold(child, stillMs)))
  await sleep(1_500)
  for (const judge of judges) await judge()
  const report = await client.ask<ClientReport>('report')
  trial.all('healthy connections that stand', report.open, CONNECTIONS)
  for (const { code, afterMs } of report.closes) trial.tell(`${code} after`, afterMs, 'ms')
  trial.violations.push(...report.violations)
  await judgeCalls(trial, calls, 10)
}

/** None failed, and there were as many as that. */
async function judgeCalls(
  trial: Trial,
  { server, client }: { server: Child; client: Child },
  least: number,
): Promise<void> {
  const report = await client.ask<ClientReport>('report')
  const { OK: good = 0, ...failed } = report.calls
  trial.all(
    'calls that failed',
    Object.values(failed).reduce((sum, count) => sum + count, 0),
    0,
  )
  trial.atLeast('calls', good, least)
  await checkCalls(trial, [server], report)
}

/** A wall clock that jumps by an hour, forward and back, at both ends. */
async function jumpingClock(trial: Trial): Promise<void> {
  const traffic = { bytes: 200, everyMs: 50 }
  const options = { idleTimeoutMs: 3_000 }
  const beat = { heartbeat: { intervalMs: 300, timeoutMs: 1_000 }, options }
  const { server, client } = await startPair(trial, 'messages', { ...beat, traffic }, { options })
  // Where something is always said, a time that has passed is soon forgotten.
  const { client: silent } = await startPair(trial, 'messages', beat, { options })
  const calls = await startPair(trial, 'calls', { limits: CALLS, callers: 1, connections: 10 }, { limits: CALLS })
  const judges = [await watchLoop(trial, server), await watchLoop(trial, calls.server, ', calls')]
  for (const jumpMs of [3_600_000, -3_600_000, 0]) {
    for (const child of [server, client, silent, calls.server, calls.client]) await child.ask('jumpClock', jumpMs)
    await sleep(1_500)
  }
  // At one end only: whoever waits for the time to come that was, says nothing, and the server gives it up.
  for (const child of [client, silent, calls.client]) await child.ask('jumpClock', -3_600_000)
  await sleep(4_500)
  for (const judge of judges) await judge()
  const report = await client.ask<ClientReport>('report')
  trial.all('connections closed', report.closes.length, 0)
  trial.all('silent connections closed', (await silent.ask<ClientReport>('report')).closes.length, 0)
  trial.violations.push(...report.violations)
  await judgeCalls(trial, calls, 100)
}

export const FROZEN_PROCESSES: readonly Row[] = [
  { id: 'F23', fault: 'SIGSTOP of the server', by: 'signal', isQuiet: true, run: stoppedServer },
  { id: 'F24', fault: 'SIGSTOP of the client for 5 s', by: 'signal', isQuiet: true, run: stoppedClient },
  { id: 'F25', fault: 'event loop blocked for 3 s', by: 'busy loop', isQuiet: true, run: blockedLoop },
  { id: 'F26', fault: 'wall clock +-1 h', by: 'fake Date', isQuiet: true, run: jumpingClock },
]
