// Bare `net`: fixed bytes there and back, one write a call, no frame and no id. Bytes only.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { InOrder } from '../in-order.js'

async function serve(work) {
  if (work !== 'bytes') throw new Error('it sends bytes only')
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('data', (chunk) => socket.write(chunk))
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: server.address().port, close: async () => server.close() }
}

async function connectCaller(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const replies = new InOrder()
  let parts = []
  let gathered = 0
  let size = 0
  const cut = () => {
    let bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts)
    for (; bytes.length >= size; bytes = bytes.subarray(size)) replies.take(bytes.subarray(0, size))
    gathered = bytes.length
    parts = gathered === 0 ? [] : [bytes]
  }
  socket.on('data', (chunk) => {
    parts.push(chunk)
    gathered += chunk.length
    if (gathered >= size) cut()
  })
  socket.on('error', (error) => replies.fail(error))
  socket.on('close', () => replies.fail(new Error('the connection closed')))
  const call = (payload) => {
    size = payload.length
    const echo = replies.next()
    socket.write(payload)
    return echo
  }
  return { call, close: async () => socket.destroy() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'raw-pingpong', serve, connect: connectCaller }
