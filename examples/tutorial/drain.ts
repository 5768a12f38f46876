// Writing 2,000 messages of 8 KiB to a server that takes its time: with `drain` as it should be, and with the `writeData`
// that stands in many tutorials.
//
// The naive version is `writeData` below: its test is upside down, and false means "accepted", not "not sent". Whatever
// went out well is written again on the next 'drain'; and what was refused is never waited for, so memory grows.
import { once } from 'node:events'
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { encode, frames, lengthField } from '@framewire/codec'
import { connect, type Endpoint, listen } from '@framewire/transport'

const COUNT = 2_000
const framing = lengthField({ maxFrameLength: 8 * 1024 })
const messages = Array.from({ length: COUNT }, (_, number) => Buffer.alloc(8 * 1024, `${number};`))

/** As it is copied from page to page. */
function writeData(socket: Socket, data: Uint8Array): void {
  const success = !socket.write(data)
  if (!success) socket.once('drain', () => writeData(socket, data))
}

/** What arrived at a reader that has other things to do first: how many messages, how many of them once more. */
async function count(received: AsyncIterable<Uint8Array>): Promise<string> {
  await delay(200)
  const numbers: number[] = []
  for await (const message of received) numbers.push(Number.parseInt(Buffer.from(message).toString(), 10))
  return `${numbers.length} arrived, ${numbers.length - new Set(numbers).size} of them once more`
}

async function naive(): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const socket = connectSocket((server.address() as AddressInfo).port, '127.0.0.1').setMaxListeners(0)
  const arrived = accepted.then(([peer]) => count(frames(peer as Socket, framing)))
  await once(socket, 'connect')
  for (const message of messages) writeData(socket, encode(framing, message))
  const waiting = socket.writableLength
  while (socket.writableNeedDrain) await once(socket, 'drain')
  const left = socket.listenerCount('drain')
  socket.end()
  console.log(`writeData: ${COUNT} written, ${await arrived}, ${left} listeners left, ${waiting} bytes in memory`)
  server.close()
}

async function right(): Promise<void> {
  let arrived = Promise.resolve('')
  const server = await listen('tcp://127.0.0.1:0', { framing }, (connection) => {
    arrived = count(connection)
  })
  const connection = await connect(server.addresses[0] as Endpoint, { framing })
  let peak = 0
  for (const message of messages) {
    const goesOn = connection.send(message)
    peak = Math.max(peak, connection.bufferedAmount)
    if (!goesOn) await connection.drained()
  }
  const left = connection.listenerCount('drain')
  await connection.close()
  console.log(`drained(): ${COUNT} sent, ${await arrived}, ${left} listeners left, ${peak} bytes in memory`)
  await server.close()
}

await naive()
await right()
