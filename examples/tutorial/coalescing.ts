// 200 small messages are not 200 `data` events: TCP keeps the order of bytes, not the borders of writes. Nagle's algorithm
// holds a small write back until the one before was acknowledged; without it the receiver's kernel gathers all the same.
//
// The naive version takes each `data` event for a message. Turning Nagle off seems to repair that, on a quiet machine.
// Below the events change from line to line and from run to run; the messages never do.
import { connect as connectSocket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { lines, text } from '@framewire/codec'
import { attach, type Connection, listen } from '@framewire/transport'

const COUNT = 200
const framing = lines()

/** Answers every tenth message, as servers do; to one that answers, kernels acknowledge late, and Nagle waits for that. */
async function serve(connection: Connection): Promise<void> {
  let messages = 0
  for await (const _ of connection) {
    messages++
    if (messages % 10 > 0) continue
    connection.send(text.encode(`${connection.stats().chunksReceived} data events, ${messages} messages`))
  }
}

/** Sends the messages, and prints what the server said last. */
async function run(what: string, isNagleOn: boolean, between: () => unknown): Promise<void> {
  const socket = connectSocket(port, '127.0.0.1')
  const connection = attach(socket, { framing })
  let answer = ''
  connection.on('message', (message) => {
    answer = text.decode(message)
  })
  socket.setNoDelay(!isNagleOn) // Framewire turns Nagle off: it gathers by itself, without the delay
  for (let number = 0; number < COUNT; number++) {
    connection.send(text.encode(`message ${number}`))
    await between()
  }
  await connection.close()
  console.log(`${what}: ${answer}`)
}

const server = await listen('tcp://127.0.0.1:0', { framing }, serve)
const { port } = server.addresses[0] as { port: number }
await run('Nagle on,  one each millisecond', true, () => delay(1))
await run('Nagle off, one each millisecond', false, () => delay(1))
await run('Nagle off, all in one tick     ', false, () => {})
await server.close()
