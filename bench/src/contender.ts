// What is measured: one contender is one way to echo bytes over one loopback TCP connection. Each has a file of its own
// that exports a `contender`; a child process loads only the one it runs, so no contender warms or pollutes another.

/** One client connection of a contender. */
export interface Caller {
  /** Resolves with the echo. The caller leaves `payload` alone until then, and may keep the echo for ever. */
  call(payload: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

export interface EchoServer {
  port: number
  close(): Promise<void>
}

export interface Contender {
  name: string
  serve(): Promise<EchoServer>
  connect(port: number): Promise<Caller>
}

/** What every ratio is against. */
export const BASELINE = 'floor-promise'

/** The contender the targets are for. */
export const OURS = 'framewire'
