// Ours: a unary echo of raw bytes over @framewire/rpc with every guarantee on: limits, deadlines, cancellation. Only
// maxStreams is raised from its default of 128, or the deepest cell would measure calls that wait on the client's side.
import { connect, contract, implement, raw, serve, unary } from '@framewire/rpc'
import { type Caller, type Contender, type EchoServer, OURS } from './contender.ts'

const echo = contract('echo', { call: unary<Uint8Array, Uint8Array>({ codec: raw }) })

const MAX_STREAMS = 1_024

async function serveFramewire(): Promise<EchoServer> {
  const services = [implement(echo, { call: (payload) => payload })]
  const server = await serve('tcp://127.0.0.1:0', { services, limits: { maxStreams: MAX_STREAMS } })
  const [address] = server.addresses
  if (address === undefined || !('port' in address)) throw new Error('the framewire server has no TCP address')
  return { port: address.port, close: () => server.close() }
}

async function connectFramewire(port: number): Promise<Caller> {
  const peer = await connect(`tcp://127.0.0.1:${port}`)
  const api = peer.client(echo)
  return { call: (payload) => api.call(payload), close: () => peer.close() }
}

export const contender: Contender = { name: OURS, serve: serveFramewire, connect: connectFramewire }
