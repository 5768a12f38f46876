// avsc: Avro RPC over one socket, messages of type bytes.
import { once } from 'node:events'
import { connect as connectSocket, createServer } from 'node:net'
import avro from 'avsc'
import { overBytes } from '../values.js'

const service = avro.Service.forProtocol({
  protocol: 'Echo',
  messages: { echo: { request: [{ name: 'payload', type: 'bytes' }], response: 'bytes' } },
})

async function serve(work) {
  const { echo } = overBytes[work]
  const avroServer = service.createServer({ silent: true }).onEcho((payload, done) => done(null, echo(payload)))
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    avroServer.createChannel(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: server.address().port, close: async () => server.close() }
}

async function connect(port, work) {
  const { pack, unpack } = overBytes[work]
  const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const client = service.createClient()
  await once(client.createChannel(socket), 'handshake')
  const call = (value) =>
    new Promise((resolve, reject) => {
      client.echo(Buffer.from(pack(value)), (error, echo) => (error ? reject(error) : resolve(unpack(echo))))
    })
  return { call, close: async () => socket.destroy() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'avsc', serve, connect }
