// What a child process is told when it starts, as JSON.
import type { Limits, ReconnectOptions } from '@framewire/rpc'
import type { Address, Endpoint, ListenAddress, ServerOptions, ServerTlsOptions } from '@framewire/transport'
import type { CallOutcome } from './ledger.ts'

/** What both kinds have in common. */
interface Beat {
  intervalMs: number
  timeoutMs: number
}

export interface ServerConfig {
  kind: 'messages' | 'calls'
  address: ListenAddress | readonly ListenAddress[]
  options?: ServerOptions
  heartbeat?: Beat
  limits?: Limits
  tls?: ServerTlsOptions
  /** Where calls are written down. */
  journal?: string
  /** Sends for ever instead of echoing. */
  isFlooding?: boolean
}

export interface ClientConfig {
  kind: 'messages' | 'calls'
  addresses: readonly (Address | Endpoint)[]
  connections: number
  /** For `connect` of the transport: numbers and texts only. */
  options?: object
  heartbeat?: Beat
  limits?: Limits
  reconnect?: boolean | ReconnectOptions
  waitForReady?: boolean
  connectTimeoutMs?: number
  /** Messages of so many bytes, so many ms apart; or as fast as they are taken. Without it nothing is said. */
  traffic?: { bytes: number; everyMs: number | 'flood' }
  /** Callers on each peer, and calls that no handler ends. */
  callers?: number
  held?: number
  /** The number of its first call, where several clients have the same servers. */
  firstCall?: number
}

/** What a client process tells of its connections or calls. */
export interface ClientReport {
  open: number
  closes: { code: string; afterMs: number }[]
  sent: number
  received: number
  /** Heartbeats that came back. */
  beats: number
  calls: Record<string, number>
  notProcessed: number
  openCalls: number
  outcomes: readonly CallOutcome[]
  violations: string[]
}
