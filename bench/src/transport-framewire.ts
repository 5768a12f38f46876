// Ours in the transport benchmark, with everything on: limits, timeouts, backpressure, counters.

import { lengthField } from '@framewire/codec'
import { type Connection, connect, listen } from '@framewire/transport'
import type { End, EndMaker } from './transport-end.ts'

const framing = lengthField({ maxFrameLength: 4 * 1024 * 1024 })

function framewireEnd(connection: Connection): End {
  return {
    send: (payload) => connection.send(payload),
    drained: () => connection.drained(),
    onMessage: (visit) => connection.receive(visit),
    pause: () => connection.pause(),
    async close() {
      connection.destroy()
      await connection.closed
    },
  }
}

export const framewire: EndMaker = {
  name: 'framewire',
  async serve(certificate, onEnd) {
    const tls = certificate === undefined ? {} : { tls: certificate }
    const options = { framing, maxConnections: 12_000, backlog: 20_000, ...tls }
    const server = await listen('tcp://127.0.0.1:0', options, (connection) => onEnd(framewireEnd(connection)))
    return (server.addresses[0] as { port: number }).port
  },
  async connect(port, certificate) {
    const tls = certificate === undefined ? {} : { tls: { ca: certificate.cert, servername: 'localhost' } }
    // By default a receiver that takes nothing for 10 s ends the connection; here it is to be watched for longer.
    const sendStallTimeoutMs = Number.POSITIVE_INFINITY
    return framewireEnd(await connect(`tcp://127.0.0.1:${port}`, { framing, sendStallTimeoutMs, ...tls }))
  },
}
