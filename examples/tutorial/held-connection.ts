// A connection that is accepted and held: nothing of it is read until `resume`. Then its peer's end is handled as what
// it is, the end of one direction, and replies that are owed still go out.
//
// The naive version has `pauseOnConnect` and `allowHalfOpen` to get right by hand: with the defaults of `net`, the
// peer's end closes our side too, and the reply that is computed just then fails with EPIPE.
import { setTimeout as delay } from 'node:timers/promises'
import { lines } from '@framewire/codec'
import { type Connection, connect, type Endpoint, listen } from '@framewire/transport'

const framing = lines()

async function serve(connection: Connection): Promise<void> {
  connection.pause()
  await delay(200) // for whatever has to be there first: a worker, a database
  console.log(`held: ${connection.stats().messagesReceived} messages, ${connection.stats().bytesReceived} bytes read`)
  const replies: Promise<void>[] = []
  connection.on('message', (message) => replies.push(reply(connection, Buffer.from(message).toString())))
  connection.once('end', async () => {
    console.log(`the client has ended; ${replies.length} replies are owed`)
    await Promise.all(replies)
    await connection.close()
  })
  connection.resume()
}

async function reply(connection: Connection, question: string): Promise<void> {
  await delay(100) // the work
  connection.send(Buffer.from(`${question} is done`))
}

// With allowHalfOpen only 'end' comes when the peer has ended, and the connection is ours to close.
const server = await listen('tcp://127.0.0.1:0', { framing, allowHalfOpen: true }, serve)
const client = await connect(server.addresses[0] as Endpoint, { framing })
client.on('message', (message) => console.log(`the client gets: ${Buffer.from(message)}`))
for (const question of ['one', 'two', 'three']) client.send(Buffer.from(question))
// The client says that it has no more to say, and goes on listening until the server ends as well.
const { error } = await client.close()
console.log(`over, ${error ?? 'without an error'}`)
await server.close()
