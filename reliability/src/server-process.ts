// Child process: one server, of messages that come back or of calls. `node dist/server-process.js CONFIG`.
import { subscribe } from 'node:diagnostics_channel'
import { serve } from '@framewire/rpc'
import { StreamLedger } from '@framewire/testkit'
import { type CloseInfo, listen } from '@framewire/transport'
import { answerAll, tell } from './child-talk.ts'
import { checkCounters } from './ledger.ts'
import { descriptors, LoopMeter, liveBytes, peakBytes, residentBytes } from './meters.ts'
import type { ServerConfig } from './process-config.ts'
import { echo } from './rig.ts'
import type { MemoryReport } from './server-health.ts'
import { fileJournal, memoryJournal, workService } from './work.ts'

const config = JSON.parse(process.argv[2] ?? '{}') as ServerConfig
const loop = new LoopMeter({ isOwnOnly: true })
const violations: string[] = []
let [connections, mostConnections] = [0, 0]
subscribe('framewire:connection:open', () => {
  mostConnections = Math.max(mostConnections, ++connections)
})
subscribe('framewire:connection:close', () => {
  connections--
})

function memory() {
  return { live: liveBytes(), resident: residentBytes() }
}

const meters = {
  live: liveBytes,
  resident: residentBytes,
  descriptors,
  loopMs: (percent: number) => loop.percentileMs(percent),
  resetLoop: () => loop.reset(),
  memory: (): MemoryReport => {
    return { start, now: memory(), peak: peakBytes(), connections: mostConnections }
  },
}

async function serveMessages(): Promise<void> {
  const { address, options = {}, heartbeat } = config
  const beat = heartbeat && { heartbeat: { ...heartbeat, message: Buffer.from('beat') } }
  const server = await listen(address, { ...options, ...beat }, (connection) => {
    connection.on('close', ({ error }: CloseInfo) => tell('closed', error?.code ?? 'CLEAN'))
    if (config.isFlooding) return flood(connection)
    return void echo(connection).catch(() => {})
  })
  server.on('error', (error) => tell('error', String(error)))
  const end = async (): Promise<void> => {
    checkCounters(server, violations)
    for (const connection of server.connections) connection.destroy()
    await server.close()
    checkCounters(server, violations)
    checkEnds()
    loop.stop()
  }
  const bytesReceived = () => [...server.connections].reduce((sum, each) => sum + each.stats().bytesReceived, 0)
  const answers = { address: () => server.addresses[0], stats: () => server.stats(), bytesReceived }
  answerAll({ ...meters, ...answers }, end, violations)
}

/** I6: who was opened is closed. */
function checkEnds(): void {
  if (connections !== 0) violations.push(`I6 ${connections} connections were opened and not closed`)
}

/** Sends as fast as the peer takes it. */
function flood(connection: Parameters<typeof echo>[0]): void {
  const ledger = new StreamLedger(0, violations)
  const fill = (): void => {
    for (let goesOn = true; goesOn && connection.state === 'open'; ledger.accepted++) {
      goesOn = connection.send(ledger.message(16 * 1024))
    }
  }
  connection.on('drain', fill)
  fill()
}

async function serveCalls(): Promise<void> {
  const { address, options = {}, limits = {}, tls, journal: path } = config
  const journal = path === undefined ? memoryJournal() : fileJournal(path)
  const transport = { ...options }
  const server = await serve(address, { services: [workService(journal)], limits, transport, ...(tls && { tls }) })
  const close = (drainMs: number): Promise<void> => server.close({ drainMs })
  const end = async (): Promise<void> => {
    await close(0)
    checkEnds()
    loop.stop()
    journal.close()
  }
  const answers = { address: () => server.addresses[0], close, peers: () => server.peers.size }
  answerAll({ ...meters, ...answers, executed: () => journal.read() }, end, violations)
}

await (config.kind === 'calls' ? serveCalls() : serveMessages())
const start = memory()
