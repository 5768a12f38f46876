// The floor of streams: the messages framed by hand and written as fast as the socket takes them. No calls, no credit, no
// cancellation; a consumer that rests holds the socket.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Caller, type Contender, type EchoServer, STREAM_BASELINE, type Take } from './contender.ts'
import { FloorReader } from './floor-reader.ts'
import { FloorWriter } from './floor-writer.ts'
import { RING, ringOf } from './stream-loop.ts'

async function feed(socket: Socket, count: number, size: number): Promise<void> {
  const writer = new FloorWriter(socket)
  const ring = ringOf(size)
  for (let sent = 0; sent < count; sent++) {
    writer.add(0, ring[sent % RING] as Uint8Array, 0, size)
    if (socket.writableNeedDrain) await once(socket, 'drain')
  }
  writer.flush()
}

async function serveBare(): Promise<EchoServer> {
  const server = createServer({ noDelay: true }, (socket) => {
    const reader = new FloorReader((_, bytes, start, end) => {
      const [count, size] = new Uint32Array(Uint8Array.from(bytes.subarray(start, end)).buffer) as unknown as number[]
      feed(socket, count as number, size as number).catch(() => socket.destroy())
    })
    socket.on('data', (chunk) => reader.push(chunk))
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: async () => void server.close() }
}

/** Hands messages to the consumer, at its pace, and resolves after the last. */
class Delivery {
  readonly #socket: Socket
  readonly #take: Take
  readonly #waiting: Uint8Array[] = []
  #remaining: number
  #isResting = false
  readonly done: Promise<void>
  #settle: { resolve: () => void; reject: (error: unknown) => void } | undefined

  constructor(socket: Socket, count: number, take: Take) {
    this.#socket = socket
    this.#remaining = count
    this.#take = take
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  message(message: Uint8Array): void {
    if (this.#isResting) this.#waiting.push(message)
    else this.#deliver(message)
  }

  #deliver(message: Uint8Array): void {
    try {
      const rest = this.#take(message)
      if (--this.#remaining === 0) return this.#settle?.resolve()
      if (rest === undefined) return
      this.#isResting = true
      this.#socket.pause()
      rest.then(() => this.#goOn()).catch((error) => this.#settle?.reject(error))
    } catch (error) {
      this.#settle?.reject(error)
    }
  }

  #goOn(): void {
    this.#isResting = false
    let next = 0
    while (!this.#isResting && next < this.#waiting.length) this.#deliver(this.#waiting[next++] as Uint8Array)
    this.#waiting.splice(0, next)
    if (!this.#isResting) this.#socket.resume()
  }
}

async function connectBare(port: number): Promise<Caller> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const writer = new FloorWriter(socket)
  let delivery: Delivery | undefined
  const reader = new FloorReader((_, bytes, start, end) => delivery?.message(bytes.subarray(start, end)))
  socket.on('data', (chunk) => reader.push(chunk))
  return {
    call: () => Promise.reject(new Error('it makes no calls')),
    receive(count, size, take) {
      delivery = new Delivery(socket, count, take)
      const request = new Uint8Array(new Uint32Array([count, size]).buffer)
      writer.add(0, request, 0, request.length)
      writer.flush()
      return delivery.done
    },
    close: async () => void socket.destroy(),
  }
}

export const contender: Contender = { name: STREAM_BASELINE, serve: serveBare, connect: connectBare }
