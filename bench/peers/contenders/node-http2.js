// node:http2 without a framework: one session, one request a call.
import { once } from 'node:events'
import { connect as connectSession, createServer } from 'node:http2'
import { overBytes } from '../values.js'

const SETTINGS = { maxConcurrentStreams: 2_048, initialWindowSize: 1024 * 1024 }

function whole(stream, take, fail) {
  const parts = []
  stream.on('data', (part) => parts.push(part))
  stream.on('end', () => take(parts.length === 1 ? parts[0] : Buffer.concat(parts)))
  stream.on('error', fail)
}

async function serve(work) {
  const { echo } = overBytes[work]
  const server = createServer({ settings: SETTINGS })
  server.on('stream', (stream) => {
    const answer = (body) => {
      stream.respond({ ':status': 200 })
      stream.end(echo(body))
    }
    whole(stream, answer, () => stream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: server.address().port, close: async () => server.close() }
}

async function connect(port, work) {
  const { pack, unpack } = overBytes[work]
  const session = connectSession(`http://127.0.0.1:${port}`, { settings: SETTINGS })
  await once(session, 'remoteSettings')
  const call = (value) =>
    new Promise((resolve, reject) => {
      const request = session.request({ ':method': 'POST', ':path': '/echo' })
      whole(request, (body) => resolve(unpack(body)), reject)
      request.end(pack(value))
    })
  return { call, close: async () => session.destroy() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'node-http2', serve, connect }
