// rsocket over TCP: request/response with the encoders for bytes.
import core from 'rsocket-core'
import client from 'rsocket-tcp-client'
import server from 'rsocket-tcp-server'
import { freePort } from '../free-port.js'
import { overBytes } from '../values.js'

const { BufferEncoders, RSocketClient, RSocketServer } = core
const RSocketTcpClient = client.default
const RSocketTcpServer = server.default

async function serve(work) {
  const { echo } = overBytes[work]
  const { Single } = await import('rsocket-flowable').then(({ default: flowable }) => flowable)
  const port = await freePort()
  const responder = { requestResponse: ({ data }) => Single.of({ data: echo(data) }) }
  const transport = new RSocketTcpServer({ host: '127.0.0.1', port }, BufferEncoders)
  const rsocket = new RSocketServer({ getRequestHandler: () => responder, transport })
  rsocket.start()
  return { port, close: async () => rsocket.stop() }
}

async function connect(port, work) {
  const { pack, unpack } = overBytes[work]
  const setup = {
    keepAlive: 60_000,
    lifetime: 180_000,
    dataMimeType: 'application/octet-stream',
    metadataMimeType: 'application/octet-stream',
  }
  const transport = new RSocketTcpClient({ host: '127.0.0.1', port }, BufferEncoders)
  const rsocket = await new RSocketClient({ setup, transport }).connect()
  const call = (value) =>
    new Promise((resolve, reject) => {
      const data = Buffer.from(pack(value))
      rsocket
        .requestResponse({ data })
        .subscribe({ onComplete: (reply) => resolve(unpack(reply.data)), onError: reject })
    })
  return { call, close: async () => rsocket.close() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'rsocket-tcp', serve, connect }
