// vscode-jsonrpc: JSON-RPC with Content-Length headers, as language servers speak it, over a socket.
import { once } from 'node:events'
import { connect as connectSocket, createServer } from 'node:net'
import { createMessageConnection, SocketMessageReader, SocketMessageWriter } from 'vscode-jsonrpc/node'
import { overJson } from '../values.js'

function connectionOn(socket) {
  const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket))
  connection.onError(() => socket.destroy())
  return connection
}

async function serve(work) {
  const { echo } = overJson[work]
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = connectionOn(socket)
    connection.onRequest('echo', (value) => echo(value))
    connection.listen()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: server.address().port, close: async () => server.close() }
}

async function connect(port, work) {
  const { pack, unpack } = overJson[work]
  const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const connection = connectionOn(socket)
  connection.listen()
  const call = async (value) => unpack(await connection.sendRequest('echo', pack(value)))
  return { call, close: async () => socket.destroy() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'vscode-jsonrpc', serve, connect }
