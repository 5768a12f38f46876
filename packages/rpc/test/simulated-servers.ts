// The serving side of a simulated run: the real servers on names of the network, which accept, call back, go and come back.

import type { Connection, ConnectOptions as TransportOptions } from '@framewire/transport'
import type { Simulation } from '@framewire/transport/testing'
import type { Random } from '../../transport/src/random.ts'
import type { Peer } from '../src/peer.ts'
import { RpcConnection } from '../src/rpc-connection.ts'
import type { RpcConnectionOptions } from '../src/rpc-connection-options.ts'
import { Server } from '../src/serve.ts'

const NAMES = ['/a', '/b'] as const
const SHUT_DOWN_MS = 2_000

/** The run that they are part of. */
export interface Serving {
  readonly sim: Simulation
  readonly random: Random
  readonly options: RpcConnectionOptions
  readonly transport: TransportOptions
  callSome(peer: Peer, random: Random, depth: number): Promise<void>
  stall(connection: Connection, random: Random): void
  checkReady(): void
  /** What is awaited before the run ends. */
  talk(talk: Promise<void>): void
}

export class SimulatedServers {
  readonly #run: Serving
  readonly #servers = new Map<string, Server>()

  constructor(run: Serving) {
    this.#run = run
  }

  start(): void {
    for (const name of NAMES) this.#listen(name)
  }

  /** One after the other goes, lets its calls end, and comes back. */
  async roll(random: Random): Promise<void> {
    const { sim } = this.#run
    for (const name of NAMES) {
      await sim.sleep(random.magnitude(1_500))
      sim.note(`${name} goes`)
      const closing = this.#servers.get(name)?.close({ drainMs: Number.POSITIVE_INFINITY })
      // Time for a delay of reconnecting, for a reader that stands still, and for the handshake.
      await sim.sleep(2_500)
      this.#run.checkReady()
      await closing
      await sim.sleep(random.magnitude(500))
      sim.note(`${name} comes back`)
      this.#listen(name)
      await sim.sleep(3_000)
    }
  }

  /** One goes for good, and lets its calls end. */
  async leave(random: Random): Promise<void> {
    const { sim } = this.#run
    await sim.sleep(random.magnitude(1_000))
    sim.note(`${NAMES[0]} leaves`)
    await this.#servers.get(NAMES[0])?.close({ drainMs: Number.POSITIVE_INFINITY })
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.close({ drainMs: SHUT_DOWN_MS })))
  }

  #listen(name: string): void {
    const run = this.#run
    const { sim, options, transport, random } = run
    const peers = new Map<Connection, Peer>()
    let isClosing = false
    const listening = sim.listen(name, transport as never, (simulated) => {
      const connection = simulated as unknown as Connection
      run.stall(connection, random)
      const peer = new RpcConnection(connection, { ...options, isConnecting: false })
      peers.set(connection, peer)
      void peer.closed.then(() => peers.delete(connection))
      if (isClosing) return void peer.close({ drainMs: 0 })
      // Of two handlers that call back, each may hold the slot that the other waits for: one side does not.
      if (random.chance(0.5)) run.talk(run.callSome(peer, random.fork(), 1))
    })
    // What a server of sockets offers, as far as `Server` needs it: its connections end by themselves, or are cut off.
    const close = async ({ drainTimeoutMs }: { drainTimeoutMs: number }): Promise<void> => {
      isClosing = true
      const ends = [...peers.keys()].map(({ closed }) => closed)
      const timer = sim.clock.setTimeout(() => {
        for (const connection of peers.keys()) connection.destroy()
      }, drainTimeoutMs)
      await Promise.all(ends)
      sim.clock.clearTimeout(timer)
      await listening.close()
    }
    this.#servers.set(name, new Server({ addresses: [{ path: name }], close } as never, peers, SHUT_DOWN_MS))
  }
}
