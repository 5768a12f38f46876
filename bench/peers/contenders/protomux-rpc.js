// protomux-rpc over a socket with 4-byte frames (framed-stream), without the encryption of Hyperswarm.
import { once } from 'node:events'
import { connect as connectSocket, createServer } from 'node:net'
import encodings from 'compact-encoding'
import FramedStream from 'framed-stream'
import ProtomuxRpc from 'protomux-rpc'
import { overBytes } from '../values.js'

const OPTIONS = { valueEncoding: encodings.raw }

function framed(socket) {
  const stream = new FramedStream(socket)
  stream.on('error', () => socket.destroy())
  return stream
}

async function serve(work) {
  const { echo } = overBytes[work]
  const server = createServer({ noDelay: true }, (socket) => {
    new ProtomuxRpc(framed(socket), OPTIONS).respond('echo', (bytes) => echo(bytes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: server.address().port, close: async () => server.close() }
}

async function connect(port, work) {
  const { pack, unpack } = overBytes[work]
  const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const rpc = new ProtomuxRpc(framed(socket), OPTIONS)
  await rpc.fullyOpened()
  return { call: async (value) => unpack(await rpc.request('echo', pack(value))), close: async () => socket.destroy() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'protomux-rpc', serve, connect }
