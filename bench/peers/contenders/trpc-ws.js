// tRPC over ws.
import { once } from 'node:events'
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client'
import { initTRPC } from '@trpc/server'
import { applyWSSHandler } from '@trpc/server/adapters/ws'
import { WebSocket, WebSocketServer } from 'ws'
import { overJson } from '../values.js'

async function serve(work) {
  const { echo } = overJson[work]
  const { router, procedure } = initTRPC.create()
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  const echoing = procedure.input((value) => value).mutation(({ input }) => echo(input))
  applyWSSHandler({ wss: server, router: router({ echo: echoing }), createContext: () => ({}) })
  await once(server, 'listening')
  return { port: server.address().port, close: async () => server.close() }
}

async function connect(port, work) {
  const { pack, unpack } = overJson[work]
  const socket = createWSClient({ url: `ws://127.0.0.1:${port}`, WebSocket })
  const client = createTRPCClient({ links: [wsLink({ client: socket })] })
  return { call: async (value) => unpack(await client.echo.mutate(pack(value))), close: async () => socket.close() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'trpc-ws', serve, connect }
