// The other end of a connection, on a bare socket, played by the test: it says exactly what it is told to say and shows
// every frame it was sent.

import { once } from 'node:events'
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net'
import { within } from '@framewire/testkit'
import type { Endpoint } from '@framewire/transport'
import { data, type Frame, readFrames, readGoaway, TYPE } from './frames.ts'

export class Puppet {
  /** Every frame that came, in order. */
  readonly received: Frame[] = []
  /** Resolves with 'end' when the other side has ended in good order, with 'reset' when it was cut off. */
  readonly over: Promise<'end' | 'reset'>
  readonly #socket: Socket
  #rest: Buffer = Buffer.alloc(0)
  #next = 0
  #wake: () => void = () => {}
  #hasEnded = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      const { frames, rest } = readFrames(Buffer.concat([this.#rest, chunk]))
      this.received.push(...frames)
      this.#rest = rest
      this.#wake()
    })
    socket.on('error', () => {})
    this.over = new Promise((resolve) => {
      socket.once('end', () => resolve('end'))
      socket.once('close', () => resolve('reset'))
    })
    socket.once('close', () => {
      this.#hasEnded = true
      this.#wake()
    })
    socket.once('end', () => {
      this.#hasEnded = true
      this.#wake()
    })
  }

  static async connect(address: Endpoint): Promise<Puppet> {
    const socket = connectSocket({ ...address, allowHalfOpen: true, noDelay: true })
    await within('connect', once(socket, 'connect'))
    return new Puppet(socket)
  }

  write(...chunks: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(chunks))
  }

  /** Ends this side; the other direction stays open. */
  fin(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Takes nothing more from the socket, until `goOnReading`. */
  stopReading(): void {
    this.#socket.pause()
  }

  goOnReading(): void {
    this.#socket.resume()
  }

  /** The next frame of that type; frames of other types in between are passed over. */
  async next(type: number): Promise<Frame> {
    for (;;) {
      const frame = this.received[this.#next]
      if (frame !== undefined) {
        this.#next++
        if (frame.type === type) return frame
        continue
      }
      if (this.#hasEnded) throw new Error(`the connection ended without a frame of type ${type}`)
      await within(`frame of type ${type}`, new Promise<void>((resolve) => this.#waitFor(resolve)))
    }
  }

  /** The GOAWAY that comes next. */
  async goaway(): Promise<{ lastId: number; reason: number; text: string }> {
    return readGoaway(await this.next(TYPE.goaway))
  }

  /** Answers the call that comes next. */
  async answer(message: string): Promise<void> {
    const { id } = await this.next(TYPE.open)
    this.write(data(id, message))
  }

  #waitFor(resolve: () => void): void {
    this.#wake = resolve
  }
}

/** Listens with puppets: `next()` is the puppet at the other end of the connection that comes next. */
export class PuppetServer {
  readonly #server: Server
  readonly #puppets: Puppet[] = []
  #wake: () => void = () => {}

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#puppets.push(new Puppet(socket))
      this.#wake()
    })
  }

  static async listen(): Promise<PuppetServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    server.listen(0, '127.0.0.1')
    await within('listen', once(server, 'listening'))
    return new PuppetServer(server)
  }

  get address(): { host: string; port: number } {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the puppet does not listen')
    return { host: '127.0.0.1', port: address.port }
  }

  async next(): Promise<Puppet> {
    for (;;) {
      const puppet = this.#puppets.shift()
      if (puppet !== undefined) return puppet
      await within('a connection', new Promise<void>((resolve) => this.#waitFor(resolve)))
    }
  }

  /** Listens no more. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #waitFor(resolve: () => void): void {
    this.#wake = resolve
  }
}
