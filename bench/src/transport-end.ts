// What the transport benchmark measures: one end of a message connection, the floor's or ours. Each way to make one has the
// same two functions.

/** One end of a connection. */
export interface End {
  /** False = wait for `drained` before the next. */
  send(payload: Uint8Array): boolean
  drained(): Promise<void>
  /** Called with every message; the bytes are good until it returns. */
  onMessage(visit: (bytes: Uint8Array, start: number, end: number) => void): void
  pause(): void
  close(): Promise<void>
}

export interface Certificate {
  key: string
  cert: string
}

export interface EndMaker {
  name: string
  /** Gives every accepted end to `onEnd`; resolves with the port. */
  serve(certificate: Certificate | undefined, onEnd: (end: End) => void): Promise<number>
  connect(port: number, certificate: Certificate | undefined): Promise<End>
}
