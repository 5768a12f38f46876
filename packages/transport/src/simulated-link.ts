// One connection of a simulated network: two wires, the two ends on them, and whatever is going to break them.

import { DIRECTIONS, type Direction } from './direction.ts'
import { MemoryChannel, socketError } from './memory-channel.ts'
import { MemoryWire } from './memory-wire.ts'
import { type Break, type BreakKind, drawBreak, drawConditions, type NetworkFaults } from './network-faults.ts'
import type { Random } from './random.ts'
import type { Trace } from './trace.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** One connection of a simulated network, to see what breaks it, or to break it. */
export class SimulatedLink {
  /** The name that was connected to. */
  readonly name: string
  /** From 1 on, in the order of connecting. */
  readonly id: number
  /** Both ends, for the simulation: a program has connections on them. */
  readonly ends: { readonly client: MemoryChannel; readonly server: MemoryChannel }
  readonly #wires: Readonly<Record<Direction, MemoryWire>>
  readonly #clock: VirtualClock
  readonly #trace: Trace
  readonly #broken: BreakKind[] = []
  #plan: Break | undefined

  /** Made by `connect` of a simulation. */
  constructor(
    name: string,
    id: number,
    faults: Required<NetworkFaults>,
    random: Random,
    clock: VirtualClock,
    trace: Trace,
  ) {
    this.name = name
    this.id = id
    this.#clock = clock
    this.#trace = trace
    const { network } = clock
    const upstream = new MemoryWire(network, random.fork(), drawConditions(faults, random))
    const downstream = new MemoryWire(network, random.fork(), drawConditions(faults, random))
    this.#wires = { upstream, downstream }
    this.ends = {
      client: new MemoryChannel(network, upstream, downstream),
      server: new MemoryChannel(network, downstream, upstream),
    }
    for (const end of ['client', 'server'] as const) {
      this.ends[end].onEvent = (what, amount) => trace.add(clock.now(), `${name} ${id} ${end}`, what, amount)
    }
    this.#plan = drawBreak(faults, random)
    this.#watch()
  }

  /** Whether one of its ends is still open. */
  get isOpen(): boolean {
    return !this.ends.client.isClosed || !this.ends.server.isClosed
  }

  /** What has broken it so far, in order. Empty = all that one end accepts must reach the other. */
  get broken(): readonly BreakKind[] {
    return this.#broken
  }

  /** Both ends lose the connection: CONNECTION_RESET. */
  reset(): void {
    this.#note('reset', 'both')
    for (const wire of this.#both()) wire.reset()
  }

  /** The socket of the end that sends in `direction` fails, with `code`, and the other end is reset. */
  fail(direction: Direction, code = 'ETIMEDOUT'): void {
    this.#note('error', direction)
    const { client, server } = this.ends
    this.#wires[direction].reset()
    const end = direction === 'upstream' ? client : server
    end.break(socketError(code, 'write'))
  }

  /** The end that reads in `direction` sees the end of its peer; what is still sent to it is lost. */
  halfClose(direction: Direction): void {
    this.#note('halfClose', direction)
    this.#wires[direction].cutOff()
  }

  /** Nothing arrives any more, in `direction` or in both, until `restore`. */
  blackHole(direction?: Direction): void {
    this.#note('blackHole', direction ?? 'both')
    for (const wire of direction === undefined ? this.#both() : [this.#wires[direction]]) wire.blackHole()
  }

  /** Ends every black hole: what was sent into it arrives now. */
  restore(): void {
    this.#trace.add(this.#clock.now(), `${this.name} ${this.id}`, 'restored', -1)
    for (const wire of this.#both()) wire.restore()
  }

  /** The plan that comes after a time begins now: the connection stands. */
  begin(): void {
    const plan = this.#plan
    if (plan === undefined || plan.afterBytes !== undefined) return
    this.#clock.network.setTimeout(() => this.#break(plan), plan.afterMs).unref()
  }

  #both(): MemoryWire[] {
    return DIRECTIONS.map((direction) => this.#wires[direction])
  }

  #watch(): void {
    const plan = this.#plan
    if (plan?.afterBytes === undefined) return
    const wire = this.#wires[directionOf(plan)]
    wire.breakAfter = plan.afterBytes
    wire.onBroken = () => this.#break(plan)
  }

  #break(plan: Break): void {
    if (this.#plan === undefined || !this.isOpen) return
    this.#plan = undefined
    const direction = directionOf(plan)
    if (plan.kind === 'reset') this.reset()
    else if (plan.kind === 'error') this.fail(direction)
    else if (plan.kind === 'halfClose') this.halfClose(direction)
    else {
      this.blackHole(plan.isBoth ? undefined : direction)
      if (plan.lastsMs === Number.POSITIVE_INFINITY) return
      this.#clock.network.setTimeout(() => this.restore(), plan.lastsMs).unref()
    }
  }

  #note(kind: BreakKind, where: string): void {
    this.#broken.push(kind)
    this.#trace.add(this.#clock.now(), `${this.name} ${this.id} ${where}`, kind, -1)
  }
}

function directionOf(plan: Break): Direction {
  return plan.isUpstream ? 'upstream' : 'downstream'
}
