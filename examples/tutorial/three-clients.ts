// Three clients at once at one server: what each said, its bytes, who is left when one leaves; and one that falls silent.
//
// The naive version asks getConnections() in 'end', when the connection is still one of them; forgets setEncoding(), and
// tears characters that two chunks share; and takes 'timeout' for an end, though that event closes nothing.
import { lines, text } from '@framewire/codec'
import { type Connection, connect, type Endpoint, listen } from '@framewire/transport'

const framing = lines()
/** How long a connection may be silent. */
const [idleTimeoutMs = 500] = process.argv.slice(2).map(Number)
/** How much each has to say. The last one never leaves by itself. */
const CLIENTS = {
  Frodo: ['hello', 'farewell'],
  Legolas: ['well met', 'the stars are veiled', 'farewell'],
  Gimli: ['…'],
}

async function serve(connection: Connection): Promise<void> {
  const first = await connection.next()
  const name = first ? text.decode(first) : 'somebody'
  connection.once('close', ({ error }) => {
    const { bytesReceived, bytesSent } = connection.stats()
    console.log(`${name} has left${error ? ` (${error.code}: ${error.message})` : ''}`)
    console.log(
      `  ${bytesReceived} bytes read, ${bytesSent} bytes written, ${server.connections.size} connections remain`,
    )
  })
  for await (const line of connection) {
    console.log(`${name} says: ${text.decode(line)}`)
    connection.send(text.encode(`${name}, I heard "${text.decode(line)}"`))
  }
}

async function visit(address: Endpoint, name: string, says: readonly string[]): Promise<void> {
  const connection = await connect(address, { framing })
  connection.send(text.encode(name))
  for (const line of says) {
    connection.send(text.encode(line))
    const answer = await connection.next()
    if (answer) console.log(`${name} gets: ${text.decode(answer)}`)
  }
  if (says.at(-1) === 'farewell') await connection.close()
  else console.log(`${name} falls silent, and is ended by its ${(await connection.closed).initiator}`)
}

const server = await listen('tcp://127.0.0.1:0', { framing, idleTimeoutMs }, serve)
server.on('close', ({ destroyed }) => console.log(`the server is closed, ${destroyed} connections cut off`))
const [address] = server.addresses as [Endpoint]
await Promise.all(Object.entries(CLIENTS).map(([name, says]) => visit(address, name, says)))
await server.close()
