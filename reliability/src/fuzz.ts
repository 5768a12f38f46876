// F15: recordings of valid sessions, changed at random, against a live server that serves a good client all the while.
// The corpus is committed; what chance changes follows from the seed, so one session can be tried alone.
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { devNull } from 'node:os'
import { connect as connectPeer, type Peer } from '@framewire/rpc'
import { within } from '@framewire/testkit'
import type { Endpoint } from '@framewire/transport'
import { CallLedger } from './ledger.ts'
import { MiB } from './meters.ts'
import { Random } from './random.ts'
import type { Row } from './row.ts'
import { startServer, watchLoop } from './server-health.ts'
import type { Child } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { sleep } from './waiting.ts'
import { endOf } from './ways.ts'
import { work } from './work.ts'

/** A session as it stood on the wire, from the client to the server: `reliability/corpus/sessions.json`. */
export interface Session {
  readonly name: string
  /** Hexadecimal. */
  readonly bytes: string
}

const SESSIONS_AT_A_TIME = 16

export function corpus(): readonly Session[] {
  return JSON.parse(readFileSync(new URL('../corpus/sessions.json', import.meta.url), 'utf8')) as Session[]
}

/** A session with a few of its bytes changed, lost, doubled, swapped or overwritten by numbers at the edges. */
function mutated(sessions: readonly Session[], seed: number): Uint8Array {
  const random = new Random(seed)
  let bytes: Buffer = Buffer.from(random.pick(sessions).bytes, 'hex')
  if (random.chance(0.1)) bytes = Buffer.concat([bytes, Buffer.from(random.pick(sessions).bytes, 'hex')])
  // What is wrong with a length ends a session there: half of them are wrong inside of frames only.
  if (random.chance(0.5)) return mutatedInside(bytes, random)
  for (let count = random.integer(1, 5); count > 0 && bytes.length > 0; count--) bytes = change(bytes, random)
  return bytes
}

/** Frames that are changed, lost, doubled or swapped, each with its true length in front; of HELLOs only every tenth. */
function mutatedInside(bytes: Buffer, random: Random): Uint8Array {
  const bodies: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    bodies.push(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at)))
  }
  const first = random.chance(0.1) ? 0 : 1
  for (let count = random.integer(1, 5); count > 0; count--) {
    const at = random.integer(first, bodies.length - 1)
    const body = bodies[at] as Buffer
    const other = random.integer(first, bodies.length - 1)
    const kind = random.integer(0, 9)
    if (kind === 0) bodies.splice(at, 0, body)
    else if (kind === 1) bodies.splice(at, 1, bodies[other] as Buffer)
    else if (body.length > 0) bodies[at] = change(body, random)
  }
  return Buffer.concat(bodies.flatMap((body) => [lengthOf(body), body]))
}

function lengthOf(body: Uint8Array): Uint8Array {
  const field = Buffer.alloc(4)
  field.writeUInt32BE(body.length)
  return field
}

function change(bytes: Buffer, random: Random): Buffer {
  const at = random.integer(0, bytes.length - 1)
  const length = random.integer(1, 8)
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)]
  switch (random.integer(0, 6)) {
    case 0:
      return Buffer.concat([before, part.map((byte) => byte ^ (1 << random.integer(0, 7))), after])
    case 1:
      return Buffer.concat([before, after])
    case 2:
      return Buffer.concat([before, part, part, after])
    case 3:
      return Buffer.concat([after, before, part])
    case 4:
      return Buffer.concat([before, Buffer.alloc(part.length, random.pick([0, 1, 0x7f, 0x80, 0xff])), after])
    case 5:
      return Buffer.concat([before, Buffer.from(Array.from({ length }, () => random.integer(0, 255))), after])
    default:
      return before
  }
}

async function fuzz(trial: Trial): Promise<void> {
  const count = trial.isBrief ? 500 : trial.count(1_000_000, 100_000, 150_000)
  const sessions = corpus()
  // Nobody reads its journal, which after a million sessions would be most of its memory.
  const server = await startServer(trial, { kind: 'calls', address: 'tcp://127.0.0.1:0', journal: devNull })
  const target = await server.ask<Endpoint>('address')
  const peer = await connectPeer(target, { reconnect: false })
  trial.atEnd(() => peer.close({ drainMs: 0 }))
  const ledger = new CallLedger(trial.violations)
  await peer.client(work).echo(0)
  const before = await server.ask<number>('live')
  const judgeLoop = await watchLoop(trial, server)
  let isOver = false
  const good = (async () => {
    while (!isOver && peer.state === 'ready') {
      await ledger.run('echo', (id) => peer.client(work).echo(id))
      await sleep(5)
    }
  })()
  let [next, ended, answered] = [0, 0, 0]
  const one = async (): Promise<void> => {
    while (next < count) {
      const seed = (trial.seed * 1_000_003 + next++) >>> 0
      answered += await attack(target, mutated(sessions, seed), seed)
      ended++
    }
  }
  await Promise.all(Array.from({ length: SESSIONS_AT_A_TIME }, one))
  isOver = true
  await good
  await judgeLoop()
  await judge(trial, server, peer, before)
  trial.all('sessions that ended', ended, count)
  trial.tell('of them answered with a frame', answered)
  trial.all(
    'calls of a good client that failed',
    ledger.count(({ code }) => code !== 'OK'),
    0,
  )
  trial.atLeast('calls of a good client', ledger.outcomes.length, 10)
}

/** The server still serves, with no more memory and no connection too many. */
async function judge(trial: Trial, server: Child, peer: Peer, before: number): Promise<void> {
  trial.all('the server still answers', (await peer.client(work).echo(1)) === 1 ? 1 : 0, 1)
  for (let look = 0; look < 100 && (await server.ask<number>('peers')) > 1; look++) await sleep(100)
  trial.all('connections left', await server.ask<number>('peers'), 1)
  trial.atMost('memory grown', Math.ceil(((await server.ask<number>('live')) - before) / MiB), 32, 'MiB')
}

/** Sends it, ends, and waits until the server has ended too. 1 = the server said something. */
async function attack(target: Endpoint, bytes: Uint8Array, seed: number): Promise<0 | 1> {
  const socket: Socket = connect({ ...(target as { host: string; port: number }), noDelay: true })
  let answered: 0 | 1 = 0
  socket
    .on('error', () => {})
    .on('data', () => {
      answered = 1
    })
  const closed = endOf(socket)
  socket.end(bytes)
  await within(`fuzz session with seed ${seed}`, closed)
  return answered
}

export const FUZZ: readonly Row[] = [
  {
    id: 'F15',
    fault: 'mutated recordings of valid sessions (1e5, nightly 1e6)',
    by: 'raw sockets',
    isShort: true,
    isQuiet: true,
    deadlineMs: 240_000,
    run: fuzz,
  },
]
