// Any Duplex of Node as a ByteChannel, however far from a socket: one that hands out data from within `write`, keeps what it
// was given, never closes by itself, or was half used before. SocketChannel does the work that all of them share.
// Invariant: no callback of the owner runs within one of the owner's calls, and `onClose` comes once, whatever the stream does.

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ByteChannel } from './byte-channel.ts'
import type { Clock, Timer } from './clock.ts'
import { SocketChannel } from './socket-channel.ts'
import { TransportError } from './transport-error.ts'

/** A destroyed stream that has not said 'close' by then never will: `emitClose: false`, or a `_destroy` without answer. */
const CLOSE_GRACE_MS = 1_000

export class DuplexChannel implements ByteChannel {
  onData: (chunk: Uint8Array) => void = ignore
  onEnd: () => void = ignore
  onDrain: () => void = ignore
  onOpen: () => void = ignore
  onClose: (error?: Error) => void = ignore
  /** A socket that still connects. */
  readonly isConnecting: boolean
  readonly #stream: Duplex
  readonly #inner: SocketChannel
  readonly #clock: Clock
  #isPaused = false
  #isEndWaiting = false // the peer ended while paused: told on resume
  #hasEnded = false // the peer has, and the owner knows
  #isDestroyed = false
  #isClosed = false
  #error: Error | undefined
  #graceTimer: Timer | undefined

  /** Throws TypeError for a stream that does not carry bytes, or that somebody else reads. */
  constructor(stream: Duplex, clock: Clock) {
    checkCarriesBytes(stream)
    this.#stream = stream
    this.#clock = clock
    // Else Node would end our direction along with the peer's, and replies would be lost.
    stream.allowHalfOpen = true
    this.#inner = new SocketChannel(stream)
    this.#inner.onData = (chunk) => this.#received(chunk)
    this.#inner.onEnd = () => this.#ended()
    this.#inner.onDrain = () => {
      if (!this.#isDestroyed) this.onDrain()
    }
    this.#inner.onClose = (error) => this.#closed(error)
    this.isConnecting = stream instanceof Socket && stream.connecting
    if (this.isConnecting) stream.once('connect', () => this.onOpen())
    stream.on('error', (error) => this.#lose(error))
    stream.on('finish', () => this.#destroyIfOver())
    const isDead = stream.destroyed || stream.writableEnded
    if (isDead) process.nextTick(() => this.#lose(stream.errored ?? deadError()))
    else if (stream.readableEnded) process.nextTick(() => this.#ended())
    // Whoever had the stream before may have paused it.
    else stream.resume()
  }

  get bufferedLength(): number {
    return this.#inner.bufferedLength
  }

  get waitingLength(): number {
    return this.#inner.waitingLength
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const isOver = this.#isDestroyed || this.#stream.destroyed || this.#stream.writableEnded
    if (isOver) return this.#inner.refuse(chunks)
    if (this.#stream instanceof Socket) return this.#inner.write(chunks)
    // A copy: a stream may pass on the very buffers it was given, and its reader keep them, long after its callback.
    return this.#quietly(() => this.#inner.write([Buffer.concat(chunks)]))
  }

  end(): void {
    this.#quietly(() => {
      this.#inner.end()
      return true
    })
  }

  destroy(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    this.#inner.destroy()
    // `closed` is set also where 'close' is not emitted.
    this.#clock.setImmediate(() => {
      if (this.#stream.closed) this.#closed(undefined)
    })
    this.#graceTimer = this.#clock.setTimeout(() => this.#closed(undefined), CLOSE_GRACE_MS)
    this.#graceTimer.unref()
  }

  pause(): void {
    this.#isPaused = true
    this.#inner.pause()
  }

  resume(): void {
    if (this.#isPaused && this.#isEndWaiting) process.nextTick(() => this.#ended())
    this.#isPaused = false
    this.#inner.resume()
  }

  ref(): void {
    this.#inner.ref()
  }

  unref(): void {
    this.#inner.unref()
  }

  /** A Transform answers from within `write` and `end`: paused meanwhile, it keeps the answer until `resume` has returned. */
  #quietly(action: () => boolean): boolean {
    this.#stream.pause()
    try {
      return action()
    } catch (thrown) {
      // Node lets through what the code of a stream throws out of `_write`.
      this.#lose(thrown instanceof Error ? thrown : new Error(String(thrown)))
      return false
    } finally {
      if (!this.#isPaused) this.#stream.resume()
    }
  }

  #received(chunk: unknown): void {
    if (this.#isDestroyed) return
    if (chunk instanceof Uint8Array) this.onData(chunk)
    else this.#lose(new TypeError(`a stream of bytes gave a chunk of type ${typeof chunk}`))
  }

  #ended(): void {
    if (this.#isDestroyed || this.#hasEnded) return
    this.#isEndWaiting = this.#isPaused
    if (this.#isPaused) return
    this.#hasEnded = true
    this.onEnd()
    if (this.#stream.closed) this.#closed(undefined)
    else this.#destroyIfOver()
  }

  /** A stream with `autoDestroy: false` does not close by itself when both directions have ended. */
  #destroyIfOver(): void {
    if (this.#hasEnded && this.#stream.writableFinished) this.destroy()
  }

  #lose(error: Error): void {
    this.#error ??= error
    this.destroy()
  }

  #closed(error: Error | undefined): void {
    if (this.#isClosed) return
    // Both directions have ended, and the owner does not know it of one yet.
    if (this.#isEndWaiting && !this.#isDestroyed) return
    this.#isClosed = true
    this.#isDestroyed = true
    this.#clock.clearTimeout(this.#graceTimer)
    this.onClose(this.#error ?? error)
  }
}

function checkCarriesBytes(stream: Duplex): void {
  if (stream.readableObjectMode || stream.writableObjectMode) {
    throw new TypeError('a stream in object mode carries objects, not bytes')
  }
  if (typeof stream.readableEncoding === 'string') {
    throw new TypeError(`a stream with setEncoding('${stream.readableEncoding}') gives text, not bytes`)
  }
  if (stream.listenerCount('readable') > 0) {
    throw new TypeError("the stream is read by a 'readable' listener already")
  }
}

function deadError(): Error {
  return new TransportError('CONNECTION_CLOSED', 'the stream had ended or was destroyed before it was attached')
}

function ignore(): void {}
