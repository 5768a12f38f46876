// The floor of the transport benchmark: a u32 length and a u32 id in front of each payload, a slab, one write a tick, views
// on chunks; 'drain' of the socket, and no limit, timeout or typed error.

import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { FloorReader } from './floor-reader.ts'
import { FloorWriter } from './floor-writer.ts'
import type { End, EndMaker } from './transport-end.ts'

const HIGH_WATER_MARK = 256 * 1024

function floorEnd(socket: Socket): End {
  const writer = new FloorWriter(socket)
  let isScheduled = false
  let gathered = 0
  const flush = (): void => {
    isScheduled = false
    gathered = 0
    writer.flush()
  }
  socket.on('error', () => socket.destroy())
  return {
    send(payload) {
      writer.add(0, payload, 0, payload.length)
      gathered += payload.length
      if (!isScheduled) {
        isScheduled = true
        process.nextTick(flush)
      }
      return gathered + socket.writableLength < HIGH_WATER_MARK
    },
    async drained() {
      await null
      if (isScheduled) flush()
      if (socket.writableNeedDrain) await once(socket, 'drain')
      else await new Promise((resolve) => setImmediate(resolve))
    },
    onMessage(visit) {
      const reader = new FloorReader((_, bytes, start, end) => visit(bytes, start, end))
      socket.on('data', (chunk) => reader.push(chunk))
    },
    pause: () => void socket.pause(),
    async close() {
      socket.destroy()
      if (!socket.closed) await once(socket, 'close')
    },
  }
}

export const floor: EndMaker = {
  name: 'floor',
  async serve(certificate, onEnd) {
    const accept = (socket: Socket): void => {
      socket.setNoDelay(true)
      onEnd(floorEnd(socket))
    }
    const server = certificate === undefined ? createTcpServer(accept) : createTlsServer(certificate, accept)
    server.listen(0, '127.0.0.1', 20_000)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },
  async connect(port, certificate) {
    if (certificate === undefined) {
      const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true })
      await once(socket, 'connect')
      return floorEnd(socket)
    }
    const socket = connectTls({ port, host: '127.0.0.1', ca: certificate.cert, servername: 'localhost' })
    await once(socket, 'secureConnect')
    socket.setNoDelay(true)
    return floorEnd(socket)
  },
}
