// ws: bare WebSocket messages, no id; replies come in order.
import { once } from 'node:events'
import { WebSocket, WebSocketServer } from 'ws'
import { InOrder } from '../in-order.js'
import { overBytes } from '../values.js'

async function serve(work) {
  const { echo } = overBytes[work]
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  server.on('connection', (socket) => socket.on('message', (message) => socket.send(echo(message))))
  await once(server, 'listening')
  return { port: server.address().port, close: async () => server.close() }
}

async function connect(port, work) {
  const { pack, unpack } = overBytes[work]
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
  await once(socket, 'open')
  const replies = new InOrder()
  socket.on('message', (message) => replies.take(unpack(message)))
  socket.on('close', () => replies.fail(new Error('the connection closed')))
  const call = (value) => {
    const echo = replies.next()
    socket.send(pack(value))
    return echo
  }
  return { call, close: async () => socket.terminate() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'ws', serve, connect }
