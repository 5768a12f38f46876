// The baseline "floor-promise": what hand-tuned JavaScript on `net` does when nothing is promised. Slab writes, one socket
// write a tick, one promise a call in a slot table, views instead of copies. No limits, deadlines, cancellation or
// backpressure, and no early flush: it never gets a guarantee, so that a ratio against it keeps its meaning.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type ListenOptions, type Socket } from 'node:net'
import {
  BASELINE,
  type Caller,
  type Contender,
  type EchoServer,
  type Terms,
  type Value,
  type Work,
} from './contender.ts'
import { FloorReader, type FrameVisitor } from './floor-reader.ts'
import { FloorWriter } from './floor-writer.ts'
import { handlerWork } from './handler-work.ts'

type Resolve = (echo: Uint8Array | Promise<never>) => void

class FloorCaller implements Caller {
  readonly #socket: Socket
  readonly #writer: FloorWriter
  readonly #pending: (Resolve | undefined)[] = []
  readonly #free: number[] = []
  #failure: Error | undefined
  #flushScheduled = false

  constructor(socket: Socket) {
    this.#socket = socket
    this.#writer = new FloorWriter(socket)
    const reader = new FloorReader((id, bytes, start, end) => {
      const resolve = this.#pending[id]
      if (resolve === undefined) return void socket.destroy(new Error(`echo for the unknown id ${id}`))
      this.#pending[id] = undefined
      this.#free.push(id)
      resolve(new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, end - start))
    })
    socket.on('data', (chunk) => reader.push(chunk))
    socket.on('error', (error) => this.#settleAll(error))
    socket.on('close', () => this.#settleAll(new Error('the floor connection closed')))
  }

  call(value: Value): Promise<Uint8Array> {
    const payload = value as Uint8Array
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const id = this.#free.length === 0 ? this.#pending.length : (this.#free.pop() as number)
    const echo = new Promise(takeResolve) as Promise<Uint8Array>
    this.#pending[id] = taken
    this.#writer.add(id, payload, 0, payload.length)
    if (!this.#flushScheduled) {
      this.#flushScheduled = true
      process.nextTick(this.#flush)
    }
    return echo
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return
    this.#socket.destroy()
    await once(this.#socket, 'close')
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false
    this.#writer.flush()
  }

  #settleAll(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    for (const resolve of this.#pending) resolve?.(Promise.reject(error))
    this.#pending.length = 0
  }
}

// One executor for all calls spares a closure a call; a rejection goes through `resolve` as a rejected promise.
let taken: Resolve | undefined
function takeResolve(resolve: (value: unknown) => void): void {
  taken = resolve as Resolve
}

function echoFrames(socket: Socket, work: Work, handle: (() => void) | undefined): void {
  const writer = new FloorWriter(socket)
  const echoBytes: FrameVisitor = (id, bytes, start, end) => {
    handle?.()
    writer.add(id, bytes, start, end)
  }
  const echoJson: FrameVisitor = (id, bytes, start, end) => {
    const reply = packJson(unpackJson(bytes.subarray(start, end)))
    writer.add(id, reply, 0, reply.length)
  }
  const reader = new FloorReader(work === 'bytes' ? echoBytes : echoJson)
  socket.on('data', (chunk) => {
    reader.push(chunk)
    writer.flush()
  })
  socket.on('error', () => socket.destroy())
}

async function serveFloor(work: Work, { sharedPort, hashedBytes = 0 }: Terms = {}): Promise<EchoServer> {
  const handle = handlerWork(hashedBytes)
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    echoFrames(socket, work, handle)
  })
  const shared = sharedPort !== undefined && { reusePort: true }
  server.listen({ port: sharedPort ?? 0, host: '127.0.0.1', ...shared } as ListenOptions)
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { port: (server.address() as AddressInfo).port, close }
}

async function connectFloor(port: number, work: Work): Promise<Caller> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const floor = new FloorCaller(socket)
  if (work === 'bytes') return floor
  const call = async (value: Value): Promise<unknown> => unpackJson(await floor.call(packJson(value)))
  return { call, close: () => floor.close() }
}

const packJson = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
const unpackJson = (bytes: Uint8Array): unknown =>
  JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString())

export const contender: Contender = { name: BASELINE, serve: serveFloor, connect: connectFloor }
