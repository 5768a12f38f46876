// The receiving side of part 1, over a bare socket and over Framewire: compares each piece it is handed with the
// messages that were sent, and answers with the count.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Connection, Endpoint } from '@framewire/transport'
import { type BorderReport, borderReports, numberedMessage } from './border-messages.ts'
import { isFaulty } from './fault.ts'

class Tally {
  readonly #report: BorderReport = { chunks: 0, pieces: 0, whole: 0, inOrder: 0, bytes: 0 }

  add(piece: Uint8Array): void {
    const report = this.#report
    const number = Number(/^message (\d+) /.exec(Buffer.from(piece).toString('latin1'))?.[1])
    const isWhole = !Number.isNaN(number) && numberedMessage(number).equals(piece)
    if (isWhole) report.whole++
    if (isWhole && number === report.pieces) report.inOrder++
    report.pieces++
    report.bytes += piece.length
  }

  /** The report as a message. */
  encode(chunks: number): Uint8Array {
    if (isFaulty('borders')) this.#report.inOrder--
    return borderReports.encode({ ...this.#report, chunks })
  }
}

/** Framewire: each message is one that was sent. An empty one asks for the count. */
export async function countMessages(connection: Connection): Promise<void> {
  const tally = new Tally()
  for await (const message of connection) {
    if (message.length > 0) tally.add(message)
    else connection.send(tally.encode(connection.stats().chunksReceived))
  }
}

/** Bare: each `data` event is whatever the network made of it. The end asks for the count. */
function countEvents(socket: Socket): void {
  const tally = new Tally()
  let events = 0
  socket.on('data', (chunk) => {
    events++
    tally.add(chunk)
  })
  socket.on('end', () => socket.end(tally.encode(events)))
  socket.on('error', () => socket.destroy())
}

/** A server without Framewire, on 127.0.0.1 at a free port. */
export async function listenBare(): Promise<{ addresses: Endpoint[]; close(): Promise<void> }> {
  const server = createServer({ allowHalfOpen: true }, countEvents)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { address: host, port } = server.address() as AddressInfo
  return {
    addresses: [{ host, port }],
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
