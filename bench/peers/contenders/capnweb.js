// capnweb over ws; it sends bytes and JSON by itself.
import { once } from 'node:events'
import { newWebSocketRpcSession, RpcTarget } from 'capnweb'
import { WebSocket, WebSocketServer } from 'ws'

// Node 20 has no WebSocket of its own.
globalThis.WebSocket ??= WebSocket

class Echo extends RpcTarget {
  echo(value) {
    return value
  }
}

async function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  server.on('connection', (socket) => newWebSocketRpcSession(socket, new Echo()))
  await once(server, 'listening')
  return { port: server.address().port, close: async () => server.close() }
}

async function connect(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
  await once(socket, 'open')
  const api = newWebSocketRpcSession(socket)
  return { call: async (value) => api.echo(value), close: async () => socket.terminate() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'capnweb', serve, connect }
