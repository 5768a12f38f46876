// A network in memory and in virtual time. Everything that happens is an event of its clock, and everything that chance
// decides is drawn from the seed, so the same seed gives the same run. Between two events the real ticks and microtasks
// of the program run out: what a program does depends on the events only.

import type { ByteChannel } from './byte-channel.ts'
import type { Clock } from './clock.ts'
import type { ConnectOptions } from './connect.ts'
import { Connection } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import type { MemoryChannel } from './memory-channel.ts'
import { checkFaults, type NetworkFaults } from './network-faults.ts'
import { type ConnectionOptions, checkMilliseconds, checkOptions } from './options.ts'
import { checkSeed, Random } from './random.ts'
import { SimulatedLink } from './simulated-link.ts'
import { SimulatedServer } from './simulated-server.ts'
import { Trace } from './trace.ts'
import { abortedError, TransportError } from './transport-error.ts'
import { VirtualClock } from './virtual-clock.ts'

/** How bad the network is, and where a run that does not end is cut off. */
export interface SimulationOptions {
  /** How bad the network is; `NO_FAULTS` is a good one. @default every fault at its default chance */
  faults?: NetworkFaults
  /** A run of more events is cut off. @default 1000000 */
  maxEvents?: number
  /** A run of more virtual time is cut off, in ms. @default 3600000, an hour */
  maxTimeMs?: number
}

/** Takes what was connected to a name: the server's end of a link. */
type Accept = (link: SimulatedLink) => void
type Ends = { local: Endpoint; remote: Endpoint }

/** Turns of the real event loop that a program may take while no event is left, before it counts as stuck. */
const PATIENCE = 100

/**
 * A simulated network in virtual time, the same for the same seed. Connections that are made in it are the real ones; what
 * is simulated is what moves their bytes and their clock. Throws RangeError for a seed that is no integer of 32 bits.
 */
export function simulate(seed: number, options: SimulationOptions = {}): Simulation {
  return new Simulation(seed, options)
}

/** A network in virtual time: the same seed is the same run, byte for byte. */
export class Simulation {
  /** What the run follows from: print it when a test fails. */
  readonly seed: number
  /** Virtual time, for everything that takes a `clock`. It starts at 0. */
  readonly clock: Clock
  readonly #clock = new VirtualClock()
  readonly #random: Random
  readonly #faults: Required<NetworkFaults>
  readonly #trace = new Trace()
  readonly #links: SimulatedLink[] = []
  readonly #linkOf = new WeakMap<object, SimulatedLink>()
  readonly #listeners = new Map<string, Accept>()
  readonly #maxEvents: number
  readonly #maxTimeMs: number
  #events = 0
  #isRunning = false

  /** Made by `simulate`. */
  constructor(seed: number, options: SimulationOptions) {
    const { faults = {}, maxEvents = 1_000_000, maxTimeMs = 3_600_000 } = options
    this.seed = checkSeed(seed)
    this.#random = new Random(seed)
    this.#faults = checkFaults(faults)
    this.clock = this.#clock
    this.#maxEvents = maxEvents
    this.#maxTimeMs = maxTimeMs
  }

  /** Every connection that was made in this network, for its faults and to break it. */
  get links(): readonly SimulatedLink[] {
    return this.#links
  }

  /** Timers of programs that neither ran nor were cleared: 0 when nothing was forgotten. */
  get pendingTimers(): number {
    return this.#clock.pendingTimers
  }

  /** A hash of all events so far: two runs are the same when it is. */
  get traceHash(): string {
    return this.#trace.hash
  }

  /** The last 256 events in words, the oldest first. */
  get trace(): readonly string[] {
    return this.#trace.lines
  }

  /** Puts an event of the program into the trace. */
  note(what: string): void {
    this.#trace.add(this.#clock.now(), 'program', what, -1)
  }

  /** The link under a connection or channel of this network. */
  linkOf(end: Connection | ByteChannel): SimulatedLink | undefined {
    return this.#linkOf.get(end)
  }

  /** Listens on a name. Throws a TransportError, ADDRESS_IN_USE. */
  listen(
    name: string,
    options: ConnectionOptions = {},
    onConnection: (connection: Connection) => unknown = () => {},
  ): SimulatedServer {
    const accept: Accept = (link) => {
      const connection = server.accept(link.ends.server, endsOf(link, 'server'))
      this.#linkOf.set(connection, link)
    }
    const stop = (): void => {
      if (this.#listeners.get(name) === accept) this.#listeners.delete(name)
    }
    const server = new SimulatedServer(name, { ...options, clock: this.clock }, onConnection, stop)
    this.#listen(name, accept)
    return server
  }

  /** Listens on a name with bare bytes: for peers that break the rules. Set the callbacks of the channel at once. */
  listenChannels(name: string, onChannel: (channel: ByteChannel) => void): void {
    this.#listen(name, (link) => onChannel(link.ends.server))
  }

  /** A connection to a name. Rejects with a TransportError: CONNECT_REFUSED, CONNECT_TIMEOUT, ABORTED. */
  async connect(name: string, options: ConnectOptions = {}): Promise<Connection> {
    const { signal, connectTimeoutMs, ...connectionOptions } = options
    checkOptions(connectionOptions)
    return await this.#dial(name, options, (channel, ends) => {
      return new Connection(channel, { ...connectionOptions, clock: this.clock }, ends)
    })
  }

  /** The same as bare bytes. Set the callbacks of the channel before anything else is awaited. */
  async connectChannel(
    name: string,
    options: { connectTimeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<ByteChannel> {
    return await this.#dial(name, options, (channel) => channel)
  }

  /** Resolves after so much virtual time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, delayMs))
  }

  /**
   * Runs a program, and events until it has settled; gives its result or throws its error. Throws an Error that names the
   * seed when the program waits for what never comes, and above `maxEvents` and `maxTimeMs`.
   */
  async run<T>(program: () => T | Promise<T>): Promise<T> {
    let outcome: { give: () => T } | undefined
    void (async () => await program())().then(
      (value) => {
        outcome = { give: () => value }
      },
      (error: unknown) => {
        outcome = {
          give: () => {
            throw error
          },
        }
      },
    )
    await this.#drive(() => outcome !== undefined)
    if (outcome === undefined) throw this.#cutOff('the program waits for what never comes')
    return outcome.give()
  }

  /**
   * Runs events until none is left that would keep a process alive: an open connection does with its timers, a timer that
   * is unref'd alone does not. Throws as `run` does.
   */
  async runUntilIdle(): Promise<void> {
    await this.#drive(() => !this.#clock.isBusy && !this.#links.some((link) => link.isOpen))
  }

  /** Runs the events of so much virtual time. Throws as `run` does. */
  async runFor(durationMs: number): Promise<void> {
    const limit = this.#clock.now() + durationMs
    await this.#drive(() => false, limit)
    this.#clock.moveTo(limit)
  }

  #listen(name: string, accept: Accept): void {
    if (this.#listeners.has(name)) throw new TransportError('ADDRESS_IN_USE', `${name} is in use`)
    this.#listeners.set(name, accept)
  }

  #dial<T extends object>(
    name: string,
    options: { connectTimeoutMs?: number; signal?: AbortSignal },
    make: (channel: MemoryChannel, ends: Ends) => T,
  ): Promise<T> {
    const { signal, connectTimeoutMs = 10_000 } = options
    checkMilliseconds('connectTimeoutMs', connectTimeoutMs)
    const random = this.#random.fork()
    const isIgnored = random.chance(this.#faults.ignore)
    const isRefused = random.chance(this.#faults.refuse)
    return new Promise((resolve, reject) => {
      const give = (error: TransportError): void => settle(() => reject(error))
      const onAbort = (): void => give(abortedError(signal as AbortSignal, 'connect'))
      const settle = (done: () => void): void => {
        this.#clock.clearTimeout(timer)
        this.#clock.clearTimeout(answer)
        signal?.removeEventListener('abort', onAbort)
        done()
      }
      const onTimeout = (): void => {
        give(new TransportError('CONNECT_TIMEOUT', `${name} did not answer within ${connectTimeoutMs} ms`))
      }
      const onAnswer = (): void => {
        const accept = this.#listeners.get(name)
        if (accept !== undefined && !isRefused) return settle(() => resolve(this.#join(name, random, accept, make)))
        give(new TransportError('CONNECT_REFUSED', `connect ECONNREFUSED ${name}`))
      }
      const hasEnd = connectTimeoutMs !== Number.POSITIVE_INFINITY
      const timer = hasEnd ? this.#clock.setTimeout(onTimeout, connectTimeoutMs) : undefined
      const tripMs = 2 * random.next() * this.#faults.latencyMs
      const answer = isIgnored ? undefined : this.#clock.network.setTimeout(onAnswer, tripMs)
      signal?.addEventListener('abort', onAbort, { once: true })
      if (signal?.aborted) onAbort()
    })
  }

  /** Both ends stand before anything can arrive at one of them. */
  #join<T extends object>(
    name: string,
    random: Random,
    accept: Accept,
    make: (channel: MemoryChannel, ends: Ends) => T,
  ): T {
    const link = new SimulatedLink(name, this.#links.length + 1, this.#faults, random, this.#clock, this.#trace)
    this.#links.push(link)
    this.#trace.add(this.#clock.now(), `${name} ${link.id}`, 'connects', -1)
    const { client, server } = link.ends
    const end = make(client, endsOf(link, 'client'))
    for (const side of [client, server, end]) this.#linkOf.set(side, link)
    accept(link)
    link.begin()
    return end
  }

  /** Takes event after event, each in a turn of the real event loop, until `isDone` or until there is none. */
  #drive(isDone: () => boolean, limit: number = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#isRunning) throw new Error('this simulation runs already')
    this.#isRunning = true
    return new Promise<void>((resolve, reject) => {
      const patience = limit === Number.POSITIVE_INFINITY ? PATIENCE : 0
      let idleTurns = 0
      const step = (): void => {
        try {
          if (isDone()) return resolve()
          if (this.#events++ > this.#maxEvents) throw this.#cutOff(`more than ${this.#maxEvents} events`)
          if (this.#clock.now() > this.#maxTimeMs) throw this.#cutOff(`more than ${this.#maxTimeMs} ms`)
          idleTurns = this.#clock.runNext(limit) ? 0 : idleTurns + 1
          if (idleTurns > patience) return resolve()
          setImmediate(step)
        } catch (error) {
          reject(error)
        }
      }
      setImmediate(step)
    }).finally(() => {
      this.#isRunning = false
    })
  }

  #cutOff(why: string): Error {
    const last = this.trace.slice(-10).map((line) => `\n  ${line}`)
    return new Error(`simulate(${this.seed}): ${why}, at ${this.#clock.now()} ms; the last events:${last.join('')}`)
  }
}

function endsOf(link: SimulatedLink, side: 'client' | 'server'): Ends {
  const [local, remote] = [`${link.name} ${link.id} client`, `${link.name} ${link.id} server`]
  if (side === 'client') return { local: { path: local }, remote: { path: remote } }
  return { local: { path: remote }, remote: { path: local } }
}
