// Frames that come slowly, in crumbs, never, or with lengths that lie: F10 to F14.
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { encode, type LengthFieldOptions, lengthField } from '@framewire/codec'
import { connect as connectPeer } from '@framewire/rpc'
import { within } from '@framewire/testkit'
import { attach, connect, type Endpoint } from '@framewire/transport'
import { chaosProxy } from '@framewire/transport/testing'
import { sum } from './ledger.ts'
import { coreWaitMs, KiB, liveBytes, MiB, percentile } from './meters.ts'
import { accepted, connectTo, echo, FRAMING, frame, startRig } from './rig.ts'
import type { Row } from './row.ts'
import { startServer, watchLoop } from './server-health.ts'
import type { Child } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'
import { rawConnect, ways } from './ways.ts'
import { work } from './work.ts'

/**
 * Slow sockets against a server process: when the last is gone, which the server should end after `dueMs` and must have
 * ended after `mostMs`, and how newcomers were served meanwhile.
 */
async function besiege(
  trial: Trial,
  name: string,
  server: Child,
  sockets: readonly Socket[],
  serveOne: () => Promise<void>,
  { dueMs, mostMs }: { dueMs: number; mostMs: number },
): Promise<void> {
  // What both processes waited for a core is not the server's fault.
  const { pid = 0 } = server.process
  const waited = () => coreWaitMs('self') + coreWaitMs(pid)
  const now = () => performance.now() - waited()
  let [gone, lastAt] = [0, performance.now()]
  for (const socket of sockets) {
    socket.resume().once('close', () => {
      gone++
      lastAt = performance.now()
    })
    socket.once('end', () => socket.end())
    if (socket.closed) gone++
    else if (socket.readableEnded) socket.end()
  }
  const begin = performance.now()
  let waitedBefore = waited()
  const judgeLoop = await watchLoop(trial, server, `, ${name}`)
  const served: number[] = []
  while (gone < sockets.length && performance.now() - begin < 20_000) {
    // Who had no core while nothing was due is not late for it.
    if (performance.now() - begin < dueMs) waitedBefore = waited()
    const before = now()
    await serveOne()
    served.push(now() - before)
    await sleep(10)
  }
  trial.all(`ended by the server, ${name}`, gone, sockets.length)
  trial.within(`the last after, ${name}`, lastAt - begin - (waited() - waitedBefore), mostMs)
  trial.within(`newcomers served, p99, ${name}`, percentile(served, 99), 100)
  trial.atLeast(`newcomers served, ${name}`, served.length, 3, '', 'pace')
  await judgeLoop()
}

async function slowloris(trial: Trial): Promise<void> {
  const count = trial.isBrief ? 50 : 500
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const options = { frameTimeoutMs: 2_000, ...way.server() }
    const server = await startServer(trial, { kind: 'messages', address: way.next(), options })
    const target = await server.ask<Endpoint>('address')
    const sockets: Socket[] = []
    for (let index = 0; index < count; index++) sockets.push(await rawConnect(trial, target, way))
    const long = frame('a message of a few dozen bytes, which never ends, whatever happens')
    let at = 0
    const trickle = setInterval(() => {
      at++
      for (const socket of sockets) if (socket.writable && at < long.length) socket.write(long.subarray(at - 1, at))
    }, 50)
    trial.atEnd(() => clearInterval(trickle))
    await besiege(trial, way.name, server, sockets, () => ask(target, way.client()), { dueMs: 2_000, mostMs: 2_600 })
    const { closed } = await server.ask<{ closed: Record<string, number> }>('stats')
    trial.all(`FRAME_TIMEOUT, ${way.name}`, closed.FRAME_TIMEOUT ?? 0, count)
  }
}

/** A newcomer: connects, gets one answer, leaves. */
async function ask(target: Endpoint, own: object): Promise<void> {
  const connection = await connect(target, own)
  connection.send(Buffer.from('hello'))
  const answer = await within('an answer', connection.next())
  if (answer === undefined) throw new Error('a newcomer was not answered')
  await connection.close()
}

/** Sockets that say nothing at all, where something must be said first. */
async function silent(trial: Trial): Promise<void> {
  const count = 2_000
  const tls = ways(trial, 'TLS')
  for (const way of tls) {
    const options = { handshakeTimeoutMs: 1_000, ...way.server() }
    const server = await startServer(trial, { kind: 'messages', address: way.next(), options })
    const target = await server.ask<Endpoint>('address')
    const sockets = await connectAll(trial, target, count)
    await besiege(trial, 'TLS', server, sockets, () => ask(target, way.client()), { dueMs: 1_000, mostMs: 1_500 })
    const { dropped } = await server.ask<{ dropped: Record<string, number> }>('stats')
    trial.all('dropped before the handshake', sum(dropped), count)
  }
  const server = await startServer(trial, { kind: 'calls', address: 'tcp://127.0.0.1:0' })
  const target = await server.ask<Endpoint>('address')
  const sockets = await connectAll(trial, target, count)
  const call = async (): Promise<void> => {
    const peer = await connectPeer(target, { reconnect: false })
    await peer.client(work).echo(1)
    await peer.close()
  }
  await besiege(trial, 'calls, HELLO within 5 s', server, sockets, call, { dueMs: 5_000, mostMs: 5_500 })
}

async function connectAll(trial: Trial, target: Endpoint, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(200, count - sockets.length) }, () => rawConnect(trial, target))
    sockets.push(...(await Promise.all(some)))
  }
  return sockets
}

/** One frame of 1 MiB, a byte at a time. */
async function crumbs(trial: Trial): Promise<void> {
  const payload = Buffer.alloc(MiB, 9)
  const bytes = encode(FRAMING, payload)
  const stream = new PassThrough()
  const connection = attach(stream, { frameTimeoutMs: 600_000 })
  trial.atEnd(() => connection.destroy())
  let whole = 0
  connection.on('message', (message) => {
    whole += Buffer.compare(message, payload) === 0 ? 1 : 0
  })
  const before = liveBytes()
  const bare = new PassThrough().on('data', () => {})
  const bareMs = push(bare, bytes, before).cpuMs
  const { cpuMs, most } = push(stream, bytes, before)
  trial.all('delivered as it was', whole, 1)
  trial.atMost('held meanwhile', Math.ceil(most / MiB), 4, 'MiB')
  trial.atMost('CPU time to that of a stream without a connection', cpuMs / bareMs, 10, '', 'pace')
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    const rig = await startRig(trial, way, {}, echo)
    await using proxy = await chaosProxy(rig.target, { seed: trial.seed })
    proxy.addToxic({ type: 'slicer', averageSize: 1, direction: 'upstream' })
    const client = await connectTo(trial, proxy.address, way)
    const message = Buffer.alloc(trial.isBrief ? 8 * KiB : 64 * KiB, 7)
    client.send(message)
    const answer = await within('the answer', client.next())
    trial.all(`through sockets, ${way.name}`, answer && Buffer.compare(answer, message) === 0 ? 1 : 0, 1)
    client.destroy()
  }
}

/** Byte after byte; each is a buffer of its own, as a kernel would give it. */
function push(stream: PassThrough, bytes: Uint8Array, before: number): { cpuMs: number; most: number } {
  const { user, system } = process.cpuUsage()
  let most = 0
  for (let at = 0; at < bytes.length; at++) {
    stream.push(bytes.subarray(at, at + 1))
    if (at % (128 * KiB) === 0) most = Math.max(most, liveBytes() - before)
  }
  const after = process.cpuUsage()
  return { cpuMs: (after.user - user + after.system - system) / 1_000, most }
}

const LIES: readonly (readonly [name: string, header: Uint8Array, options: LengthFieldOptions])[] = [
  ['4 GiB', Uint8Array.of(0xff, 0xff, 0xff, 0xff), {}],
  ['max + 1', Uint8Array.of(0, 0x10, 0, 1), {}],
  ['0 where the field counts itself', Uint8Array.of(0, 0, 0, 0), { lengthCounts: 'frame' }],
  ['3 where the field counts itself', Uint8Array.of(0, 0, 0, 3), { lengthCounts: 'frame' }],
]

/** Refused at the header; nothing is allocated, and the peer reads why. */
async function lies(trial: Trial): Promise<void> {
  for (const way of ways(trial, 'TCP', 'TLS', 'unix')) {
    let told = 0
    for (const [, header, own] of LIES) {
      const framing = lengthField({ maxFrameLength: MiB, ...own })
      const rig = await startRig(trial, way, { framing, farewell: (error) => Buffer.from(error.code) })
      for (let round = 0; round < 25; round++) {
        let said = Buffer.alloc(0)
        const connection = await accepted(rig, async () => {
          const socket = await rawConnect(trial, rig.target, way)
          socket.on('data', (chunk: Buffer) => {
            said = Buffer.concat([said, chunk])
          })
          socket.once('end', () => socket.end())
          socket.write(header)
        })
        const { error } = await within('closed', connection.closed)
        await until('the farewell', () => said.length >= 4 + (error?.code.length ?? 0))
        const isTyped = error?.code === 'MESSAGE_TOO_LARGE' || error?.code === 'PROTOCOL_ERROR'
        if (isTyped && said.subarray(4).toString() === error?.code && connection.stats().bytesReceived === 4) told++
      }
    }
    trial.all(`refused at the header, and told, ${way.name}`, told, 25 * LIES.length)
  }
}

/** The longest frame is declared, and then nothing comes. */
async function declared(trial: Trial): Promise<void> {
  const count = trial.isBrief ? 200 : 1_000
  const options = { frameTimeoutMs: 60_000 }
  const server = await startServer(trial, { kind: 'messages', address: 'tcp://127.0.0.1:0', options })
  const target = await server.ask<Endpoint>('address')
  const sockets = await connectAll(trial, target, count)
  const before = await server.ask<number>('live')
  const judgeLoop = await watchLoop(trial, server)
  const beginning = Uint8Array.of(0, 0x10, 0, 0, 1, 2, 3)
  for (const socket of sockets) socket.write(beginning)
  const all = count * beginning.length
  await until('all lengths are read', async () => (await server.ask<number>('bytesReceived')) === all)
  await judgeLoop()
  const grown = ((await server.ask<number>('live')) - before) / MiB
  trial.atMost('memory grown', Math.ceil(grown), 16, 'MiB')
  const { live } = await server.ask<{ live: number }>('stats')
  trial.all('connections that wait', live, count)
}

export const SLOW_FRAMES: readonly Row[] = [
  { id: 'F10', fault: '500 connections that trickle a frame', by: 'raw sockets', run: slowloris },
  { id: 'F11', fault: 'a frame of 1 MiB in segments of one byte', by: 'slicer', run: crumbs },
  { id: 'F12', fault: '2,000 silent connections', by: 'raw sockets', run: silent },
  { id: 'F13', fault: 'lengths that lie', by: 'raw sockets', isShort: true, run: lies },
  { id: 'F14', fault: 'longest frame declared, then silence', by: 'raw sockets', isShort: true, run: declared },
]
