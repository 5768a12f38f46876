// What is measured: one contender is one way to echo values over one loopback TCP connection. Each has a file of its own
// that exports a `contender` with the same three functions (serve, connect, call); a child process loads only the one it
// runs, so no contender warms or pollutes another.

/** The two kinds of values that are echoed. */
export type Work = 'bytes' | 'json'

export interface SmallJson {
  id: number
  name: string
  email: string
  tags: string[]
  isActive: boolean
  balance: number
}

export type Value = Uint8Array | SmallJson

/** What a consumer does with one message of a stream; a promise holds the stream up. */
export type Take = (message: Uint8Array) => Promise<void> | undefined

/** One client connection of a contender. */
export interface Caller {
  /** Resolves with the echo. The caller leaves `value` alone until then, and may keep the echo for ever. */
  call(value: Value): Promise<unknown>
  /** Asks for a server stream of `count` messages of `size` bytes, hands each to `take`, and resolves after the last. */
  receive?(count: number, size: number, take: Take): Promise<void>
  /** Sends `bytes` bytes up in messages of 64 KiB and resolves with how many the server counted. */
  upload?(bytes: number): Promise<number>
  /** Begins a server stream, takes one message and no more; the returned function ends it. */
  stall?(): Promise<() => Promise<void>>
  close(): Promise<void>
}

export interface EchoServer {
  port: number
  close(): Promise<void>
}

/** What a cell asks of both ends besides echoes. Ours and the floor know it. */
export interface Terms {
  /** Bytes of the largest payload. @default what the limits take by default */
  largestPayload?: number
  /** Connections that one server process gets. @default 1 */
  connections?: number
  /** The port that several processes listen on by `reusePort`, 0 for the first of them. @default a port of its own */
  sharedPort?: number
  /** Bytes that the handler hashes for each call, as if it had something to do. @default 0 */
  hashedBytes?: number
}

export interface Contender {
  name: string
  serve(work: Work, terms?: Terms): Promise<EchoServer>
  connect(port: number, work: Work, terms?: Terms): Promise<Caller>
}

/** What every ratio of calls is against. */
export const BASELINE = 'floor-promise'

/** What every ratio of streams is against. */
export const STREAM_BASELINE = 'bare-writes'

/** The contender the targets are for. */
export const OURS = 'framewire'

/** The same with its option for few calls in flight. */
export const BUSY_POLL = 'framewire-busy-poll'
