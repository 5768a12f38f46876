// What a connection counts. Bytes and messages add up: accepted = sent + queued, on either side of every limit.

import type { ReceiverStats } from './receiver.ts'

/** The counters of a connection. */
export interface ConnectionStats extends ReceiverStats {
  /** Messages accepted by `send`. */
  messagesSent: number
  /** Bytes that have gone to the kernel, headers included. */
  bytesSent: number
  /** Bytes accepted that have not. */
  bytesQueued: number
  /** Messages received that nobody has taken yet. */
  messagesQueued: number
}
