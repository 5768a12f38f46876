// An echo server for lines of text: what a client sends goes back to it, and the log says who sent what.
//
// The naive version prints each `data` event as if it were a message, writes without looking at the answer, dies of an
// 'error' that nobody listens for when a client resets, and gives up when the port is in use.
import { setTimeout as delay } from 'node:timers/promises'
import { lines } from '@framewire/codec'
import {
  type Connection,
  type Endpoint,
  formatAddress,
  listen,
  type Server,
  TransportError,
} from '@framewire/transport'

const [address = 'tcp://:8124'] = process.argv.slice(2)
const stop = new AbortController()
const { signal } = stop
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())

/** A last line without its newline is a line as well: files that are sent with nc may end so. */
const framing = lines({ unterminated: 'emit' })

async function echo(connection: Connection): Promise<void> {
  const who = nameOf(connection.remote)
  console.log(`${who} is here`)
  connection.on('close', ({ error }) => console.log(`${who} has left${error ? `: ${error.message}` : ''}`))
  for await (const line of connection) {
    console.log(`${who} says ${shown(line)}`)
    // False means: accepted, and enough for now. A client that does not read stops its own echo, nobody else's.
    if (!connection.send(line)) await connection.drained()
  }
}

async function listenWhenFree(): Promise<Server> {
  for (;;) {
    try {
      return await listen(address, { framing, signal }, echo)
    } catch (error) {
      // The option `retry` does the same, without a word.
      if (!(error instanceof TransportError && error.code === 'ADDRESS_IN_USE')) throw error
      console.log(`${error.message}, trying again in one second`)
      await delay(1_000, undefined, { signal })
    }
  }
}

/** A socket that serves IPv6 and IPv4 shows 127.0.0.1 as ::ffff:127.0.0.1. */
function nameOf(remote: Endpoint): string {
  const mapped = 'host' in remote ? /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(remote.host) : null
  return formatAddress(remote) + (mapped ? ` (IPv4 ${mapped[1]})` : '')
}

function shown(line: Uint8Array): string {
  const text = Buffer.from(line.subarray(0, 60)).toString()
  return JSON.stringify(text) + (line.length > 60 ? ` and ${line.length - 60} bytes more` : '')
}

try {
  const server = await listenWhenFree()
  signal.addEventListener('abort', () => server.close({ drainTimeoutMs: 1_000 }))
  console.log(`listening on ${server.addresses.map(formatAddress).join(', ')}`)
} catch (error) {
  if (!signal.aborted) {
    console.error(`cannot listen: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
