// @grpc/grpc-js: unary calls of a service whose messages are bytes as they are, without protobuf.
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js'
import { overBytes } from '../values.js'

const PATH = '/bench.Echo/Echo'
const same = (bytes) => bytes

async function serve(work) {
  const { echo } = overBytes[work]
  const server = new Server({ 'grpc.max_receive_message_length': -1 })
  const method = { path: PATH, requestStream: false, responseStream: false }
  const serializers = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
  server.addService({ echo: { ...method, ...serializers } }, { echo: ({ request }, done) => done(null, echo(request)) })
  const port = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  return { port, close: async () => server.forceShutdown() }
}

async function connect(port, work) {
  const { pack, unpack } = overBytes[work]
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  })
  await new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 5_000, (error) => (error ? reject(error) : resolve()))
  })
  const toWire = (value) => Buffer.from(pack(value))
  const call = (value) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(PATH, toWire, unpack, value, (error, echo) => (error ? reject(error) : resolve(echo)))
    })
  return { call, close: async () => client.close() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'grpc-js', serve, connect }
