// Two peers on a pipe in memory.

import { lengthField } from '@framewire/codec'
import type { Connection } from '@framewire/transport'
import type { Service } from '../src/implement.ts'
import { checkLimits, type Limits } from '../src/limits.ts'
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
  services?: readonly Service[]
  limits?: Limits
  onError?: (error: unknown) => void
}

/** The first has connected to the second. Both have the same services and limits. */
export function memoryPeers(options: MemoryPeersOptions): [MemoryPeer, MemoryPeer] {
  const limits = checkLimits(options.limits)
  const methods = new MethodTable((options.services ?? []).flatMap(({ handlers }) => handlers))
  const framing = lengthField({ maxFrameLength: limits.maxFrame })
  const peerOn = (channel: MemoryChannel, isConnecting: boolean): MemoryPeer => {
    const connection = connectionOn(channel, { framing })
    const onError = options.onError ?? (() => {})
    return {
      channel,
      connection,
      peer: new RpcConnection(connection, { isConnecting, methods, limits, defaults: {}, onError }),
    }
  }
  const [first, second] = memoryPair(options.cut)
  return [peerOn(first, true), peerOn(second, false)]
}
