// A server that greets, then gives back whatever comes, by `pipeline()`: on TCP, on a unix socket, or on both at once.
//
// The naive version is `socket.write('hello'); socket.pipe(socket)`: it passes on chunks, not messages, pipe() leaves the
// socket open and its error unheard when one side fails, and two kinds of address are two servers.
import { pipeline } from 'node:stream/promises'
import { lines, text } from '@framewire/codec'
import { type Connection, formatAddress, listen, type TransportError } from '@framewire/transport'

const given = process.argv.slice(2)
const addresses = given.length > 0 ? given : ['tcp://127.0.0.1:8125']

async function greet(connection: Connection): Promise<void> {
  connection.send(text.encode('hello'))
  const stream = connection.stream()
  // Backpressure, the end and errors go through: a client that ends gets what is owed, then our end.
  await pipeline(stream, stream).catch(() => {})
  const { error } = await connection.closed
  console.log(`client ${connection.id} has left${error ? `: ${error.message}` : ''}`)
}

try {
  // All of the addresses or none.
  const server = await listen(addresses, { framing: lines({ unterminated: 'emit' }) }, greet)
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => server.close({ drainTimeoutMs: 1_000 }))
  console.log(`listening on ${server.addresses.map(formatAddress).join(' and ')}`)
} catch (error) {
  console.error(`cannot listen: ${(error as TransportError).message}`)
  process.exitCode = 1
}
