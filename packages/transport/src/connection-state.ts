// The states of a connection, what may follow what, what it tells meanwhile, and how it all ended.

import type { TransportError } from './transport-error.ts'

/**
 * connecting = the way there is still being made; open = messages go both ways; closing = nothing more is accepted, what
 * was accepted is sent; closed = over.
 */
export type ConnectionState = 'connecting' | 'open' | 'closing' | 'closed'

/** What may follow each state. */
export const TRANSITIONS: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = Object.freeze({
  connecting: ['open', 'closing', 'closed'],
  open: ['closing', 'closed'],
  closing: ['closed'],
  closed: [],
})

/** How a connection ended. */
export interface CloseInfo {
  /** Who ended it first. */
  initiator: 'local' | 'peer'
  /** Why it ended badly; undefined after a clean end. */
  error: TransportError | undefined
  /** Bytes that `send` accepted and that did not reach the kernel. */
  unsentBytes: number
}

/** What a connection tells, and to whom: 'drain' to who sends, 'end' once the peer has ended and all it sent was taken. */
export interface ConnectionEvents {
  message: [message: Uint8Array]
  drain: []
  end: []
  close: [info: CloseInfo]
}
