// The one error of this package. It is thrown by an action that failed, or stands in CloseInfo as the cause of a close.

import { FramingError, type FramingErrorCode } from '@framewire/codec'

/** Why an action failed or a connection ended; docs/errors.md has the cause of each and what to do. */
export type TransportErrorCode =
  | 'CONNECT_TIMEOUT'
  | 'CONNECT_REFUSED'
  | 'CONNECT_FAILED'
  | 'TLS_ERROR'
  | 'CONNECTION_RESET'
  | 'CONNECTION_CLOSED'
  | 'FRAME_TRUNCATED'
  | 'FRAME_TIMEOUT'
  | 'MESSAGE_TOO_LARGE'
  | 'PROTOCOL_ERROR'
  | 'SEND_BUFFER_FULL'
  | 'SLOW_CONSUMER'
  | 'WRITE_TIMEOUT'
  | 'HEARTBEAT_TIMEOUT'
  | 'IDLE_TIMEOUT'
  | 'TOO_MANY_CONNECTIONS'
  | 'PROXY_PROTOCOL_ERROR'
  | 'ADDRESS_IN_USE'
  | 'LISTEN_FAILED'
  | 'ABORTED'

const RETRYABLE: ReadonlySet<TransportErrorCode> = new Set<TransportErrorCode>([
  'CONNECT_TIMEOUT',
  'CONNECT_REFUSED',
  'CONNECTION_RESET',
  'CONNECTION_CLOSED',
  'SLOW_CONSUMER',
  'WRITE_TIMEOUT',
  'HEARTBEAT_TIMEOUT',
  'IDLE_TIMEOUT',
  'TOO_MANY_CONNECTIONS',
  'ADDRESS_IN_USE',
])

/** A connection that could not be made, was lost, or was ended for what the peer sent. `cause` keeps what Node said. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  /** Which of the ways to fail it is. */
  readonly code: TransportErrorCode
  /** Whether the same action may succeed when it is tried again later. */
  readonly retryable: boolean

  constructor(code: TransportErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.retryable = RETRYABLE.has(code)
  }
}

const FRAMING_CODES: Record<FramingErrorCode, TransportErrorCode> = {
  FRAME_TOO_LONG: 'MESSAGE_TOO_LARGE',
  FRAME_TRUNCATED: 'FRAME_TRUNCATED',
  INVALID_LENGTH: 'PROTOCOL_ERROR',
  INVALID_HEADER: 'PROTOCOL_ERROR',
  UNENCODABLE: 'PROTOCOL_ERROR',
}

const SOCKET_CODES: Record<string, TransportErrorCode> = {
  ECONNREFUSED: 'CONNECT_REFUSED',
  ENOENT: 'CONNECT_REFUSED',
  ECONNRESET: 'CONNECTION_RESET',
  EPIPE: 'CONNECTION_RESET',
  EADDRINUSE: 'ADDRESS_IN_USE',
}

/** What a framing, a socket or the application threw, as a TransportError; `fallback` where nothing fits better. */
export function toTransportError(error: unknown, fallback: TransportErrorCode): TransportError {
  if (error instanceof TransportError) return error
  const message = messageOf(error)
  if (error instanceof FramingError) return new TransportError(FRAMING_CODES[error.code], message, { cause: error })
  const socketCode = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  const code =
    SOCKET_CODES[socketCode ?? ''] ?? (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(socketCode ?? '') ? 'TLS_ERROR' : fallback)
  return new TransportError(code, message, { cause: error })
}

/** Whether the kernel gave up: nobody answered a connect, or nobody acknowledged what an open connection had sent. */
export function isKernelTimeout(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ETIMEDOUT'
}

/** What a callback of the application threw: ABORTED with that as cause, whatever it was and whatever code it carries. */
export function callbackError(thrown: unknown): TransportError {
  return new TransportError('ABORTED', messageOf(thrown), { cause: thrown })
}

/** Never throws, although anything can be thrown and anything can stand in an error. */
function messageOf(thrown: unknown): string {
  try {
    // Node names each address it tried in an AggregateError without a message of its own.
    if (thrown instanceof AggregateError && !thrown.message) return thrown.errors.map(messageOf).join('; ')
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return 'something without a text was thrown'
  }
}

/** What an aborted signal becomes: ABORTED with the signal's reason as cause. */
export function abortedError(signal: AbortSignal, action: string): TransportError {
  return new TransportError('ABORTED', `${action} was aborted`, { cause: signal.reason })
}
