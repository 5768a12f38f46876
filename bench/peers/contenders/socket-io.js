// socket.io over its WebSocket transport, with acknowledgements; it sends bytes and JSON by itself.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'

async function serve() {
  const http = createServer()
  const server = new Server(http, { transports: ['websocket'], maxHttpBufferSize: 64 * 1024 * 1024 })
  server.on('connection', (socket) => socket.on('echo', (value, reply) => reply(value)))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return { port: http.address().port, close: async () => server.close() }
}

async function connect(port) {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnection: false })
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  return { call: (value) => socket.emitWithAck('echo', value), close: async () => socket.disconnect() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'socket.io', serve, connect }
