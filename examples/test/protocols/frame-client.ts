// A client for tests: asks for one frame after the other, and may change the framing in between, because the decoder pauses
// at every frame. What it sends and what it receives is cut into random pieces.

import type { Socket } from 'node:net'
import { FrameDecoder, type Framing } from '@framewire/codec'
import { RandomSource } from './random-source.ts'

/** Writes pieces of at most `most` bytes, each a write of its own, so that the peer sees borders where none are. */
export async function sendInPieces(socket: Socket, bytes: Uint8Array, most: number = bytes.length): Promise<void> {
  const random = new RandomSource()
  for (const piece of pieces(bytes, most, random)) {
    await new Promise<void>((resolve, reject) => {
      socket.write(piece, (error) => (error ? reject(error) : resolve()))
    })
  }
}

function* pieces(bytes: Uint8Array, most: number, random: RandomSource): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(most))
    yield bytes.subarray(at, end)
    at = end
  }
}

export class FrameClient {
  readonly #socket: Socket
  readonly #decoder: FrameDecoder
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #random = new RandomSource()
  #frame: Uint8Array | undefined

  constructor(socket: Socket, framing: Framing) {
    this.#socket = socket
    this.#decoder = new FrameDecoder(framing)
    this.#chunks = socket[Symbol.asyncIterator]()
    // `send` and `next` tell of it; without a listener a reset while nobody waits would end the process.
    socket.on('error', () => {})
  }

  /** For what comes after the frame that `next` returned last. */
  setFraming(framing: Framing): void {
    this.#decoder.setFraming(framing)
  }

  /** The next frame. Throws the decoder's error, or one that says that the server closed the connection. */
  async next(): Promise<Uint8Array> {
    this.#decoder.resume(this.#visit)
    while (this.#frame === undefined) {
      const { value, done } = await this.#chunks.next()
      if (done) {
        this.#decoder.end()
        throw new Error('the server closed the connection')
      }
      for (const piece of pieces(value, 1000, this.#random)) this.#decoder.push(piece, this.#visit)
    }
    const frame = this.#frame
    this.#frame = undefined
    return frame
  }

  send(bytes: Uint8Array, most?: number): Promise<void> {
    return sendInPieces(this.#socket, bytes, most)
  }

  close(): void {
    this.#socket.destroy()
  }

  readonly #visit = (bytes: Uint8Array, start: number, end: number): false => {
    this.#frame = new Uint8Array(bytes.subarray(start, end))
    return false
  }
}
