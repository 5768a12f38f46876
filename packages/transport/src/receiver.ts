// The reading half of a connection: chunks through the decoder to whoever takes the messages - one sink, the listeners,
// or the iterators - at the pace at which they are taken. What nobody has taken yet waits in the reader's bounded queue.

import { FrameDecoder, type FrameVisitor } from '@framewire/codec'
import type { ByteChannel } from './byte-channel.ts'
import type { Clock } from './clock.ts'
import { MessageReader } from './message-reader.ts'
import type { CheckedOptions } from './options.ts'
import { type TransportError, toTransportError } from './transport-error.ts'
import { TurnBudget } from './turn-budget.ts'
import type { Reading } from './watchdog.ts'

/** What came in so far. */
export interface ReceiverStats {
  /** Pieces the byte stream arrived in: `data` events of the socket. */
  chunksReceived: number
  bytesReceived: number
  messagesReceived: number
}

/** What the receiver asks of its connection. */
export interface ReceiverOwner {
  hasListeners(): boolean
  emitMessage(message: Uint8Array): void
  /** Bytes were read. */
  onRead(): void
  /** From now on nothing is read, so nothing can be late; or reading goes on. */
  onHeldUp(isHeldUp: boolean): void
  /** The peer broke the framing: the connection must end. */
  onBroken(error: TransportError): void
  /** The application threw: so must it. */
  onThrown(thrown: unknown): void
  /** The peer has ended and its last message was taken. */
  onFinished(): void
}

/** One connection may hand out 1 MiB of messages a turn, or about 1,000 small ones; then the others get theirs. */
const MOST_A_TURN = 1024 * 1024
const LEAST_COST = 1_000

/** What a kept message may pin: neighbours in a chunk share a copied block of this size. To make one costs as much as 8 KiB. */
const BLOCK_LENGTH = 16 * 1024
const NO_BLOCK = new Uint8Array(0)

/** No zeros, which cost a third of putting a frame of 64 KiB together. No Buffer either: its `slice` is no copy. */
function allocate(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
}

export class Receiver implements Reading {
  readonly stats: ReceiverStats = { chunksReceived: 0, bytesReceived: 0, messagesReceived: 0 }
  readonly #channel: ByteChannel
  readonly #owner: ReceiverOwner
  readonly #clock: Clock
  readonly #budget: TurnBudget
  readonly #decoder: FrameDecoder
  readonly #reader: MessageReader
  #sink: FrameVisitor | undefined
  #block: Uint8Array = NO_BLOCK // a copy of chunk[blockStart...], shared by the small messages in it
  #blockStart = 0
  #chunk: Uint8Array | undefined // the chunk being decoded: a view on it stays good, on the decoder's buffer it does not
  #isStreamed = false
  #isPaused = false
  #isHeldUp = false // the channel is paused
  #isYielding = false // the budget of this turn is spent
  #isStopped = false
  #isClosing = false
  #isDiscarding = false // closing, nobody reads, the queue is full: this message and all that follow are dropped
  #isHanding = false // a callback of the application runs: what it asks for is done once it has returned
  #hasEnded = false
  #isFinished = false // the owner was told, or is about to be

  constructor(channel: ByteChannel, options: CheckedOptions, owner: ReceiverOwner) {
    this.#channel = channel
    this.#owner = owner
    this.#clock = options.clock
    this.#budget = new TurnBudget(options.clock, MOST_A_TURN, () => this.#onTurn())
    this.#decoder = new FrameDecoder(options.framing, { allocate })
    this.#reader = new MessageReader(options, {
      onTaken: () => this.#afterTaken(),
      onLeft: () => process.nextTick(() => this.goOn()),
    })
  }

  /** A chunk from the channel. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk
    this.#block = NO_BLOCK
    this.stats.chunksReceived++
    this.stats.bytesReceived += chunk.length
    try {
      if (!this.#decoder.push(chunk, this.#visit)) this.#holdUp()
      else if (this.#isHeldUp && !this.#mustWait) this.#letGo()
    } catch (error) {
      this.#break(toTransportError(error, 'PROTOCOL_ERROR'))
    }
    this.#chunk = undefined
    this.#block = NO_BLOCK
    if (!this.#isStopped) this.#owner.onRead()
  }

  /** Whether the peer has ended its direction. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Bytes of a frame that began and is not whole. */
  get partialLength(): number {
    return this.#mustWait ? 0 : this.#decoder.pendingLength
  }

  get expectedLength(): number {
    return this.#decoder.expectedLength
  }

  get framesCompleted(): number {
    return this.stats.messagesReceived
  }

  /** Messages that wait for a reader. */
  get queuedMessages(): number {
    return this.#reader.length
  }

  /** The channel has no more. */
  end(): void {
    this.#hasEnded = true
    // An end is a sign of life too: a heartbeat under way needs no other answer.
    if (!this.#isStopped) this.#owner.onRead()
    try {
      this.#decoder.end(this.#visit)
      if (!this.#mustWait) this.#letGo()
      this.#finishIfRead()
    } catch (error) {
      this.#break(toTransportError(error, 'FRAME_TRUNCATED'))
    }
  }

  pause(): void {
    this.#isPaused = true
    if (!this.#isDropping) this.#holdUp()
    else this.#read()
  }

  resume(): void {
    this.#isPaused = false
    this.goOn()
  }

  /** Every frame goes to `sink` from now on. */
  setSink(sink: FrameVisitor): void {
    this.#checkNotStreamed()
    this.#sink = sink
    this.goOn()
  }

  iterate(): AsyncIterableIterator<Uint8Array> {
    this.#checkNotStreamed()
    return this.#reader.iterate()
  }

  /** One message; undefined at the end. */
  next(signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    this.#checkNotStreamed()
    return this.#reader.next(signal)
  }

  /** For a stream, which takes every message from now on, and keeps the connection open until it calls `release`. */
  iterateAlone(): { messages: AsyncIterator<Uint8Array>; release: () => void } {
    this.#checkNotStreamed()
    const taker = this.#reader.hasReaders ? 'an iterator' : this.#sink ? 'a sink' : "a 'message' listener"
    if (this.#reader.hasReaders || this.#hasTaker) throw new TypeError(`the messages go to ${taker} already`)
    this.#isStreamed = true
    return { messages: this.#reader.iterate(), release: this.#reader.hold() }
  }

  /** A listener for messages is about to be added: it gets those that wait. */
  listenerComes(): void {
    this.#checkNotStreamed()
    process.nextTick(() => this.goOn())
  }

  #checkNotStreamed(): void {
    if (this.#isStreamed) throw new TypeError('the messages go to a stream() already')
  }

  /**
   * A view where the frame fills much of its chunk, else a copy: a kept message pins no more than 4x its size, or a block
   * that it shares with its neighbours in the chunk. One copy a block is much cheaper than one a message.
   */
  keep(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start
    if (bytes !== this.#chunk) return this.#decoder.keep(bytes, start, end)
    if (length * 4 >= bytes.length || bytes.length <= BLOCK_LENGTH) {
      return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length)
    }
    if (length > BLOCK_LENGTH) return new Uint8Array(bytes.subarray(start, end))
    if (start < this.#blockStart || end > this.#blockStart + this.#block.length) {
      this.#blockStart = start
      this.#block = new Uint8Array(bytes.subarray(start, start + BLOCK_LENGTH))
    }
    return new Uint8Array(this.#block.buffer, start - this.#blockStart, length)
  }

  /** A sink or a listener that came late gets what came before it, as long as it takes messages; then reading goes on. */
  goOn(): void {
    if (this.#isHanding) return
    const wasStopped = this.#isStopped
    while (this.#reader.length > 0 && this.#hasTaker && !this.#isPaused && this.#isStopped === wasStopped) {
      const message = this.#reader.take() as Uint8Array
      this.#chunk = message
      this.#block = NO_BLOCK
      this.#hand(message, 0, message.length)
    }
    this.#chunk = undefined
    if (this.#isPaused) this.#holdUp()
    this.#read()
  }

  /** The connection is closing: what nobody reads must not keep the peer's end from being seen. */
  beginClose(): void {
    this.#isClosing = true
    if (this.#isUnread) this.#read()
  }

  /** The connection is over. Iterators end, or throw its error, after the messages that wait. */
  stop(): void {
    this.#isStopped = true
  }

  settle(error: TransportError | undefined): void {
    this.#isStopped = true
    this.#reader.end(error)
  }

  // biome-ignore lint/suspicious/noConfusingVoidType: the shape of FrameVisitor
  readonly #visit = (bytes: Uint8Array, start: number, end: number): void | false => {
    this.stats.messagesReceived++
    if (!this.#budget.spend(Math.max(end - start, LEAST_COST))) this.#isYielding = true
    // What follows a dropped message is dropped too, also after `resume`: nothing is missing inside.
    this.#isDiscarding ||= this.#isDropping || (this.#reader.isFull && this.#isUnread)
    if (this.#reader.length === 0 && !this.#isDiscarding && this.#hasTaker) this.#hand(bytes, start, end)
    else if (!this.#isDiscarding) this.#reader.push(this.keep(bytes, start, end))
    if (this.#mustWait) return false
  }

  /** To the sink or the listeners. What they throw is the application's own mistake: it ends its connection only. */
  #hand(bytes: Uint8Array, start: number, end: number): void {
    this.#isHanding = true
    try {
      if (this.#sink === undefined) this.#owner.emitMessage(this.keep(bytes, start, end))
      else if (this.#sink(bytes, start, end) === false) this.#isPaused = true
    } catch (error) {
      this.#isStopped = true
      this.#owner.onThrown(error)
    }
    this.#isHanding = false
  }

  /** Whether somebody is called with each message, instead of taking it from the queue. */
  get #hasTaker(): boolean {
    return this.#sink !== undefined || (!this.#reader.hasReaders && this.#owner.hasListeners())
  }

  get #mustWait(): boolean {
    if (this.#isStopped || this.#isYielding) return true
    return !this.#isUnread && (this.#isPaused || this.#reader.isFull)
  }

  get #isUnread(): boolean {
    return this.#isDropping || (this.#isClosing && !this.#hasTaker && !this.#reader.hasReaders)
  }

  /** Closed while paused: what still comes is for nobody. */
  get #isDropping(): boolean {
    return this.#isClosing && this.#isPaused
  }

  /** Goes on reading, first with what the decoder has held back. */
  #read(): void {
    if (this.#isHanding || this.#mustWait) return
    try {
      if (!this.#decoder.resume(this.#visit)) return this.#holdUp()
      this.#letGo()
      if (this.#hasEnded) this.#finishIfRead()
    } catch (error) {
      this.#break(toTransportError(error, 'PROTOCOL_ERROR'))
    }
  }

  #holdUp(): void {
    // What follows a refusal is thrown away, and must be read for that.
    if (this.#isStopped) return
    this.#channel.pause()
    if (this.#isHeldUp) return
    this.#isHeldUp = true
    this.#owner.onHeldUp(true)
  }

  #letGo(): void {
    this.#channel.resume()
    if (!this.#isHeldUp) return
    this.#isHeldUp = false
    this.#owner.onHeldUp(false)
  }

  #onTurn(): void {
    this.#isYielding = false
    this.#read()
  }

  #afterTaken(): void {
    if (this.#reader.hasRoom) this.#read()
  }

  /** Once the last message is read the connection ends; a reader may answer that message first. */
  #finishIfRead(): void {
    if (this.#isFinished || this.#decoder.pendingLength > 0) return
    const isRead = this.#reader.length === 0 && !this.#reader.hasReaders
    this.#reader.end()
    if (!isRead) return
    this.#isFinished = true
    this.#clock.setImmediate(() => this.#owner.onFinished())
  }

  #break(error: TransportError): void {
    this.#isStopped = true
    this.#owner.onBroken(error)
  }
}
