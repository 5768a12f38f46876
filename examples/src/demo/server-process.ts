// The second process: a server for each part, on 127.0.0.1 at free ports and on unix sockets in a folder of its own. It
// tells its parent where, over the IPC channel, and lives exactly as long as that channel. It never calls process.exit
// on the good path: that it ends by itself, with code 0, is the proof that nothing was left open.
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Address, type Endpoint, listen } from '@framewire/transport'
import { countMessages, listenBare } from './borders-server.ts'
import { serveCalls } from './calls-server.ts'
import { receiveFiles } from './files-server.ts'

export interface Addresses {
  folder: string
  /** The socket files, all in `folder`. */
  sockets: string[]
  bare: Endpoint
  borders: Endpoint
  bordersOnUnix: Endpoint
  files: Endpoint
  calls: Endpoint
}

/** The one IPC message: where it listens, or why it cannot. */
export type StartReport = Addresses | { failure: string }

interface Listening {
  readonly addresses: readonly Endpoint[]
  close(): Promise<unknown>
}

const LOCAL: Address = { host: '127.0.0.1', port: 0 }
const STOP_TIMEOUT_MS = 2_000

const listening: Listening[] = []
let folder: string | undefined
const started = start()
// Ctrl-C reaches both processes of a terminal; the parent is the one to say when it is over.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
if (process.connected) process.once('disconnect', stop)
else void stop()

async function start(): Promise<void> {
  let report: StartReport
  try {
    folder = mkdtempSync(join(tmpdir(), 'framewire-demo-'))
    report = await openAll(folder)
  } catch (error) {
    report = { failure: (error as Error).message }
  }
  // To a parent that is gone nothing can be told; 'disconnect' says the rest.
  process.send?.(report, undefined, undefined, () => {})
}

async function openAll(folder: string): Promise<Addresses> {
  const bordersSocket = join(folder, 'borders.sock')
  const callsSocket = join(folder, 'calls.sock')
  return {
    folder,
    sockets: [bordersSocket, callsSocket],
    bare: await open(listenBare()),
    borders: await open(listen(LOCAL, {}, countMessages)),
    bordersOnUnix: await open(listen({ path: bordersSocket }, {}, countMessages)),
    files: await open(listen(LOCAL, {}, receiveFiles)),
    calls: await open(serveCalls({ path: callsSocket })),
  }
}

async function open(server: Promise<Listening>): Promise<Endpoint> {
  const open = await server
  listening.push(open)
  return open.addresses[0] as Endpoint
}

async function stop(): Promise<void> {
  setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref()
  await started
  await Promise.all(listening.map((server) => server.close()))
  // Not recursive: a socket that was not removed is a failure.
  if (folder !== undefined) rmdirSync(folder)
}
