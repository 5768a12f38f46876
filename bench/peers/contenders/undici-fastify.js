// HTTP/1.1: undici calls fastify over one connection, pipelined as deep as undici is asked to.
import { fastify } from 'fastify'
import { Client } from 'undici'
import { overBytes } from '../values.js'

const JSON_TYPE = 'application/json'
const BYTES_TYPE = 'application/octet-stream'
const PIPELINING = 64

async function serve() {
  const app = fastify({ bodyLimit: 64 * 1024 * 1024 })
  app.addContentTypeParser(BYTES_TYPE, { parseAs: 'buffer' }, (_, body, done) => done(null, body))
  app.post('/echo', async (request) => request.body)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { port: app.server.address().port, close: () => app.close() }
}

async function connect(port, work) {
  const { pack, unpack } = overBytes[work]
  const client = new Client(`http://127.0.0.1:${port}`, { pipelining: PIPELINING })
  const headers = { 'content-type': work === 'json' ? JSON_TYPE : BYTES_TYPE }
  const call = async (value) => {
    const request = { path: '/echo', method: 'POST', headers, body: pack(value), idempotent: true, blocking: false }
    const { body } = await client.request(request)
    return unpack(new Uint8Array(await body.arrayBuffer()))
  }
  return { call, close: () => client.destroy() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'undici-fastify', serve, connect }
