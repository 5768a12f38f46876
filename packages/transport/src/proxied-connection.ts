// One connection through a chaos proxy: two sockets, and a flow in each direction. Whatever ends it ends both sockets.

import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { DIRECTIONS, type Direction } from './direction.ts'
import type { Random } from './random.ts'
import { type FlowOwner, ToxicFlow } from './toxic-flow.ts'
import type { Toxic } from './toxics.ts'

/** How long the sockets of a connection that is finished may take to see the ends of their peers. */
const LINGER_MS = 1_000

/** One connection through the proxy: what has passed, and ways to break it. */
export class ProxiedConnection {
  /** From 1 on, in the order of accepting. */
  readonly id: number
  readonly #sockets: readonly [client: Socket, target: Socket]
  readonly #flows: Readonly<Record<Direction, ToxicFlow>>
  readonly #random: Random
  readonly #immune = new WeakMap<Toxic, boolean>()
  readonly #timers = new Map<Toxic, NodeJS.Timeout | undefined>()
  #linger: NodeJS.Timeout | undefined
  /** False once both ends are closed. */
  #isOpen = true

  /** Made by a chaos proxy. */
  constructor(id: number, client: Socket, target: NetConnectOpts, random: Random, onClosed: () => void) {
    this.id = id
    this.#random = random
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true })
    this.#sockets = [client, server]
    const owner: FlowOwner = { finish: () => this.close(), reset: () => this.reset() }
    this.#flows = {
      upstream: new ToxicFlow(client, server, random.fork(), owner),
      downstream: new ToxicFlow(server, client, random.fork(), owner),
    }
    for (const socket of this.#sockets) {
      // Also for those who connect to a target that refuses them: a lost connection is all that can be shown to them.
      socket.on('error', () => this.reset())
      socket.on('close', () => {
        if (this.#sockets.every(({ closed }) => closed)) this.#ended(onClosed)
      })
    }
  }

  /** Whether neither end has been cut off. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Bytes that were passed on so far. */
  get passed(): Readonly<Record<Direction, number>> {
    return { upstream: this.#flows.upstream.passed, downstream: this.#flows.downstream.passed }
  }

  /** Both ends are reset. */
  reset(): void {
    this.#stop()
    for (const socket of this.#sockets) resetSocket(socket)
  }

  /** Both ends see the end of the other; what they still send is thrown away. */
  close(): void {
    this.#stop()
    for (const socket of this.#sockets) socket.end()
    this.#linger ??= setTimeout(() => this.destroy(), LINGER_MS)
  }

  /** Both sockets are gone. */
  destroy(): void {
    this.#stop()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Called by the proxy whenever its toxics change. */
  applyToxics(toxics: readonly Toxic[]): void {
    const mine = toxics.filter((toxic) => !this.#isImmune(toxic))
    for (const toxic of this.#timers.keys()) if (!mine.includes(toxic)) this.#lift(toxic)
    for (const direction of DIRECTIONS) {
      this.#flows[direction].toxics = mine.filter((toxic) => toxic.direction === direction)
    }
    for (const toxic of mine) if (!this.#timers.has(toxic)) this.#begin(toxic)
  }

  /** Whether a connection gets a toxic is drawn once. */
  #isImmune(toxic: Toxic): boolean {
    const isImmune = this.#immune.get(toxic) ?? !this.#random.chance(toxic.toxicity ?? 1)
    this.#immune.set(toxic, isImmune)
    return isImmune
  }

  /** What ends a connection after a time. */
  #begin(toxic: Toxic): void {
    if (toxic.type === 'timeout') {
      const { timeoutMs = Number.POSITIVE_INFINITY } = toxic
      this.#timers.set(toxic, timeoutMs > 0x7fff_ffff ? undefined : setTimeout(() => this.close(), timeoutMs))
    } else if (toxic.type === 'reset_peer' && toxic.afterBytes === undefined) {
      this.#timers.set(
        toxic,
        setTimeout(() => this.reset(), toxic.timeoutMs ?? 0),
      )
    }
  }

  /** Bytes are missing in what a timeout held up: the connection can not go on. */
  #lift(toxic: Toxic): void {
    clearTimeout(this.#timers.get(toxic))
    this.#timers.delete(toxic)
    if (toxic.type === 'timeout') this.close()
  }

  #stop(): void {
    for (const direction of DIRECTIONS) this.#flows[direction].stop()
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  #ended(onClosed: () => void): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#stop()
    clearTimeout(this.#linger)
    onClosed()
  }
}

/** RST where there is one: a unix socket has none, and a socket that is connecting nobody to tell. */
function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.connecting || socket.remoteAddress === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
