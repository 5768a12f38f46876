// The messages of a connection as a Duplex in object mode, for `pipeline()`. Each direction ends by itself: the readable side
// when the peer has ended and all was read, the writable side when it is told to, so that an echo loses nothing.
// Invariant: the stream takes no more messages than its buffer holds, and hands over none while the connection waits.

import { Duplex } from 'node:stream'
import type { Receiver } from './receiver.ts'
import { TransportError } from './transport-error.ts'

interface EndInfo {
  error: TransportError | undefined
  unsentBytes: number
}

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly state: string
  readonly closed: Promise<EndInfo>
  send(message: Uint8Array | readonly Uint8Array[]): boolean
  drained(): Promise<void>
  flush(): Promise<void>
  close(options: { timeoutMs?: number }): Promise<EndInfo>
  destroy(error?: unknown): void
}

/** Throws TypeError when the messages go to somebody else already. */
export function messageStream(owner: StreamOwner, receiver: Receiver): Duplex {
  const { messages, release } = receiver.iterateAlone()
  const stream: Duplex = new Duplex({
    objectMode: true,
    read: readInto(() => stream, messages),
    write: (message, _, callback) => write(owner, message, callback),
    final: (callback) => {
      // Whoever reads waits for the peer's end as long as it takes; where nobody does, the deadline of close holds.
      void finish(owner, () => (stream.readableFlowing === null ? {} : { timeoutMs: Number.POSITIVE_INFINITY })).then(
        callback,
      )
    },
    destroy: (error, callback) => {
      release()
      owner.destroy(error ?? undefined)
      void owner.closed.then(() => callback(error))
    },
  })
  // An error that nobody listens for must not take the process down: it stands in CloseInfo as well.
  stream.on('error', () => {})
  void owner.closed.then(({ error }) => {
    if (error !== undefined || stream.readableEnded) stream.destroy(error)
    else stream.once('end', () => stream.destroy())
  })
  return stream
}

/** Pushes messages for as long as the stream wants some. The error of the connection comes by `closed`. */
function readInto(target: () => Duplex, messages: AsyncIterator<Uint8Array>): () => void {
  let isReading = false
  const read = async (): Promise<void> => {
    while (!isReading) {
      isReading = true
      const { done, value } = await messages.next()
      // The stream may ask for more from within `push`: then that call goes on, and this one is over.
      isReading = false
      if (!target().push(done ? null : value) || done) return
    }
  }
  return () => void read().catch(() => {})
}

function write(owner: StreamOwner, message: Uint8Array, callback: (error?: Error | null) => void): void {
  // The connection's own error says more than that it is closed.
  const fail = (error: Error): void => {
    if (owner.state !== 'closed') callback(error)
    else void owner.closed.then((info) => callback(info.error ?? error))
  }
  try {
    if (owner.send(message)) callback()
    else owner.drained().then(() => callback(), fail)
  } catch (error) {
    fail(error as Error)
  }
}

/** Sends everything, without a deadline as long as it moves, then closes. Answers what went wrong. */
async function finish(owner: StreamOwner, closeOptions: () => { timeoutMs?: number }): Promise<Error | null> {
  // It rejects only where the connection is closed, and that is what `close` tells about.
  await owner.flush().catch(() => {})
  const { error, unsentBytes } = await owner.close(closeOptions())
  if (error !== undefined) return error
  if (unsentBytes === 0) return null
  return new TransportError('CONNECTION_CLOSED', `the connection closed with ${unsentBytes} bytes not sent`)
}
