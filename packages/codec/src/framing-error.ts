// The one error of this package. A peer that breaks a framing gets a FramingError, a caller's misuse a TypeError or
// RangeError at the call. The message names what was seen, the limit, the place in the stream and the first bytes.

/** Why a frame cannot be; docs/errors.md has the cause of each and what to do. */
export type FramingErrorCode =
  | 'FRAME_TOO_LONG'
  | 'FRAME_TRUNCATED'
  | 'INVALID_LENGTH'
  | 'INVALID_HEADER'
  | 'UNENCODABLE'

/** What is known about the bad frame; every field may be missing. All numbers are bytes. */
export interface FramingErrorDetails {
  /** Payload bytes the frame declares or was asked to carry; with FRAME_TRUNCATED the bytes of the frame that arrived. */
  length?: number
  /** The limit that was exceeded. */
  limit?: number
  /** Whole bytes of the frame on the wire, set where the length field can be trusted although it is over the limit. */
  frameLength?: number
  /** Where the frame begins, counted from the first byte the decoder ever saw. */
  offset?: number
  /** At most the first 16 bytes of the bad frame, a copy. How many depends on how many had arrived. */
  head?: Uint8Array
  /** What it follows from: the `cause` of the error. */
  cause?: unknown
}

const HEAD_LENGTH = 16

/**
 * A frame that cannot be: too long, cut off, or with a header that lies.
 * `code` says which; `length`, `limit`, `offset` and `head` carry the numbers that stand in the message.
 */
export class FramingError extends Error {
  override readonly name = 'FramingError'
  /** Which of the ways to be wrong it is. */
  readonly code: FramingErrorCode
  /** Payload bytes that the frame declares or was asked to carry; with FRAME_TRUNCATED those that arrived of it. */
  readonly length: number | undefined
  /** The limit that was exceeded, in bytes. */
  readonly limit: number | undefined
  /** Whole bytes of the frame on the wire, where its length can be trusted although it is over the limit. */
  readonly frameLength: number | undefined
  /** Where the frame begins, in bytes from the first one that the decoder ever saw. */
  readonly offset: number | undefined
  /** At most the first 16 bytes of the bad frame, a copy. */
  readonly head: Uint8Array | undefined
  /** The message without place and first bytes: what `locate` builds on. */
  readonly reason: string

  constructor(code: FramingErrorCode, reason: string, details: FramingErrorDetails = {}) {
    super(describe(reason, details), 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    this.reason = reason
    this.length = details.length
    this.limit = details.limit
    this.frameLength = details.frameLength
    this.offset = details.offset
    this.head = details.head
  }
}

/** `frame of 9000000 bytes exceeds maxFrameLength 4194304`, for both directions and all framings. */
export function frameTooLong(length: number, limit: number, frameLength?: number): FramingError {
  const details: FramingErrorDetails = { length, limit }
  if (frameLength !== undefined) details.frameLength = frameLength
  return new FramingError('FRAME_TOO_LONG', `frame of ${length} bytes exceeds maxFrameLength ${limit}`, details)
}

/** The same error with its place in the stream and the first bytes of the frame, as far as they had arrived. */
export function locate(
  error: FramingError,
  offset: number,
  frame: Uint8Array,
  start: number,
  end: number,
): FramingError {
  const head = new Uint8Array(frame.subarray(start, Math.min(end, start + HEAD_LENGTH)))
  const { length, limit, frameLength, cause } = error
  const known = { offset, head, ...(cause === undefined ? {} : { cause }) }
  return new FramingError(error.code, error.reason, {
    ...known,
    ...(length === undefined ? {} : { length }),
    ...(limit === undefined ? {} : { limit }),
    ...(frameLength === undefined ? {} : { frameLength }),
  })
}

function describe(reason: string, { offset, head }: FramingErrorDetails): string {
  const place = offset === undefined ? '' : ` at stream offset ${offset}`
  if (head === undefined || head.length === 0) return reason + place
  const hex = Array.from(head, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  const guess = guessProtocol(head)
  return `${reason}${place} (first bytes ${hex}${guess === undefined ? '' : `; the peer may be speaking ${guess}`})`
}

const HTTP_OPENINGS = ['GET ', 'HEAD', 'POST', 'PUT ', 'DELE', 'OPTI', 'PATC', 'CONN', 'TRAC', 'PRI ', 'HTTP']

/** Names the protocol that people most often point at the wrong port, or undefined. */
function guessProtocol(head: Uint8Array): 'HTTP' | 'TLS' | 'text' | undefined {
  if (head.length >= 3 && head[0] === 0x16 && head[1] === 0x03 && (head[2] ?? 9) <= 4) return 'TLS'
  if (head.length < 4) return undefined
  if (HTTP_OPENINGS.includes(String.fromCharCode(...head.subarray(0, 4)))) return 'HTTP'
  const isText = head.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13)
  return isText ? 'text' : undefined
}
