// Two ends joined in memory, without a port and without a kernel. They behave as sockets do: nothing arrives in the same
// tick, little fits on the way, and with a seed every border is cut somewhere.

import type { ByteChannel } from './byte-channel.ts'
import { type Clock, systemClock } from './clock.ts'
import { Connection } from './connection.ts'
import { MemoryChannel } from './memory-channel.ts'
import { MemoryWire, type WireConditions } from './memory-wire.ts'
import type { ConnectionOptions } from './options.ts'
import { checkSeed, Random } from './random.ts'

/** Options of the two ends, and how the bytes between them are cut. */
export interface PairOptions {
  /** Options of the first connection. */
  client?: ConnectionOptions
  /** Options of the second one. */
  server?: ConnectionOptions
  /** Cuts reads and writes at any byte, the same for the same seed. @default nothing is cut */
  seed?: number
  /** For both ends and for what is between them. @default the clock of the process */
  clock?: Clock
}

const SMOOTH: WireConditions = {
  capacity: 64 * 1024,
  latencyMs: 0,
  jitterMs: 0,
  bytesPerMs: Number.POSITIVE_INFINITY,
  cut: 0,
  lateDrain: 0,
  lateDrainMs: 0,
}
const ROUGH: WireConditions = { ...SMOOTH, cut: 0.3 }

/** Two connections that talk to each other in memory. Throws RangeError for a seed that is no integer of 32 bits. */
export function pair(options: PairOptions = {}): { client: Connection; server: Connection } {
  const { clock = systemClock } = options
  const [one, other] = channelPair(options)
  const [local, remote] = [{ path: 'client' }, { path: 'server' }]
  const client = new Connection(one, { clock, ...options.client }, { local, remote })
  const server = new Connection(other, { clock, ...options.server }, { local: remote, remote: local })
  return { client, server }
}

/** The same as bare bytes: for a peer that breaks the rules, or for what is put between a connection and its bytes. */
export function channelPair(options: { seed?: number; clock?: Clock } = {}): [ByteChannel, ByteChannel] {
  const { seed, clock = systemClock } = options
  const random = new Random(checkSeed(seed ?? 0))
  const conditions = seed === undefined ? SMOOTH : ROUGH
  const [up, down] = [
    new MemoryWire(clock, random.fork(), conditions),
    new MemoryWire(clock, random.fork(), conditions),
  ]
  return [new MemoryChannel(clock, up, down), new MemoryChannel(clock, down, up)]
}
