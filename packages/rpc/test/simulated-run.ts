// One seed: servers and clients that call each other over a simulated network, close, go and come back, and what of the
// promises of a call did not hold.

import { type Connection, createReconnector, type ConnectOptions as TransportOptions } from '@framewire/transport'
import { type Simulation, simulate } from '@framewire/transport/testing'
import { Random } from '../../transport/src/random.ts'
import { framingOf } from '../src/limits.ts'
import { MethodTable } from '../src/method-table.ts'
import type { Ctx, Peer } from '../src/peer.ts'
import { ReconnectingPeer } from '../src/reconnecting-peer.ts'
import { RpcConnection } from '../src/rpc-connection.ts'
import type { RpcConnectionOptions } from '../src/rpc-connection-options.ts'
import { CallBook, type CallRecord, LATE_MS } from './simulated-book.ts'
import { makeCall } from './simulated-caller.ts'
import { drawCall, drawScenario, type Scenario } from './simulated-plan.ts'
import { SimulatedServers } from './simulated-servers.ts'
import { MISTAKE, serviceOf } from './simulated-service.ts'
import { Watch } from './simulated-watch.ts'

export interface RunResult {
  violations: readonly string[]
  /** What happened to the calls, and the last events of the network. */
  notes: readonly string[]
  trace: readonly string[]
  traceHash: string
  calls: number
  handled: number
  succeeded: number
  broken: number
  timeMs: number
}

const MOST_CALLS = 14
const MOST_BUSY_CALLS = 80
const DRAINS = [0, 100, 30_000]
/** Far more than whatever is said within it takes, deadlines of connecting and silence included. */
const SETTLE_MS = 120_000
/** Longer than the last readers stand still, and the last inputs rest. */
const SHUT_MS = 3_000

class Run {
  readonly violations: string[] = []
  readonly sim: Simulation
  readonly scenario: Scenario
  readonly book: CallBook
  readonly watch: Watch
  readonly shared = new AbortController()
  readonly options: RpcConnectionOptions
  readonly transport: TransportOptions
  readonly random: Random
  readonly #servers: SimulatedServers
  readonly #talks: Promise<void>[] = []
  readonly #clients: Peer[] = []
  #isCalm = false

  constructor(seed: number) {
    this.random = new Random(seed ^ 0x7c0)
    this.scenario = drawScenario(this.random)
    const { faults, limits } = this.scenario
    this.sim = simulate(seed, { faults, maxTimeMs: 900_000, maxEvents: 1_000_000 })
    const { clock } = this.sim
    this.book = new CallBook(
      this.violations,
      this.scenario,
      () => clock.now(),
      (what) => this.sim.note(what),
    )
    this.watch = new Watch(this.violations, limits.maxStreams)
    const { handlers } = serviceOf(this)
    const onError = (error: unknown): void => {
      if ((error as Error).message !== MISTAKE) this.violations.push(`onError got ${String((error as Error).stack)}`)
    }
    this.options = { isConnecting: true, methods: new MethodTable(handlers), limits, defaults: {}, onError, clock }
    const isShort = this.random.chance(0.5)
    this.transport = {
      framing: framingOf(limits),
      ...(isShort && { sendHighWaterMark: 4_096, sendLowWaterMark: 1_024 }),
    }
    this.#servers = new SimulatedServers(this)
    this.shared.signal.addEventListener('abort', () => this.book.onShared(), { once: true })
  }

  async program(): Promise<void> {
    const { sim, random, scenario } = this
    this.#servers.start()
    sim.clock.setTimeout(() => this.shared.abort(), random.magnitude(2_000))
    if (scenario.isRolling) this.talk(this.#servers.roll(random.fork()))
    else if (scenario.isClosing && random.chance(0.5)) this.talk(this.#servers.leave(random.fork()))
    const clients: Promise<Peer | undefined>[] = []
    for (let count = 0; count < scenario.clients; count++) clients.push(this.#client(random.fork()))
    const peers = (await Promise.all(clients)).filter((peer) => peer !== undefined)
    // Long enough to be connected, even of a client that makes no call.
    await sim.sleep(500)
    await this.#talked()
    if (!scenario.isLossy) await this.#checkCalm()
    this.book.hasClosed = true
    await Promise.all([
      ...peers.map((peer) => this.close(peer, DRAINS[random.integer(0, 2)] as number)),
      this.#servers.stop(),
    ])
    await this.#talked()
    await this.#settled()
    await sim.sleep(SHUT_MS)
  }

  /** What must hold once everything is over. */
  async check(): Promise<void> {
    const { sim, violations } = this
    this.book.check()
    this.watch.checkIdle('at the end')
    if (sim.pendingTimers > 0) violations.push(`${sim.pendingTimers} timers are left`)
    for (const link of sim.links) if (link.isOpen) violations.push(`link ${link.id} is still open`)
    await sim.runUntilIdle()
  }

  talk(talk: Promise<void>): void {
    this.#talks.push(talk)
  }

  async nest(parent: CallRecord, ctx: Ctx): Promise<void> {
    const random = parent.random.handler
    const record = this.book.make(drawCall(random, this.scenario, 1), random, parent)
    await makeCall(this, ctx.peer, record, ctx)
  }

  /** Calls at any time, and waits for all of them. `depth`: 0 = their handlers may call back. */
  async callSome(peer: Peer, random: Random, depth: number): Promise<void> {
    const { sim, scenario, book } = this
    if (scenario.waitsForHello && !(peer instanceof ReconnectingPeer)) {
      while (peer.state === 'connecting') await sim.sleep(10)
    }
    const calls: Promise<void>[] = []
    const count = random.integer(0, scenario.isBusy ? MOST_BUSY_CALLS : MOST_CALLS)
    for (let index = 0; index < count; index++) {
      if (random.chance(0.3)) await sim.sleep(random.magnitude(scenario.isRolling ? 1_500 : 200))
      calls.push(makeCall(this, peer, book.make(drawCall(random, scenario, depth), random)))
      if (random.chance(0.05)) void this.#ping(peer)
    }
    if (scenario.isLossy && random.chance(0.2)) await this.close(peer, DRAINS[random.integer(0, 2)] as number)
    if (scenario.isClosing) await sim.sleep(random.magnitude(400))
    if (scenario.isClosing && random.chance(0.5)) await this.close(peer, Number.POSITIVE_INFINITY)
    await Promise.all(calls)
  }

  /** `close` takes no longer than it says, and no time where nothing is under way. */
  async close(peer: Peer, drainMs: number): Promise<void> {
    const { clock } = this.sim
    const began = clock.now()
    this.sim.note(`closes a peer within ${drainMs} ms`)
    await peer.close({ drainMs })
    const tookMs = clock.now() - began
    const mostMs = (this.#isCalm ? 0 : drainMs) + 1_000 + LATE_MS
    if (tookMs > mostMs) this.violations.push(`close with drainMs ${drainMs} took ${tookMs} ms, not ${mostMs}`)
    if (peer.state !== 'closed') this.violations.push(`after close the state is ${peer.state}`)
  }

  /** A reader that stands still for a moment. */
  stall(connection: Connection, random: Random): void {
    if (!random.chance(0.2)) return
    const { clock } = this.sim
    clock.setTimeout(() => {
      if (connection.state !== 'open') return
      connection.pause()
      clock.setTimeout(() => connection.resume(), random.magnitude(1_500))
    }, random.magnitude(1_000))
  }

  /** Every call has ended, or had its time. */
  async #settled(): Promise<void> {
    for (let left = SETTLE_MS; this.book.isRunning && left > 0; left -= 100) await this.sim.sleep(100)
  }

  /** More are added while the first are awaited. */
  async #talked(): Promise<void> {
    for (let index = 0; index < this.#talks.length; index++) await this.#talks[index]
  }

  /** A server goes away: clients have another connection, whatever is still under way on the old one. */
  checkReady(): void {
    // The news of it waits behind long messages.
    if (this.scenario.isLossy || this.scenario.isBulky) return
    for (const { state } of this.#clients)
      if (state !== 'ready') this.violations.push(`a client is ${state}, not ready`)
  }

  async #ping(peer: Peer): Promise<void> {
    try {
      await peer.ping()
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'UNAVAILABLE' && code !== 'RESOURCE_EXHAUSTED') this.violations.push(`ping: ${String(error)}`)
    }
  }

  async #client(random: Random): Promise<Peer | undefined> {
    const { sim } = this
    await sim.sleep(random.next() * 50)
    const peer = this.scenario.isReconnecting ? this.#reconnectingPeer(random) : await this.#singlePeer(random)
    if (peer === undefined) return undefined
    this.#clients.push(peer)
    await this.callSome(peer, random, 0)
    return peer
  }

  async #singlePeer(random: Random): Promise<Peer | undefined> {
    try {
      const connection = (await this.sim.connect('/a', this.transport)) as unknown as Connection
      this.stall(connection, random)
      return new RpcConnection(connection, this.options)
    } catch {
      return undefined // refused
    }
  }

  #reconnectingPeer(random: Random): Peer {
    const { clock } = this.sim
    const dial = async (address: { path: string }, options: TransportOptions): Promise<Connection> => {
      const connection = (await this.sim.connect(address.path, options)) as unknown as Connection
      this.stall(connection, random)
      return connection
    }
    const chance = random.fork()
    const reconnector = createReconnector([{ path: '/a' }, { path: '/b' }], {
      ...this.transport,
      clock,
      random: () => chance.next(),
      connect: dial as never,
    })
    // Sometimes the ids run out after a few calls.
    const firstId = random.chance(0.1) ? 0x7fff_fefd - 2 * random.integer(0, 4) : undefined
    return new ReconnectingPeer(reconnector, { ...this.options, clock, firstId, addresses: 2, target: { path: '/a' } })
  }

  /** All calls have settled and all connections stand: what the calls took is given back. */
  async #checkCalm(): Promise<void> {
    const { records } = this.book
    for (let made = -1; made < records.length; ) {
      // A connection that was made anew talks anew: calm is when nobody has called meanwhile.
      made = records.length
      await this.#settled()
      await this.sim.sleep(5_000)
      // A slow way may still carry what a call that has ended was sent: its PONG comes behind that.
      await Promise.all(this.#clients.map((peer) => this.#ping(peer)))
    }
    this.watch.checkIdle('when nothing is under way')
    this.#isCalm = true
  }
}

/** Runs one seed. */
export async function runSeed(seed: number): Promise<RunResult> {
  const run = new Run(seed)
  const { sim, violations, book } = run
  try {
    await sim.run(() => run.program())
    await run.check()
  } catch (error) {
    violations.push(String((error as Error).stack))
  }
  return {
    violations,
    notes: book.notes,
    trace: sim.trace,
    traceHash: sim.traceHash,
    calls: book.records.length,
    handled: book.records.reduce((sum, { runs }) => sum + runs, 0),
    succeeded: book.records.filter(({ outcome }) => outcome === 'done').length,
    broken: sim.links.filter((link) => link.broken.length > 0).length,
    timeMs: sim.clock.now(),
  }
}
