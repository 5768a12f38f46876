// Two peers on a pipe in memory.

import type { Connection } from '@framewire/transport'
import type { Service } from '../src/implement.ts'
import { checkLimits, framingOf, type Limits } from '../src/limits.ts'
import { MethodTable } from '../src/method-table.ts'
import { RpcConnection } from '../src/rpc-connection.ts'
import { type Cut, connectionOn, type MemoryChannel, memoryPair } from './memory-channel.ts'

export interface MemoryPeer {
  peer: RpcConnection
  connection: Connection
  channel: MemoryChannel
}

export interface MemoryPeersOptions {
  cut: Cut
  /** Of both, or of each. */
  services?: readonly Service[] | readonly [readonly Service[], readonly Service[]]
  limits?: Limits
  onError?: (error: unknown) => void
  /** The first stream id of each. */
  firstIds?: readonly [number, number]
}

/** The first has connected to the second. Both have the same services and limits. */
export function memoryPeers(options: MemoryPeersOptions): [MemoryPeer, MemoryPeer] {
  const limits = checkLimits(options.limits)
  const framing = framingOf(limits)
  const peerOn = (channel: MemoryChannel, isConnecting: boolean): MemoryPeer => {
    const connection = connectionOn(channel, { framing })
    const list = options.services ?? []
    const own = Array.isArray(list[0])
      ? (list[isConnecting ? 0 : 1] as readonly Service[])
      : (list as readonly Service[])
    const methods = new MethodTable(own.flatMap(({ handlers }) => handlers))
    const onError = options.onError ?? (() => {})
    const firstId = options.firstIds?.[isConnecting ? 0 : 1] ?? (isConnecting ? 1 : 2)
    return {
      channel,
      connection,
      peer: new RpcConnection(connection, { isConnecting, methods, limits, defaults: {}, onError, firstId }),
    }
  }
  const [first, second] = memoryPair(options.cut)
  return [peerOn(first, true), peerOn(second, false)]
}
