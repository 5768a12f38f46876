// The one error of this package: how a call failed. Only its code, name, message and details cross the wire.

import { Meta } from './meta.ts'

/** The status codes of gRPC, by their number on the wire; 0 is success and never an error. */
const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const satisfies readonly ('OK' | Code)[]

/** How a call failed: the codes of gRPC. docs/errors.md has the cause of each and what to do. */
export type Code =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED'

const NUMBERS: ReadonlyMap<string, number> = new Map(CODES.map((code, number) => [code, number]))

/** The number of a code on the wire. */
export function codeNumber(code: Code): number {
  return NUMBERS.get(code) as number
}

/** The code of a number from the wire; a number that no version knows is UNKNOWN. */
export function codeName(number: number): Code {
  const code = CODES[number]
  return code === undefined || code === 'OK' ? 'UNKNOWN' : code
}

/** Whether a string is one of the codes, for contracts written in plain JavaScript. */
export function isCode(code: string): code is Code {
  return code !== 'OK' && NUMBERS.has(code)
}

/** What an error says besides its code and message. */
export interface RpcErrorOptions<D = unknown> {
  /** The application's own name of the error, as the contract lists it. */
  appName?: string
  /** What the application says about it; it travels in the encoding of the method. */
  details?: D
  /** True = the handler surely never ran, so the call may be made again. @default false */
  notProcessed?: boolean
  /** Metadata that came with the error. @default none */
  trailers?: Meta
  /** What it follows from. It stays here and never crosses the wire. */
  cause?: unknown
}

/**
 * Why a call failed. `code` is one of gRPC's sixteen; what the application means stands in `appName` and `details`.
 * A handler throws it (or `ctx.error(...)`) to answer with it; anything else a handler throws is INTERNAL to the caller.
 */
export class RpcError<D = unknown> extends Error {
  override readonly name = 'RpcError'
  /** One of gRPC's sixteen. */
  readonly code: Code
  /** The application's own name of the error, as the contract lists it; '' = it has none. */
  readonly appName: string
  /** What the application says about it: `isError` tells the type. */
  readonly details: D
  /** True = the handler surely never ran, so the call may be made again. */
  readonly notProcessed: boolean
  #trailers: Meta | undefined

  constructor(code: Code, message: string, options: RpcErrorOptions<D> = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    if (!isCode(code)) throw new RangeError(`${String(code)} is not an RPC code`)
    this.code = code
    const { appName = '' } = options
    if (typeof appName !== 'string') throw new TypeError(`appName must be a string, got ${typeof appName}`)
    this.appName = appName
    this.details = options.details as D
    this.notProcessed = options.notProcessed ?? false
    this.#trailers = options.trailers
  }

  /** What the handler sent beside the error; of an error that was made here, what was given to it. */
  get trailers(): Meta {
    this.#trailers ??= new Meta()
    return this.#trailers
  }
}
