// The server answers two seconds later, the client at once, for three turns; then both end, each with a last word that
// comes behind its own end of the conversation.
//
// The naive version answers each `data` event with a timer, so that two messages in one chunk get one answer; and it ends
// with destroy(), or with an end() that the other side answers by closing both ways: the last word is lost.
import { setTimeout as delay } from 'node:timers/promises'
import { text } from '@framewire/codec'
import { type Connection, connect, type Endpoint, listen } from '@framewire/transport'

const [delayMs = 2_000] = process.argv.slice(2).map(Number)
const TURNS = 3

async function serve(connection: Connection): Promise<void> {
  for await (const message of connection) {
    console.log(`server gets: ${text.decode(message)}`)
    if (!text.decode(message).startsWith('ping')) continue
    await delay(delayMs) // further messages wait meanwhile, and so does the client's end
    connection.send(text.encode(text.decode(message).replace('ping', 'pong')))
  }
  // The client has ended its direction; with allowHalfOpen ours is open until we close it.
  connection.send(text.encode('goodbye from the server'))
  await connection.close()
}

const server = await listen('tcp://127.0.0.1:0', { allowHalfOpen: true }, serve)
const client = await connect(server.addresses[0] as Endpoint)
for (let turn = 1; turn <= TURNS; turn++) {
  client.send(text.encode(`ping ${turn}`))
  const pong = await client.next()
  if (pong) console.log(`client gets: ${text.decode(pong)}`)
}
client.send(text.encode('goodbye from the client'))
const closed = client.close()
// Closing ends only what we say: what the server says is still received.
for await (const message of client) console.log(`client gets: ${text.decode(message)}`)
const { error, unsentBytes } = await closed
console.log(`over: ${error ? error.message : 'no error'}, ${unsentBytes} bytes unsent`)
await server.close()
