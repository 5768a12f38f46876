// Child process: many clients of one server, with traffic that is booked. `node dist/client-process.js CONFIG`.
import { connect as connectPeer, type Peer } from '@framewire/rpc'
import { type Connection, connect } from '@framewire/transport'
import { CallLoad, holdCalls } from './calls.ts'
import { answerAll, tell } from './child-talk.ts'
import { CallLedger } from './ledger.ts'
import { descriptors, LoopMeter, liveBytes, residentBytes } from './meters.ts'
import type { ClientConfig, ClientReport } from './process-config.ts'
import { Talker } from './talker.ts'

const config = JSON.parse(process.argv[2] ?? '{}') as ClientConfig
const loop = new LoopMeter()
const violations: string[] = []
const closes: ClientReport['closes'] = []
const ledger = new CallLedger(violations, config.firstCall)
const talkers: Talker[] = []
const peers: Peer[] = []
const loads: CallLoad[] = []
/** One for each peer. */
const held: Promise<unknown>[] = []
const failures: string[] = []

async function openMessages(number: number): Promise<void> {
  const { addresses, options = {}, heartbeat } = config
  const beat = heartbeat && { heartbeat: { ...heartbeat, message: Buffer.from('beat') } }
  let connection: Connection
  try {
    connection = await connect(addresses[number % addresses.length] as string, { ...options, ...beat })
  } catch (error) {
    failures.push(codeOf(error))
    return
  }
  talkers.push(new Talker(number, connection, config.traffic, violations))
  const since = performance.now()
  connection.on('close', ({ error }) => {
    const close = { code: error?.code ?? 'CLEAN', afterMs: performance.now() - since }
    closes.push(close)
    tell('closed', close.code)
  })
}

function codeOf(error: unknown): string {
  const { name, code } = error as { name?: string; code?: string }
  return name === 'TransportError' || name === 'RpcError' ? String(code) : `UNTYPED ${String(error)}`
}

async function openCalls(number: number): Promise<void> {
  const { addresses, limits = {}, reconnect = true, waitForReady = false, callers = 0 } = config
  const { connectTimeoutMs = 10_000 } = config
  const own = reconnect === false ? [addresses[number % addresses.length]] : addresses
  const peer = await connectPeer(own as string[], { limits, reconnect, waitForReady, connectTimeoutMs })
  peers.push(peer)
  void peer.closed.then(() => tell('closed', 'peer'))
  if (callers > 0) loads.push(new CallLoad(peer, ledger, callers))
  if (config.held !== undefined) held.push(holdCalls(peer, ledger, config.held))
}

async function open(): Promise<string[]> {
  const width = 250
  for (let from = 0; from < config.connections; from += width) {
    const numbers = Array.from({ length: Math.min(width, config.connections - from) }, (_, at) => from + at)
    await Promise.all(numbers.map((number) => (config.kind === 'calls' ? openCalls(number) : openMessages(number))))
  }
  return failures
}

function report(): ClientReport {
  const calls: Record<string, number> = {}
  for (const { code } of ledger.outcomes) calls[code] = (calls[code] ?? 0) + 1
  return {
    open: talkers.filter(({ connection }) => connection.state === 'open').length,
    closes,
    sent: talkers.reduce((sum, { sent }) => sum + sent, 0),
    received: talkers.reduce((sum, { received }) => sum + received, 0),
    beats: talkers.reduce((sum, { beats }) => sum + beats, 0),
    calls,
    notProcessed: ledger.count(({ notProcessed }) => notProcessed),
    openCalls: ledger.openCalls,
    outcomes: ledger.outcomes,
    violations,
  }
}

async function end(): Promise<void> {
  for (const talker of talkers) talker.stop()
  for (const { connection } of talkers) connection.destroy()
  const stopped = loads.map((load) => load.stop())
  await Promise.all(peers.map((peer) => peer.close({ drainMs: 0 })))
  await Promise.all([...stopped, ...held])
  await Promise.all(talkers.map(({ connection }) => connection.closed))
  if (ledger.openCalls > 0) violations.push(`I2 ${ledger.openCalls} calls have no outcome`)
  if (closes.length !== talkers.length) {
    violations.push(`I2 ${talkers.length} connections and ${closes.length} closes`)
  }
  loop.stop()
}

answerAll(
  {
    open,
    report,
    live: liveBytes,
    resident: residentBytes,
    descriptors,
    loopMs: (percent: number) => loop.percentileMs(percent),
    resetLoop: () => loop.reset(),
    stopTraffic: async () => {
      for (const talker of talkers) talker.stop()
      await Promise.all(loads.splice(0).map((load) => load.stop()))
    },
    settled: async () => {
      await Promise.all(held)
      return report()
    },
  },
  end,
  violations,
)
