// F16: what costs the sender nothing, by the thousand: empty frames, PINGs, calls that are cancelled at once, control
// frames. A budget closes the connection; others go on. F18: a far and narrow link.
import { encode, lengthField } from '@framewire/codec'
import { connect as connectPeer } from '@framewire/rpc'
import type { Endpoint } from '@framewire/transport'
import { chaosProxy } from '@framewire/transport/testing'
import { corpus } from './fuzz.ts'
import { percentile } from './meters.ts'
import { connectTo, startRig } from './rig.ts'
import type { Row } from './row.ts'
import { startServer, watchLoop } from './server-health.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'
import { rawConnect, ways } from './ways.ts'
import { work } from './work.ts'

const FRAMES = lengthField({ maxFrameLength: 65_536 })

/** u8 type, u8 flags, u32 streamId, body: PROTOCOL.md. */
function control(type: number, id: number, body: readonly number[] = []): Uint8Array {
  const head = Buffer.alloc(6)
  head[0] = type
  head.writeUInt32BE(id, 2)
  return encode(FRAMES, Buffer.concat([head, Buffer.from(body)]))
}

/** u32 timeoutMs, u8 encoding, u8 length and name of the method, u16 length of metadata, message. */
function open(id: number): Uint8Array {
  const method = Buffer.from('work.hold')
  const frame = [0, 0, 0, 0, 1, method.length, ...method, 0, 0, ...Buffer.from('1')]
  const bytes = Buffer.from(control(4, id, frame))
  bytes[5] = 1 // nothing more follows
  return bytes
}

const COUNT = 20_000

interface Flood {
  readonly name: string
  /** A piece of it, by number. */
  readonly piece: (number: number) => Uint8Array
  /** What the server says when it has enough. Silence is no answer: it would end at some time, too. */
  readonly reason: string
}

const CREDIT = control(8, 1, [0, 0, 0, 1])
const FLOODS: readonly Flood[] = [
  { name: 'empty frames', piece: () => Uint8Array.of(0, 0, 0, 0), reason: 'frame of 0 bytes' },
  {
    name: 'PING',
    piece: (number) => control(2, 0, [0, 0, 0, 0, 0, 0, number >>> 8, number & 0xff]),
    reason: 'more than 10 pings within',
  },
  {
    name: 'open and cancel',
    piece: (number) => Buffer.concat([open(2 * number + 1), control(7, 2 * number + 1, [1])]),
    reason: 'more than 200 cancelled calls',
  },
  {
    name: 'CREDIT',
    piece: (number) => (number === 0 ? Buffer.concat([open(1), CREDIT]) : CREDIT),
    reason: 'more than 1000 control frames within',
  },
  {
    name: 'unknown ignorable types',
    piece: () => control(0x90, 0, [1, 2, 3]),
    reason: 'more than 1000 control frames within',
  },
]

async function flood(trial: Trial): Promise<void> {
  const [{ bytes: echoSession } = { bytes: '' }] = corpus()
  const hello = Buffer.from(echoSession, 'hex')
  const opening = hello.subarray(0, 4 + hello.readUInt32BE(0))
  for (const { name, piece, reason } of FLOODS) {
    const server = await startServer(trial, { kind: 'calls', address: 'tcp://127.0.0.1:0' })
    const target = await server.ask<Endpoint>('address')
    const peer = await connectPeer(target, { reconnect: false })
    trial.atEnd(() => peer.close({ drainMs: 0 }))
    await peer.client(work).echo(0)
    const socket = await rawConnect(trial, target)
    let isOver = false
    let said = ''
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1')
    })
    socket.once('close', () => {
      isOver = true
    })
    socket.once('end', () => socket.end())
    const judgeLoop = await watchLoop(trial, server, `, ${name}`)
    const cpuBefore = await server.ask<number>('cpuMs')
    socket.write(opening)
    socket.write(Buffer.concat(Array.from({ length: COUNT }, (_, number) => piece(number))))
    const served: number[] = []
    for (const end = performance.now() + 1_500; performance.now() < end; ) {
      const before = performance.now()
      await peer.client(work).echo(1)
      served.push(performance.now() - before)
      await sleep(2)
    }
    await until(`the end of a flood of ${name}`, () => isOver)
    trial.all(`told why, ${name}`, said.includes(reason) ? 1 : 0, 1)
    trial.within(`CPU time of the server, ${name}`, (await server.ask<number>('cpuMs')) - cpuBefore, 1_000)
    await judgeLoop()
    trial.within(`calls of others, p99, ${name}`, percentile(served, 99), 50)
    trial.all(`others are still served, ${name}`, await peer.client(work).echo(7), 7)
    await until(`the flood of ${name} is closed`, async () => (await server.ask<number>('peers')) === 1)
  }
}

/** 64 kbit/s and 200 ms +- 100: everything arrives, and the link is used. */
async function narrowLink(trial: Trial): Promise<void> {
  const bytesPerSecond = 8_000
  const [count, length] = [48, 1_000]
  for (const way of ways(trial, 'TCP', 'TLS')) {
    let [same, received] = [0, 0]
    const rig = await startRig(trial, way, {}, (connection) => {
      connection.on('message', (message) => {
        same += message.length === length && message.every((byte) => byte === received) ? 1 : 0
        received++
      })
    })
    await using proxy = await chaosProxy(rig.target, { seed: trial.seed })
    const client = await connectTo(trial, proxy.address, way)
    const [through] = proxy.connections
    const before = through?.passed.upstream ?? 0
    proxy.addToxic({ type: 'latency', latencyMs: 200, jitterMs: 100, direction: 'upstream' })
    proxy.addToxic({ type: 'bandwidth', bytesPerSecond, direction: 'upstream' })
    const begin = performance.now()
    for (let number = 0; number < count; number++) client.send(Buffer.alloc(length, number))
    await until('all messages', () => received === count)
    const seconds = (performance.now() - begin) / 1_000
    trial.all(`messages as they were, ${way.name}`, same, count)
    const passed = (through?.passed.upstream ?? 0) - before
    // The way itself is no fault of the link.
    const used = (100 * passed) / bytesPerSecond / (seconds - 0.3)
    trial.atLeast(`of the link is used, ${way.name}`, used, 80, '%', 'pace')
    // More would say that the link was not as narrow as it should be.
    trial.atMost(`of the link is used, at most, ${way.name}`, used, 110, '%')
    client.destroy()
  }
}

export const FLOODS_ROWS: readonly Row[] = [
  { id: 'F16', fault: 'floods of what costs nothing to send', by: 'raw sockets', run: flood },
]

export const NARROW_LINKS: readonly Row[] = [
  { id: 'F18', fault: '200 ms +- 100 latency, 64 kbit/s', by: 'chaos proxy', isQuiet: true, run: narrowLink },
]
