// The peer broke the protocol: the connection must end, with this reason told to the peer first.

import type { GoawayReason } from './wire.ts'

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly reason: GoawayReason

  constructor(reason: GoawayReason, message: string) {
    super(message)
    this.reason = reason
  }
}
