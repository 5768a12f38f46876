// Bare sockets of Node as the other end: they send whatever a test wants, well-formed or not. All end with the test.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { within } from '@framewire/testkit'
import { onTestFinished } from 'vitest'

/** A socket that has an error listener, allows half-open connections and is gone when the test is over. */
function tame(socket: Socket): Socket {
  onTestFinished(() => void socket.destroy())
  return socket.on('error', () => {})
}

export async function rawConnect(target: object): Promise<Socket> {
  const socket = tame(connect({ ...target, allowHalfOpen: true, noDelay: true } as NetConnectOpts))
  await within('raw connect', once(socket, 'connect'))
  return socket
}

/** A server on a free port of 127.0.0.1 that gives every socket to `onSocket`. */
export async function rawServer(onSocket: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => onSocket(tame(socket)))
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await within('raw server', once(server, 'listening'))
  return { server, port: (server.address() as AddressInfo).port }
}

/** Both ends of a TCP connection. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const { server, port } = await rawServer(() => {})
  const accepted = once(server, 'connection')
  const socket = await rawConnect({ host: '127.0.0.1', port })
  const [other] = (await within('accepted', accepted)) as [Socket]
  return [socket, other]
}

/** Everything a socket receives until its peer ends. */
export async function readToEnd(socket: Socket): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
  await within('the end of the peer', once(socket, 'end'))
  return Buffer.concat(chunks)
}
