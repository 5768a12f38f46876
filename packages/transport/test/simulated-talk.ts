// What one end of a connection does in a simulated run: it sends and reads in every way a connection offers, at a pace
// drawn from its seed, and books all of it.

import { HEADER_LENGTH, type StreamLedger } from '@framewire/testkit'
import type { Timer } from '../src/clock.ts'
import type { Connection } from '../src/connection.ts'
import type { Random } from '../src/random.ts'
import type { Simulation } from '../src/simulation.ts'
import type { Outcomes } from './outcomes.ts'

export interface Talk {
  readonly name: string
  readonly connection: Connection
  readonly out: StreamLedger
  readonly incoming: StreamLedger
  readonly outcomes: Outcomes
  readonly sim: Simulation
  /** Whether its reader has paused it. */
  isPaused: boolean
  /** Paused while it closed: what came then was for nobody. */
  isUnread: boolean
}

const MOST_MESSAGES = 24

/** Mostly small, some that go by reference, a few that are larger than the way holds. */
function lengthOf(random: Random): number {
  const dice = random.next()
  if (dice < 0.85) return HEADER_LENGTH + random.integer(0, 300)
  return dice < 0.97 ? random.integer(4_000, 5_000) : random.integer(20_000, 70_000)
}

/** Sends some messages; ends early when the connection does. */
export async function sendSome(talk: Talk, random: Random): Promise<void> {
  const { connection, out, sim, outcomes, name } = talk
  const count = random.integer(0, MOST_MESSAGES)
  let corks = 0
  for (let index = 0; index < count; index++) {
    if (random.chance(0.15)) await sim.sleep(random.next() * 200)
    if (random.chance(0.05)) {
      connection.cork()
      corks++
    }
    if (corks > 0 && random.chance(0.3)) {
      connection.uncork()
      corks--
    }
    let goesOn: boolean
    try {
      goesOn = sendOne(connection, out.message(lengthOf(random)), random)
    } catch (error) {
      outcomes.failed(`${name} send`, error)
      break
    }
    out.accepted++
    if (random.chance(0.05)) void outcomes.of(`${name} flush`, connection.flush())
    if (goesOn || random.chance(0.1)) continue
    for (; corks > 0; corks--) connection.uncork()
    if (random.chance(0.1)) await waitImpatiently(talk, random)
    else await outcomes.of(`${name} drained`, connection.drained())
  }
  for (; corks > 0; corks--) connection.uncork()
}

function sendOne(connection: Connection, message: Uint8Array, random: Random): boolean {
  const dice = random.next()
  if (dice < 0.6) return connection.send(message)
  if (dice < 0.8) return connection.send([message.subarray(0, 7), message.subarray(7)])
  const at = connection.begin(message.length + 5)
  connection.slab.set(message, at)
  return connection.commit(at + message.length)
}

/** Waits for drain, and gives up after a while. */
async function waitImpatiently({ connection, outcomes, sim, name }: Talk, random: Random): Promise<void> {
  const controller = new AbortController()
  const timer = sim.clock.setTimeout(() => controller.abort(), random.next() * 20)
  await outcomes.of(`${name} drained or not`, connection.drained({ signal: controller.signal }))
  sim.clock.clearTimeout(timer)
}

/** Takes every message until the connection ends. */
export async function readAll(talk: Talk, random: Random): Promise<void> {
  const { connection, incoming, sim } = talk
  const dice = random.next()
  if (dice < 0.1) return readOneByOne(talk)
  if (dice < 0.2) return readStream(talk)
  if (dice < 0.5) {
    for await (const message of connection) {
      incoming.receive(message)
      if (random.chance(0.05)) await sim.sleep(random.next() * 100)
    }
    return
  }
  let resumption: Timer | undefined
  const rest = (): void => {
    if (!random.chance(0.05)) return
    connection.pause()
    talk.isPaused = true
    talk.isUnread ||= connection.state !== 'open'
    resumption = sim.clock.setTimeout(() => {
      talk.isPaused = false
      connection.resume()
    }, random.next() * 100)
  }
  if (dice < 0.75) {
    connection.on('message', (message) => {
      incoming.receive(message)
      rest()
    })
  } else {
    connection.receive((bytes, start, end) => {
      incoming.receive(connection.keep(bytes, start, end))
      rest()
    })
  }
  await connection.closed
  sim.clock.clearTimeout(resumption)
}

async function readOneByOne({ connection, incoming }: Talk): Promise<void> {
  for (let message = await connection.next(); message !== undefined; message = await connection.next()) {
    incoming.receive(message)
  }
}

/** Through a stream, which leaves its connection half-open until somebody ends it. */
async function readStream({ connection, incoming }: Talk): Promise<void> {
  const stream = connection.stream()
  stream.on('data', (message) => incoming.receive(message))
  stream.on('end', () => void connection.close())
  const { error } = await connection.closed
  if (error !== undefined) throw error
}
