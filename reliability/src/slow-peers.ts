// Peers that take little or nothing of what is sent to them: F07 to F09, F33, F43. Memory stays within the limits, others
// go on, and who waits too long is told so.
import type { Socket } from 'node:net'
import { turn, within } from '@framewire/testkit'
import type { Connection, TransportError } from '@framewire/transport'
import { KiB, MiB, memoryBound, ownCoreWait, residentBytes } from './meters.ts'
import { accepted, connectTo, echo, type Rig, roundTripMs, startRig } from './rig.ts'
import type { Row } from './row.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'
import { rawConnect, type Way, ways } from './ways.ts'

const PIECE = new Uint8Array(64 * KiB)

/** A connection of the rig whose peer reads nothing. */
async function stopped(trial: Trial, rig: Rig, way: Way): Promise<{ socket: Socket; connection: Connection }> {
  let socket: Socket | undefined
  const connection = await accepted(rig, async () => {
    socket = await rawConnect(trial, rig.target, way)
    socket.pause()
  })
  return { socket: socket as Socket, connection }
}

/** Sends as long as it is asked to, at full speed, as one should. */
function flood(connection: Connection): void {
  const fill = (): void => {
    while (connection.state === 'open' && connection.send(PIECE)) {
      // until it is false
    }
  }
  connection.on('drain', fill)
  fill()
}

async function slowReader(trial: Trial): Promise<void> {
  const mark = 256 * KiB
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const alone = await healthy(trial, way)
    const beside = await healthy(trial, way)
    const { socket, connection } = await stopped(trial, beside.rig, way)
    const trickle = setInterval(() => socket.read(102), 100)
    trial.atEnd(() => clearInterval(trickle))
    let most = 0
    connection.on('drain', () => {
      most = Math.max(most, connection.bufferedAmount)
    })
    flood(connection)
    for (let count = 0; count < 20; count++) {
      await turn()
      most = Math.max(most, connection.bufferedAmount)
    }
    // In turn, so that what else the machine does slows both; the best windows are those it left alone.
    let [bestAlone, bestBeside] = [0, 0]
    for (let window = 0; window < 10; window++) {
      bestAlone = Math.max(bestAlone, await roundTrips(alone.client))
      bestBeside = Math.max(bestBeside, await roundTrips(beside.client))
      most = Math.max(most, connection.bufferedAmount)
    }
    trial.atMost(`unsent bytes, ${way.name}`, most, mark + PIECE.length + 4, 'bytes')
    trial.all(`the sender waits for the slow reader, ${way.name}`, connection.writableNeedDrain ? 1 : 0, 1)
    trial.atLeast(`throughput of others, ${way.name}`, (100 * bestBeside) / bestAlone, 90, '%', 'pace')
    connection.destroy()
  }
}

/** A server with one client that it answers. */
async function healthy(trial: Trial, way: Way): Promise<{ rig: Rig; client: Connection }> {
  const rig = await startRig(trial, way, { sendStallTimeoutMs: 60_000 })
  const client = await connectTo(trial, rig.target, way)
  await until('accepted', () => rig.connections.length === 1)
  void echo(rig.connections[0] as Connection).catch(() => {})
  return { rig, client }
}

const coreWait = ownCoreWait('main')

/** In 100 ms, without those in which others had the cores. */
async function roundTrips(connection: Connection): Promise<number> {
  const now = () => performance.now() - coreWait()
  let count = 0
  for (const end = now() + 100; now() < end; count++) await roundTripMs(connection)
  return count
}

async function stoppedReader(trial: Trial): Promise<void> {
  const stallMs = trial.isBrief ? 300 : 2_000
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const rig = await startRig(trial, way, { sendStallTimeoutMs: stallMs })
    const { connection } = await stopped(trial, rig, way)
    flood(connection)
    const begin = performance.now()
    const { error } = await within('closed', connection.closed)
    const tookMs = performance.now() - begin
    trial.within(`found after, ${way.name}`, tookMs, stallMs + 500)
    trial.atLeast(`found after, at least, ${way.name}`, Math.round(tookMs), stallMs - 10, 'ms')
    trial.all(`WRITE_TIMEOUT, ${way.name}`, error?.code === 'WRITE_TIMEOUT' ? 1 : 0, 1)
  }
}

/** Many readers that have stopped share one cap: those that hold the most end first. */
async function manyStopped(trial: Trial): Promise<void> {
  const [readers, cap] = trial.isBrief ? [40, 4 * MiB] : [1_000, 64 * MiB]
  const [way] = ways(trial, 'TCP') as [Way]
  const options = { maxTotalBuffered: cap, maxSendBuffer: 4 * MiB, sendStallTimeoutMs: 60_000 }
  const rig = await startRig(trial, way, options)
  for (let count = 0; count < readers; count++) await stopped(trial, rig, way)
  const before = residentBytes()
  let [most, wrong] = [0, 0]
  const ended = new Set<Connection>()
  for (let round = 0; rig.closes.length < readers / 10; round++) {
    for (const [index, connection] of rig.connections.entries()) {
      // The first ones get more than the last ones, so that there is a largest.
      if (connection.state !== 'open' || round % ((index % 8) + 1) !== 0) continue
      const { bytesQueued: queued } = rig.server.stats()
      if (connection.bufferedAmount < 3 * MiB) connection.send(PIECE)
      const { bytesQueued } = rig.server.stats()
      most = Math.max(most, bytesQueued)
      if (bytesQueued < queued + PIECE.length) wrong += unfairEnds(rig, ended)
    }
    await turn()
    if (round > 10_000) throw new Error('the cap was never reached')
  }
  const slow = rig.closes.filter(({ error }) => error?.code === 'SLOW_CONSUMER').length
  trial.all('evicted as SLOW_CONSUMER', slow, rig.closes.length)
  trial.all('evicted while another held more', wrong, 0)
  trial.atMost('unsent bytes of all', most, cap, 'bytes')
  trial.atMost('memory grown', Math.round((residentBytes() - before) / MiB), (cap + 64 * MiB) / MiB, 'MiB')
}

/** Those that have just been ended while another, which is left, holds more. */
function unfairEnds(rig: Rig, ended: Set<Connection>): number {
  const open = rig.connections.filter(({ state }) => state === 'open')
  const most = open.reduce((sum, { bufferedAmount }) => Math.max(sum, bufferedAmount), 0)
  const fresh = rig.connections.filter((connection) => connection.state !== 'open' && !ended.has(connection))
  for (const connection of fresh) ended.add(connection)
  return fresh.filter(({ bufferedAmount }) => bufferedAmount < most).length
}

/** A close that cannot be finished resolves at its deadline and says what was not sent. */
async function closeQueued(trial: Trial): Promise<void> {
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const rig = await startRig(trial, way, { maxSendBuffer: 32 * MiB, sendHighWaterMark: 32 * MiB })
    const { connection } = await stopped(trial, rig, way)
    for (let count = 0; count < 256; count++) connection.send(PIECE)
    await turn()
    const begin = performance.now()
    const { error, unsentBytes } = await within('closed', connection.close({ timeoutMs: 500 }))
    const tookMs = performance.now() - begin
    trial.within(`closed after, ${way.name}`, tookMs, 600)
    trial.atLeast(`closed after, at least, ${way.name}`, Math.round(tookMs), 499, 'ms')
    trial.all(`WRITE_TIMEOUT, ${way.name}`, error?.code === 'WRITE_TIMEOUT' ? 1 : 0, 1)
    const { bytesSent, bytesQueued } = connection.stats()
    // The buffers of the kernel are smaller than the other half.
    trial.atLeast(`unsent, of 16 MiB, ${way.name}`, unsentBytes, 8 * MiB, 'bytes')
    trial.all(`bytes sent and unsent, ${way.name}`, bytesSent + unsentBytes, 256 * (PIECE.length + 4))
    if (bytesQueued !== unsentBytes) trial.violations.push(`I6 ${bytesQueued} queued, ${unsentBytes} unsent`)
  }
}

/** A caller that ignores `false` for ever is told at the limit, and nothing that was accepted is lost. */
async function deafCaller(trial: Trial): Promise<void> {
  const limit = 4 * MiB
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const rig = await startRig(trial, way, { maxSendBuffer: limit, sendStallTimeoutMs: 60_000 })
    const { socket, connection } = await stopped(trial, rig, way)
    const before = residentBytes()
    const piece = PIECE.subarray(0, KiB)
    let [taken, refused, untyped, most] = [0, 0, 0, 0]
    while (refused < 10_000) {
      try {
        connection.send(piece)
        taken++
      } catch (error) {
        if ((error as TransportError).code !== 'SEND_BUFFER_FULL') untyped++
        refused++
        if (refused % 500 === 0) await turn()
      }
      most = Math.max(most, connection.bufferedAmount)
    }
    trial.all(`refused with another error than SEND_BUFFER_FULL, ${way.name}`, untyped, 0)
    trial.atMost(`unsent bytes, ${way.name}`, most, limit, 'bytes')
    const grown = (residentBytes() - before) / MiB
    trial.atMost(`memory grown, ${way.name}`, Math.round(grown), memoryBound(1, MiB, limit) / MiB, 'MiB')
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    socket.resume()
    await until('all that was accepted', () => received >= taken * (KiB + 4))
    await sleep(20)
    trial.all(`bytes that arrive, ${way.name}`, received, taken * (KiB + 4))
  }
}

export const SLOW_PEERS: readonly Row[] = [
  { id: 'F07', fault: 'reader at 1 KiB/s, sender at full speed', by: 'paused socket', run: slowReader },
  { id: 'F08', fault: 'reader that has stopped', by: 'paused socket', run: stoppedReader },
  { id: 'F09', fault: '1,000 readers that have stopped', by: 'paused sockets', isShort: true, run: manyStopped },
]

export const FULL_QUEUES: readonly Row[] = [
  { id: 'F33', fault: 'close with 16 MiB queued', by: 'paused socket', run: closeQueued },
]

export const DEAF_CALLERS: readonly Row[] = [
  { id: 'F43', fault: 'caller that ignores false for ever', by: 'row', isShort: true, run: deafCaller },
]
