// Who writes next. While the connection takes more, a message goes straight into its slab; what it does not take waits
// here, so that new calls and short answers need not wait behind a long message: each stream has one fragment a turn.
// Frames of the connection, CREDIT, CANCEL and END do not come by here: they go first. Invariant: a stream has one
// message at most in the ring, and the ring is empty unless the connection is blocked.

import type { Connection } from '@framewire/transport'
import type { FrameWriter, OpenHead } from './frame-writer.ts'
import { bytesOf, type Message } from './message.ts'
import { Memory } from './message-buffer.ts'
import { RpcError } from './rpc-error.ts'
import { HEADER_LENGTH, LAST, MORE } from './wire.ts'

/**
 * The longest fragment of a message that does not fit one frame. With its length it is what a socket is read by: fragments
 * that come one behind the other mostly lie whole in their chunks, and are not put together twice.
 */
const FAIR_FRAME = 64 * 1024 - 4
/** What a message in the ring costs besides its bytes, and more: of a peer that keeps to MAX_STREAMS there are few. */
const REST_OVERHEAD = 1024

interface Rest {
  readonly id: number
  /** Of the last fragment. */
  readonly flags: number
  readonly bytes: Uint8Array
  at: number
  stream?: Sending | undefined
}

/** Who is told that all of a long message is on its way. */
interface Sending {
  onSent(): void
}

/** A stream that waits until it may send. */
interface Waiting {
  onUnblocked(): void
}

export class Scheduler {
  readonly writer: FrameWriter
  /** Of messages that wait to be sent. */
  readonly memory: Memory
  readonly #ring = new Map<number, Rest>() // by stream; the first is next
  readonly #waiting = new Set<Waiting>()
  #startCall: () => boolean = () => false
  #onIdle: () => void = () => {}
  #isTurning = false

  constructor(connection: Connection, writer: FrameWriter, maxBuffered: number) {
    this.writer = writer
    this.memory = new Memory(maxBuffered)
    connection.on('drain', () => this.#onDrain())
  }

  /** `startCall` starts the call that waits longest, if one may start; `onIdle` is told when nothing waits any more. */
  connect(startCall: () => boolean, onIdle: () => void): void {
    this.#startCall = startCall
    this.#onIdle = onIdle
  }

  get isBlocked(): boolean {
    return this.writer.isBlocked
  }

  get isIdle(): boolean {
    return this.#ring.size === 0
  }

  /** Tells `stream` once the connection takes more. */
  wait(stream: Waiting): void {
    this.#waiting.add(stream)
  }

  /**
   * OPEN with its message, or with as much of it as fits. False = the rest waits, and `onSent` of the stream follows. Throws
   * RESOURCE_EXHAUSTED for what can not be sent, and what the connection throws.
   */
  open(id: number, flags: number, head: OpenHead, message: Message, stream?: Sending): boolean {
    const { writer } = this
    const fixed = writer.openLength(head.method, head.meta)
    const room = writer.roomFor(message, fixed)
    const first = Math.min(writer.maxFrame, FAIR_FRAME) - HEADER_LENGTH - fixed
    if (room >= 0 && first >= 0) {
      writer.open(id, flags, head, message, room)
      return true
    }
    if (first < 1) {
      const text = `method and metadata of ${fixed} bytes leave no room in a frame of ${writer.maxFrame} bytes`
      throw new RpcError('RESOURCE_EXHAUSTED', text, { notProcessed: true })
    }
    const bytes = bytesOf(message as string | Uint8Array)
    const cost = bytes.length + REST_OVERHEAD
    this.memory.take(cost, true)
    try {
      writer.open(id, (flags & ~LAST) | MORE, head, bytes.subarray(0, first), first)
    } catch (error) {
      this.memory.take(-cost)
      throw error
    }
    return this.#add({ id, flags: flags & LAST, bytes, at: first }, stream)
  }

  /** DATA with a message of a stream. False = some of it waits, and `onSent` of the stream follows. Throws RESOURCE_EXHAUSTED. */
  data(id: number, flags: number, message: Message, stream?: Sending): boolean {
    const { writer } = this
    const room = writer.roomFor(message, 0)
    if (room >= 0 && !writer.isBlocked) {
      writer.data(id, flags, message, room)
      return true
    }
    if (message === undefined) {
      // Six bytes: not worth a place in the ring. What is before it on this stream has left.
      writer.data(id, flags, undefined, 0)
      return true
    }
    const bytes = bytesOf(message)
    this.memory.take(bytes.length + REST_OVERHEAD)
    return this.#add({ id, flags, bytes, at: 0 }, stream)
  }

  /** Nothing more of this stream is sent. */
  drop(id: number): void {
    const rest = this.#ring.get(id)
    if (rest === undefined) return
    this.#ring.delete(id)
    this.memory.take(-rest.bytes.length - REST_OVERHEAD)
    if (this.isIdle) this.#onIdle()
  }

  /** The connection is gone. */
  clear(): void {
    this.#ring.clear()
    this.#waiting.clear()
  }

  #add(rest: Rest, stream: Sending | undefined): boolean {
    this.#ring.set(rest.id, rest)
    this.turn()
    if (!this.#ring.has(rest.id)) return true
    // From now on only: of what has left by now, the answer tells.
    rest.stream = stream
    return false
  }

  #onDrain(): void {
    this.writer.onDrain()
    this.turn()
  }

  /** One fragment of each stream and one new call in turn, as long as the connection takes them. */
  turn(): void {
    if (this.#isTurning) return
    this.#isTurning = true
    const wasIdle = this.isIdle
    while (!this.isBlocked) {
      const hasStarted = this.#startCall()
      const [rest] = this.#ring.values()
      if (rest !== undefined) this.#writeSome(rest)
      else if (!hasStarted) break
    }
    this.#isTurning = false
    if (!wasIdle && this.isIdle) this.#onIdle()
    if (this.isBlocked || this.#waiting.size === 0) return
    const woken = [...this.#waiting]
    this.#waiting.clear()
    for (const stream of woken) stream.onUnblocked()
  }

  #writeSome(rest: Rest): void {
    const most = Math.min(this.writer.maxFrame, FAIR_FRAME) - HEADER_LENGTH
    const end = Math.min(rest.bytes.length, rest.at + most)
    const isLast = end === rest.bytes.length
    const piece = rest.bytes.subarray(rest.at, end)
    rest.at = end
    this.#ring.delete(rest.id)
    this.writer.data(rest.id, isLast ? rest.flags : MORE, piece, piece.length)
    if (!isLast) this.#ring.set(rest.id, rest)
    else {
      this.memory.take(-rest.bytes.length - REST_OVERHEAD)
      rest.stream?.onSent()
    }
  }
}
