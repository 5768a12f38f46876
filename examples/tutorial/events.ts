// The life of three connections, event by event: one that ends well, one that falls silent, one that is reset.
//
// The naive version takes 'connect' for "the server is there", 'end' for "it is over", 'timeout' for "it was closed" and
// 'close' for "all went well", and misses that 'error' without a listener ends the process.
import { once } from 'node:events'
import { type AddressInfo, connect as connectSocket, createServer } from 'node:net'
import { text } from '@framewire/codec'
import { attach, type Connection, listen } from '@framewire/transport'

function say(event: string, meaning: string): void {
  console.log(`  ${event.padEnd(8)} ${meaning}`)
}

/** A connection over a socket that still connects: before 'connect' only the socket has something to tell. */
function open(port: number, options: { idleTimeoutMs?: number } = {}): Connection {
  const socket = connectSocket({ host: 'localhost', port, family: 4 })
  socket.once('lookup', (_, address) => say('lookup', `the name localhost is ${address}`))
  socket.once('connect', () => say('connect', 'the kernel of the server took the connection; its program may not have'))
  const connection = attach(socket, { sendHighWaterMark: 1024, ...options })
  connection.on('message', (message) =>
    say('message', `a whole message, ${message.length} bytes, in however many chunks`),
  )
  connection.on('drain', () => say('drain', 'send() had said false: now there is room again'))
  connection.on('end', () => say('end', 'the peer will say no more, and all it said was read; we may still speak'))
  connection.on('close', ({ initiator, error }) => {
    if (error?.code === 'IDLE_TIMEOUT') say('timeout', `${error.message}; it is closed, not only told`)
    say('close', `it is over and nothing follows: ${initiator} began, ${error ? error.code : 'no error'}`)
    const cause = error?.cause as NodeJS.ErrnoException | undefined
    if (cause) say('cause', `${cause.code}: ${cause.message}`)
  })
  return connection
}

const echo = await listen('tcp://127.0.0.1:0', {}, (connection) => {
  connection.on('message', (message) => connection.send(message))
})
const { port } = echo.addresses[0] as { port: number }

console.log('one that ends well:')
const first = open(port)
say('send', `${first.send(new Uint8Array(4096))}: accepted, but wait for drain; it goes out once connected`)
await once(first, 'message')
await first.close()

console.log('one that falls silent:')
await open(port, { idleTimeoutMs: 1_000 }).closed
await echo.close()

console.log('one that is reset:')
const rude = createServer((socket) => socket.once('data', () => socket.resetAndDestroy())).listen(0, '127.0.0.1')
await once(rude, 'listening')
const last = open((rude.address() as AddressInfo).port)
last.send(text.encode('hello'))
await last.closed
rude.close()
