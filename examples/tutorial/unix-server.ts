// The echo server on a unix socket, for processes of one machine and, as its file says, one user. The client is
// `line-client unix:PATH`, or `nc -U PATH`.
//
// The naive version fails with EADDRINUSE for ever after it was killed once, because its file is still there; or it
// unlinks the file before it listens, and takes the place of a server that is alive; and lets every user of the machine in.
import { lstatSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lines } from '@framewire/codec'
import { listen, TransportError } from '@framewire/transport'

const [path = join(tmpdir(), 'framewire-echo.sock')] = process.argv.slice(2)
const before = lstatSync(path, { throwIfNoEntry: false })

try {
  // What a dead server left is replaced, after a look whether it is dead; what is live, or no socket, stays.
  const options = { framing: lines({ unterminated: 'emit' as const }), socketMode: 0o600 }
  const server = await listen({ path }, options, async (connection) => {
    for await (const line of connection) {
      console.log(`client ${connection.id} says ${JSON.stringify(Buffer.from(line).toString())}`)
      if (!connection.send(line)) await connection.drained()
    }
    console.log(`client ${connection.id} has left`)
  })
  // The file goes with the server.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => server.close({ drainTimeoutMs: 1_000 }))
  if (before !== undefined) console.log('a stale socket was there, and is replaced')
  console.log(`listening on unix:${path}, permissions ${(lstatSync(path).mode & 0o777).toString(8)}`)
} catch (error) {
  const isLive = error instanceof TransportError && error.code === 'ADDRESS_IN_USE'
  console.error(`cannot listen: ${(error as Error).message}${isLive ? ', by a server that is alive; it stays' : ''}`)
  process.exitCode = 1
}
