// `node dist/record.js`: records the sessions of the fuzz corpus: what a client sends while it makes calls of each kind.
import { writeFileSync } from 'node:fs'
import { connect as connectSocket, createServer } from 'node:net'
import { connect, type Peer, RpcError, serve } from '@framewire/rpc'
import type { WorkClient } from './calls.ts'
import type { Session } from './fuzz.ts'
import { memoryJournal, work, workService } from './work.ts'

const TALKS: Readonly<Record<string, (api: WorkClient, peer: Peer) => Promise<unknown>>> = {
  echo: (api) => api.echo(1),
  'echoes at the same time': (api) => Promise.all([1, 2, 3, 4].map((id) => api.echo(id))),
  stream: async (api) => {
    for await (const _ of api.count(1)) {
      // all of it
    }
  },
  'stream left behind': async (api) => {
    for await (const _ of api.count(2)) break
  },
  oneway: (api) => api.note(1),
  deadline: (api) => api.hold(1, { timeoutMs: 20 }),
  cancelled: (api) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 10)
    return api.hold(2, { signal: controller.signal })
  },
  metadata: (api) => api.echo(1, { meta: { 'request-id': 'r1', tenant: 'x'.repeat(200) } }),
  'unknown method': (_, peer) => peer.call('work.nothing', { a: [1, { b: null }] }),
  'long message': (_, peer) => peer.call('work.echo', 'x'.repeat(3_000)),
  ping: (_, peer) => peer.ping(),
}

async function record(name: string, talk: (typeof TALKS)[string]): Promise<Session> {
  const server = await serve('tcp://127.0.0.1:0', { services: [workService(memoryJournal())] })
  const chunks: Uint8Array[] = []
  const tap = createServer({ allowHalfOpen: true }, (socket) => {
    const behind = connectSocket({ ...(server.addresses[0] as { host: string; port: number }), allowHalfOpen: true })
    socket.on('data', (chunk) => chunks.push(chunk)).pipe(behind)
    behind.pipe(socket)
  })
  await new Promise<void>((resolve) => tap.listen(0, '127.0.0.1', resolve))
  const { port } = tap.address() as { port: number }
  const peer = await connect(`tcp://127.0.0.1:${port}`, { reconnect: false, hello: { client: 'recorded' } })
  await talk(peer.client(work), peer).catch((error: unknown) => {
    if (!(error instanceof RpcError)) throw error
  })
  await peer.close()
  tap.close()
  await server.close()
  return { name, bytes: Buffer.concat(chunks).toString('hex') }
}

const sessions: Session[] = []
for (const [name, talk] of Object.entries(TALKS)) sessions.push(await record(name, talk))
writeFileSync(new URL('../corpus/sessions.json', import.meta.url), `${JSON.stringify(sessions, undefined, 2)}\n`)
