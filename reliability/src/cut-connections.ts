// Connections that end where they should not, and ends that are meant: F01 to F03, F31, F32, and the same with calls
// under way.
import type { Socket } from 'node:net'
import { encode } from '@framewire/codec'
import { connect as connectPeer, type Endpoint, serve } from '@framewire/rpc'
import { turn, within } from '@framewire/testkit'
import { chaosProxy } from '@framewire/transport/testing'
import { CallLedger } from './ledger.ts'
import { KiB } from './meters.ts'
import { accepted, FRAMING, frame, type Rig, startRig } from './rig.ts'
import type { Row } from './row.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'
import { endOf, rawConnect, type Way, ways } from './ways.ts'
import { memoryJournal, work, workService } from './work.ts'

/** A frame with 64 places inside where it can be cut. */
const FRAME = frame('x'.repeat(61))
const CUTS = Array.from({ length: 64 }, (_, index) => index + 1)

/** A rig that counts what it delivers, behind a proxy. */
async function setUp(trial: Trial, way: Way) {
  const delivered: Uint8Array[] = []
  const rig = await startRig(trial, way, {}, (connection) => {
    connection.on('message', (message) => delivered.push(message))
  })
  const proxy = await chaosProxy(rig.target, { seed: trial.seed })
  trial.atEnd(() => proxy.close())
  return { rig, proxy, delivered }
}

async function resetInside(trial: Trial): Promise<void> {
  for (const way of ways(trial, 'TCP', 'TLS')) {
    const { rig, proxy, delivered } = await setUp(trial, way)
    let resets = 0
    for (const cut of CUTS) {
      const connection = await accepted(rig, async () => {
        const socket = await rawConnect(trial, proxy.address, way)
        socket.write(FRAME.subarray(0, cut))
      })
      await until('the bytes', () => connection.stats().bytesReceived === cut)
      for (const through of proxy.connections) through.reset()
      const { error } = await within('closed', connection.closed)
      if (error?.code === 'CONNECTION_RESET') resets++
    }
    trial.all(`CONNECTION_RESET, ${way.name}`, resets, CUTS.length)
    trial.all(`CONNECTION_RESET in one go with the bytes, ${way.name}`, await resetBehind(trial, rig, way), CUTS.length)
    trial.all(`partial frames delivered, ${way.name}`, delivered.length, 0)
  }
  await cutAnswers(trial, 'reset')
}

/** The reset is there before the bytes are read. */
async function resetBehind(trial: Trial, rig: Rig, way: Way): Promise<number> {
  await using proxy = await chaosProxy(rig.target, { seed: trial.seed })
  let resets = 0
  for (const cut of CUTS) {
    let socket: Socket | undefined
    const connection = await accepted(rig, async () => {
      socket = await rawConnect(trial, proxy.address, way)
    })
    const toxic = proxy.addToxic({ type: 'reset_peer', afterBytes: cut, direction: 'upstream' })
    socket?.write(FRAME)
    const { error } = await within('closed', connection.closed)
    if (error?.code === 'CONNECTION_RESET') resets++
    toxic.remove()
  }
  return resets
}

async function endInside(trial: Trial): Promise<void> {
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const { rig, delivered } = await setUp(trial, way)
    let truncated = 0
    for (const cut of CUTS) {
      const connection = await accepted(rig, async () => {
        const socket = await rawConnect(trial, rig.target, way)
        socket.resume().end(FRAME.subarray(0, cut))
      })
      const { error } = await within('closed', connection.closed)
      if (error?.code === 'FRAME_TRUNCATED') truncated++
    }
    trial.all(`FRAME_TRUNCATED, ${way.name}`, truncated, CUTS.length)
    trial.all(`partial frames delivered, ${way.name}`, delivered.length, 0)
  }
  await cutAnswers(trial, 'close')
}

/** The answers to calls are cut at every byte of their frames: each call ends once, and whole answers count. */
async function cutAnswers(trial: Trial, how: 'reset' | 'close'): Promise<void> {
  const journal = memoryJournal()
  const server = await serve('tcp://127.0.0.1:0', { services: [workService(journal)] })
  trial.atEnd(() => server.close({ drainMs: 0 }))
  const proxy = await chaosProxy(server.addresses[0] as Endpoint, { seed: trial.seed })
  trial.atEnd(() => proxy.close())
  const ledger = new CallLedger(trial.violations)
  let unavailable = 0
  for (const cut of CUTS) {
    const peer = await connectPeer(proxy.address, { reconnect: false })
    await ledger.run('echo', (id) => peer.client(work).echo(id))
    // Eight calls that nobody ends, and answers that are cut after so many bytes.
    const calls = Array.from({ length: 8 }, () => ledger.run('hold', (id) => peer.client(work).hold(id)))
    const answered = Array.from({ length: 8 }, () => ledger.run('slow', (id) => peer.client(work).slow(id)))
    const toxic = proxy.addToxic(
      how === 'reset' ? { type: 'reset_peer', afterBytes: cut } : { type: 'limit_data', bytes: cut },
    )
    const outcomes = await within('outcomes', Promise.all(calls))
    await within('outcomes', Promise.all(answered))
    unavailable += outcomes.filter(({ code }) => code === 'UNAVAILABLE').length
    toxic.remove()
    await within('closed', peer.closed)
  }
  ledger.check(journal.read())
  trial.all('calls that end with UNAVAILABLE, once', unavailable, 8 * CUTS.length)
}

async function endOnBorder(trial: Trial): Promise<void> {
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const { rig, delivered } = await setUp(trial, way)
    let [clean, whole] = [0, 0]
    for (let round = 0; round < 100; round++) {
      const count = trial.random.integer(0, 4)
      whole += count
      const connection = await accepted(rig, async () => {
        const socket = await rawConnect(trial, rig.target, way)
        socket.resume().end(Buffer.concat(new Array(count).fill(FRAME)))
      })
      const { error, initiator } = await within('closed', connection.closed)
      if (error === undefined && initiator === 'peer') clean++
    }
    trial.all(`clean closes, ${way.name}`, clean, 100)
    trial.all(`frames delivered, ${way.name}`, delivered.length, whole)
  }
}

async function halfClose(trial: Trial): Promise<void> {
  const reply = Buffer.alloc(32 * KiB, 7)
  const expected = Buffer.concat(new Array(8).fill(encode(FRAMING, reply)))
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const rig = await startRig(trial, way, {}, (connection) => {
      connection.on('message', () => {
        for (let count = 0; count < 8; count++) connection.send(reply)
      })
    })
    let whole = 0
    for (let round = 0; round < 100; round++) {
      const socket = await rawConnect(trial, rig.target, way)
      socket.end(frame('all of it'))
      if (Buffer.compare(await readToEnd(socket), expected) === 0) whole++
      socket.destroy()
    }
    trial.all(`pending sends flushed, then the end, ${way.name}`, whole, 100)
  }
}

async function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
  const ended = new Promise<void>((resolve) => socket.once('end', () => resolve()))
  await within('the end of the peer', Promise.race([ended, endOf(socket)]))
  return Buffer.concat(chunks)
}

/** A peer that goes on sending while it is told that it broke a rule reads what was said. */
async function lingering(trial: Trial): Promise<void> {
  const options = { farewell: (error: { code: string }) => Buffer.from(error.code) }
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const rig = await startRig(trial, way, options)
    let told = 0
    for (let round = 0; round < 100; round++) told += (await isTold(trial, rig, way)) ? 1 : 0
    trial.atLeast(`the error arrives, of 100, ${way.name}`, told, 99)
  }
}

async function isTold(trial: Trial, rig: Rig, way: Way): Promise<boolean> {
  const socket = await rawConnect(trial, rig.target, way)
  // It reads only later: what a reset finds unread is lost.
  socket.pause()
  socket.write(Buffer.alloc(4, 0xff))
  // Half of what the other side is ready to throw away, in pieces.
  for (let piece = 0; piece < 8 && socket.writable; piece++) {
    socket.write(Buffer.alloc(64 * KiB))
    await turn()
  }
  await sleep(5)
  const reading = readToEnd(socket)
  socket.resume()
  const said = await reading
  socket.destroy()
  return said.subarray(4).toString() === 'MESSAGE_TOO_LARGE'
}

export const CUT_CONNECTIONS: readonly Row[] = [
  { id: 'F01', fault: 'RST inside a frame, at each of 64 bytes', by: 'chaos proxy', isShort: true, run: resetInside },
  { id: 'F02', fault: 'FIN inside a frame, at each of 64 bytes', by: 'raw sockets', run: endInside },
  { id: 'F03', fault: 'FIN on a frame border', by: 'raw sockets', isShort: true, run: endOnBorder },
]

export const MEANT_ENDS: readonly Row[] = [
  { id: 'F31', fault: 'half-close by the peer', by: 'raw sockets', run: halfClose },
  { id: 'F32', fault: 'peer sends while an error is reported', by: 'raw sockets', run: lingering },
]
