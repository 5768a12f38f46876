// One seed: a few clients and a server that talk over a simulated network in every way a connection offers, and what of
// I1 to I3 did not hold.

import { StreamLedger } from '@framewire/testkit'
import type { ByteChannel } from '../src/byte-channel.ts'
import { Connection } from '../src/connection.ts'
import type { CloseInfo } from '../src/connection-state.ts'
import type { NetworkFaults } from '../src/network-faults.ts'
import { Random } from '../src/random.ts'
import type { SimulatedLink } from '../src/simulated-link.ts'
import { type Simulation, simulate } from '../src/simulation.ts'
import { Outcomes } from './outcomes.ts'
import { readAll, sendSome, type Talk } from './simulated-talk.ts'

/** Put between the connection of a client and its channel. */
export type Plant = (channel: ByteChannel, random: Random) => ByteChannel

export interface RunOptions {
  faults?: NetworkFaults
  plant?: Plant
}

export interface RunResult {
  violations: readonly string[]
  traceHash: string
  accepted: number
  received: number
  links: number
  broken: number
  timeMs: number
}

/** Three of ten connections break, so that what must hold for whole ones is seen often too. */
const FAULTS: NetworkFaults = { reset: 0.08, error: 0.08, halfClose: 0.08, blackHole: 0.08 }
/** Far more than an unbroken connection needs for all it has to send. */
const CLOSE_MS = 120_000
const OPTIONS = { closeTimeoutMs: CLOSE_MS, idleTimeoutMs: 30_000, sendHighWaterMark: 16_384, sendLowWaterMark: 4_096 }
const ENDS = { local: { path: 'planted' }, remote: { path: 'planted' } }

/** One end of one connection, as the checks need it. */
interface End extends Talk {
  readonly link: SimulatedLink
  readonly closes: CloseInfo[]
  isDestroyed: boolean
  closedAfterMs: number
}

class Run {
  readonly sim: Simulation
  readonly violations: string[] = []
  readonly ends: End[] = []
  readonly streams = new Map<string, StreamLedger>()
  readonly #random: Random
  readonly #outcomes = new Outcomes(this.violations)
  readonly #plant: Plant | undefined
  readonly #options: typeof OPTIONS & { allowHalfOpen: boolean }

  constructor(seed: number, options: RunOptions) {
    this.sim = simulate(seed, { faults: options.faults ?? FAULTS })
    this.#random = new Random(seed ^ 0x5eed)
    this.#plant = options.plant
    this.#options = { ...OPTIONS, allowHalfOpen: this.#random.chance(0.3) }
  }

  async program(): Promise<void> {
    const talks: Promise<void>[] = []
    const server = this.sim.listen('server', this.#options, (connection) => {
      const link = this.sim.links.at(-1) as SimulatedLink
      talks.push(this.#talk('server', connection, link, this.#random.fork()))
    })
    const clients = this.#random.integer(1, 3)
    for (let count = 0; count < clients; count++) talks.push(this.#client(this.#random.fork()))
    // More are added while the first are awaited.
    for (let index = 0; index < talks.length; index++) await talks[index]
    await this.#outcomes.of('close of the server', server.close())
  }

  /** What must hold once everything is over. */
  async check(): Promise<void> {
    const { sim, violations } = this
    this.#outcomes.checkSettled()
    if (sim.pendingTimers > 0) violations.push(`I3 ${sim.pendingTimers} timers are left`)
    for (const link of sim.links) if (link.isOpen) violations.push(`I3 link ${link.id} is still open`)
    await sim.runUntilIdle()
    for (const end of this.ends) this.#checkEnd(end)
  }

  #checkEnd(end: End): void {
    const { name, link, closes, closedAfterMs, incoming, isUnread } = end
    if (closes.length !== 1) this.violations.push(`I2 ${name} closed ${closes.length} times`)
    const isCutOff = this.ends.some((each) => each.link === link && each.isDestroyed)
    if (link.broken.length > 0 || isCutOff) return
    if (!isUnread) incoming.checkComplete()
    const { error, unsentBytes = 0 } = closes[0] ?? {}
    if (unsentBytes > 0) this.violations.push(`I2 ${name} ended with ${unsentBytes} bytes that were not sent`)
    if (error !== undefined) this.violations.push(`I2 ${name} ended with ${error.code}: ${error.message}`)
    if (closedAfterMs >= CLOSE_MS) this.violations.push(`I2 ${name} ended only by its deadline`)
  }

  async #client(random: Random): Promise<void> {
    const { sim } = this
    await sim.sleep(random.next() * 100)
    if (this.#plant === undefined) {
      const connection = await this.#outcomes.of('connect', sim.connect('server', this.#options))
      if (connection) await this.#talk('client', connection, sim.linkOf(connection) as SimulatedLink, random)
      return
    }
    const channel = await this.#outcomes.of('connect', sim.connectChannel('server'))
    if (channel === undefined) return
    const link = sim.linkOf(channel) as SimulatedLink
    const planted = new Connection(this.#plant(channel, random.fork()), { ...this.#options, clock: sim.clock }, ENDS)
    await this.#talk('client', planted, link, random)
  }

  #stream(name: string): StreamLedger {
    const stream = this.streams.get(name) ?? new StreamLedger(this.streams.size, this.violations, name)
    this.streams.set(name, stream)
    return stream
  }

  async #talk(side: 'client' | 'server', connection: Connection, link: SimulatedLink, random: Random): Promise<void> {
    const [up, down] = [this.#stream(`link ${link.id} upstream`), this.#stream(`link ${link.id} downstream`)]
    const [out, incoming] = side === 'client' ? [up, down] : [down, up]
    const { sim } = this
    const outcomes = this.#outcomes
    const name = `link ${link.id} ${side}`
    const rest = { link, closes: [], isDestroyed: false, isUnread: false, closedAfterMs: 0 }
    const end: End = { name, connection, out, incoming, outcomes, sim, isPaused: false, ...rest }
    this.ends.push(end)
    connection.on('close', (info) => end.closes.push(info))
    let answering: Promise<unknown> | undefined
    if (this.#options.allowHalfOpen) {
      connection.on('end', () => {
        answering = sim.sleep(random.next() * 50).then(() => connection.close())
      })
    }
    const reading = outcomes.of(`${name} reading`, readAll(end, random.fork()))
    await sendSome(end, random)
    const began = sim.clock.now()
    if (random.chance(0.1)) {
      end.isDestroyed = true
      connection.destroy()
    } else if (side === 'client' || random.chance(0.3)) {
      end.isUnread ||= end.isPaused
      void outcomes.of(`${name} close`, connection.close())
    }
    await outcomes.of(`${name} closed`, connection.closed)
    end.closedAfterMs = sim.clock.now() - began
    await reading
    await answering
  }
}

/** Runs one seed. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const run = new Run(seed, options)
  const { sim, violations } = run
  try {
    await sim.run(() => run.program())
    await run.check()
  } catch (error) {
    violations.push(`I3 ${String(error)}`)
  }
  const streams = [...run.streams.values()]
  return {
    violations,
    traceHash: sim.traceHash,
    accepted: streams.reduce((sum, { accepted }) => sum + accepted, 0),
    received: streams.reduce((sum, { received }) => sum + received, 0),
    links: sim.links.length,
    broken: sim.links.filter((link) => link.broken.length > 0).length,
    timeMs: sim.clock.now(),
  }
}
