// What was accepted and is not yet with the kernel, in order. Small messages are encoded side by side into a slab, large
// ones go by reference; everything of a tick leaves in one write. Node's own queue has no bound, so this one is ours:
// it hands over only while the kernel takes, and goes on at drain.
// Invariants: a message is accepted whole or not at all, and no byte of it leaves twice; sent <= handed <= accepted.

import { type Framing, FramingError } from '@framewire/codec'
import type { ByteChannel } from './byte-channel.ts'
import { checkParts, join } from './message-parts.ts'
import type { SharedBudget } from './shared-budget.ts'
import { borrowSlab, returnSlab, SMALL_SLAB } from './slab.ts'
import { TransportError, toTransportError } from './transport-error.ts'

/** Payloads from here on are not copied: the copy costs more than the extra buffer in the write. */
const BY_REFERENCE = 4 * 1024
/** One write carries at most this many buffers, half of what writev takes at once. */
const MAX_BUFFERS = 512
/** And no more buffers once it holds this many bytes; what the kernel does not take must wait here, not in the socket. */
const MAX_WRITE = 256 * 1024

/**
 * What a tick gathers leaves early once it is a third of what ticks gather, within these bounds, and again at twice as
 * much each time: the other side begins while this one goes on, and no tick makes many writes. One small tick among large
 * ones does not count for much.
 */
const EARLY_SHARE = 3
const LEAST_EARLY = 2 * 1024
const MOST_EARLY = 64 * 1024

export interface SendQueueOptions {
  framing: Framing
  /** `send` answers false from here on. */
  highWaterMark: number
  /** Above this a message is refused with SEND_BUFFER_FULL. */
  maxSendBuffer: number
  /** Counts what waits here together with what waits elsewhere. */
  budget: SharedBudget | undefined
  /** Called whenever bytes may have left. */
  onProgress: () => void
}

export class SendQueue {
  readonly #channel: ByteChannel
  readonly #framing: Framing
  readonly #highWaterMark: number
  readonly #maxSendBuffer: number
  readonly #onProgress: () => void
  readonly #budget: SharedBudget | undefined
  readonly #flush: () => void
  #slab: Buffer | undefined
  #slabStart = 0 // slab[slabStart, slabEnd) is encoded and not yet among the chunks
  #slabEnd = 0
  #payloadAt = -1 // where the payload of the message that was begun stands; -1 = none was
  #maxPayload = 0 // the most bytes of it
  #fullSlabs: { slab: Buffer; end: number }[] = [] // end = `accepted` when it was full
  #chunks: Uint8Array[] = []
  #accepted = 0 // bytes since the connection stands
  #handed = 0 // of them given to the channel
  #sent = 0 // of them with the kernel for certain
  #counted = 0 // bytes that the shared budget knows of
  #messages = 0
  #isBlocked = false // the channel has not passed on all it took: wait for its drain
  #isScheduled = false
  #isUntold = false // bytes have left and who waits for progress has not heard of it
  #corks = 0
  #usual = 0 // bytes that a tick gathers
  #early = LEAST_EARLY // so many bytes do not wait for the end of the tick
  #earlyHanded = 0 // bytes of this tick that have left: no tick takes more for having them out of the way
  #tickStart = 0 // `accepted` when it began

  constructor(channel: ByteChannel, options: SendQueueOptions) {
    this.#channel = channel
    this.#framing = options.framing
    this.#highWaterMark = options.highWaterMark
    this.#maxSendBuffer = options.maxSendBuffer
    this.#onProgress = options.onProgress
    this.#budget = options.budget
    this.#flush = () => this.flush()
    channel.onDrain = () => this.#drained()
  }

  /** Bytes accepted, header included, and not yet with the kernel. */
  get bufferedAmount(): number {
    // A channel that is not blocked has passed on all it took.
    const queued = this.#accepted - this.#handed
    return this.#isBlocked ? queued + this.#channel.bufferedLength : queued
  }

  /** Bytes accepted so far. */
  get acceptedAmount(): number {
    return this.#accepted
  }

  /** Bytes handed to the channel so far. */
  get handedAmount(): number {
    return this.#handed
  }

  /** Bytes accepted that the channel never said were with the kernel: what may be lost when it breaks. */
  get unconfirmedAmount(): number {
    return this.#accepted - this.#sent
  }

  /** Messages accepted so far. */
  get messagesAccepted(): number {
    return this.#messages
  }

  /** Whether the kernel has not taken all it was given. */
  get isBlocked(): boolean {
    return this.#isBlocked
  }

  /** The slab that `begin` made room in. */
  get slab(): Buffer {
    return this.#slab as Buffer
  }

  /** Accepts a whole message or throws and accepts nothing. False = accepted, but wait before the next. */
  send(payload: Uint8Array): boolean {
    if (payload.length >= BY_REFERENCE) return this.sendParts([payload])
    const total = this.#admit(this.#encodedLength(payload.length))
    this.#encode(payload, this.#makeRoom(total), total)
    return this.#accept(total)
  }

  /** The same for a message in several parts. Small parts are copied, large ones are not. */
  sendParts(parts: readonly Uint8Array[]): boolean {
    checkParts(parts)
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const total = this.#admit(this.#encodedLength(length))
    const { encodeHeaderInto, encodeTrailerInto } = this.#framing
    if (encodeHeaderInto === undefined || encodeTrailerInto === undefined) {
      const payload = parts.length === 1 ? (parts[0] as Uint8Array) : join(parts, length)
      this.#encode(payload, this.#makeRoom(total), total)
      return this.#accept(total)
    }
    const referenced = parts.reduce((sum, part) => sum + (part.length < BY_REFERENCE ? 0 : part.length), 0)
    const at = this.#makeRoom(total - referenced)
    const [start, count] = [this.#slabStart, this.#chunks.length]
    try {
      this.#slabEnd = encodeHeaderInto.call(this.#framing, this.slab, at, length)
      for (const part of parts) {
        if (part.length < BY_REFERENCE) {
          this.slab.set(part, this.#slabEnd)
          this.#slabEnd += part.length
        } else {
          this.#seal()
          this.#chunks.push(part)
        }
      }
      this.#slabEnd = encodeTrailerInto.call(this.#framing, this.slab, this.#slabEnd, length)
    } catch (error) {
      // As if nothing had been written: half a frame must not leave in front of the next one.
      this.#slabStart = start
      this.#slabEnd = at
      this.#chunks.length = count
      throw refusal(error)
    }
    return this.#accept(total)
  }

  /**
   * Makes room for a payload of at most `maxLength` bytes and returns where in `slab` it begins. Write it, then `commit`
   * its end. A message sent between the two takes its place. Throws RangeError for what is no length.
   */
  begin(maxLength: number): number {
    if (!(Number.isSafeInteger(maxLength) && maxLength >= 0)) {
      throw new RangeError(`begin needs an integer of at least 0, got ${String(maxLength)}`)
    }
    const most = this.#encodedLength(maxLength)
    const payloadAt = this.#makeRoom(most) + most - maxLength
    this.#payloadAt = payloadAt
    this.#maxPayload = maxLength
    return payloadAt
  }

  /** Accepts the payload that stands in `slab` from `begin` to `end`. Throws and accepts nothing, as `send` does. */
  commit(end: number): boolean {
    const payloadAt = this.#payloadAt
    const start = this.#slabEnd
    if (payloadAt < 0) throw new TypeError('commit without begin, or with a message sent between the two')
    // Beyond what was begun the header could grow into the payload, or the trailer out of the slab.
    if (!(end >= payloadAt && end <= payloadAt + this.#maxPayload)) {
      const begun = `at ${payloadAt}, with at most ${this.#maxPayload} bytes`
      throw new RangeError(`commit(${end}) of a message that was begun ${begun}`)
    }
    this.#payloadAt = -1
    const frameEnd = this.#encodeInPlace(start, payloadAt, end)
    this.#admit(frameEnd - start)
    this.#slabEnd = frameEnd
    const goesOn = this.#accept(frameEnd - start)
    if (goesOn && this.#accepted - this.#handed >= this.#early) this.#handOverEarly()
    return goesOn
  }

  cork(): void {
    this.#corks++
  }

  uncork(): void {
    if (this.#corks > 0 && --this.#corks === 0) this.flush()
  }

  /** Sends whatever was held back: the connection is about to end. */
  uncorkAll(): void {
    this.#corks = 0
    this.flush()
  }

  /** Hands over as much as the channel takes now. */
  flush(): void {
    this.#isScheduled = false
    this.#usual = Math.max(this.#accepted - this.#tickStart, this.#usual / 2)
    this.#early = Math.min(Math.max(this.#usual / EARLY_SHARE, LEAST_EARLY), MOST_EARLY)
    this.#tickStart = this.#accepted
    this.#earlyHanded = 0
    if (!this.#isBlocked && this.#corks === 0) this.#handOver()
    else if (!this.#isUntold) return
    this.#isUntold = false
    this.#returnSlabs()
    this.#count()
    this.#onProgress()
  }

  /** In the middle of a tick. Who waits for progress is told at its end, never in here. */
  #handOverEarly(): void {
    if (this.#isBlocked || this.#corks > 0) return
    this.#early = Math.min(this.#early * 2, MOST_EARLY)
    this.#isUntold = true
    const waiting = this.bufferedAmount
    this.#handOver()
    this.#earlyHanded += waiting - this.bufferedAmount
  }

  #handOver(): void {
    this.#seal()
    while (this.#chunks.length > 0 && !this.#isBlocked) {
      const batch = this.#takeBatch()
      if (this.#channel.write(batch)) this.#sent = this.#handed
      else this.#isBlocked = true
    }
    // All of it is with the kernel: the same bytes of the slab again, which are still in the cache.
    if (this.#sent === this.#accepted) this.#slabStart = this.#slabEnd = 0
  }

  /** Drops what is queued: the connection is gone. */
  clear(): void {
    this.#chunks = []
    this.#fullSlabs = []
    this.#slab = undefined
    this.#handed = this.#accepted
    this.#slabStart = this.#slabEnd = 0
    this.#isBlocked = true
    this.#isUntold = false
    this.#budget?.change(-this.#counted)
    this.#counted = 0
  }

  #encodedLength(payloadLength: number): number {
    try {
      return this.#framing.encodedLength(payloadLength)
    } catch (error) {
      throw toTransportError(error, 'MESSAGE_TOO_LARGE')
    }
  }

  #encodeInto(target: Uint8Array, at: number, payload: Uint8Array): number {
    try {
      return this.#framing.encodeInto(target, at, payload)
    } catch (error) {
      throw refusal(error)
    }
  }

  /** The frame at `start` around the payload that stands behind it already; returns its end. */
  #encodeInPlace(start: number, payloadAt: number, end: number): number {
    const { slab } = this
    const length = end - payloadAt
    const { encodeHeaderInto, encodeTrailerInto } = this.#framing
    if (encodeHeaderInto === undefined || encodeTrailerInto === undefined) {
      return this.#encodeInto(slab, start, new Uint8Array(slab.subarray(payloadAt, end)))
    }
    try {
      const from = encodeHeaderInto.call(this.#framing, slab, start, length)
      // A shorter header than the longest payload would have had: close the gap.
      if (from < payloadAt) slab.copyWithin(from, payloadAt, end)
      return encodeTrailerInto.call(this.#framing, slab, from + length, length)
    } catch (error) {
      throw refusal(error)
    }
  }

  /** Another length than the one that was counted would leave bytes behind, or unwritten ones in between. */
  #encode(payload: Uint8Array, at: number, total: number): void {
    const end = this.#encodeInto(this.slab, at, payload)
    if (end !== at + total) {
      throw new TypeError(`framing.encodeInto wrote ${end - at} bytes where encodedLength said ${total}`)
    }
    this.#slabEnd = end
  }

  /** Refuses a message for which there is no room left. */
  #admit(total: number): number {
    const waiting = this.bufferedAmount
    if (waiting + total <= this.#maxSendBuffer) return total
    throw new TransportError(
      'SEND_BUFFER_FULL',
      `message of ${total} bytes on top of ${waiting} unsent bytes exceeds maxSendBuffer ${this.#maxSendBuffer}`,
    )
  }

  #accept(total: number): boolean {
    this.#accepted += total
    this.#messages++
    if (!this.#isScheduled) {
      this.#isScheduled = true
      process.nextTick(this.#flush)
    }
    this.#count()
    return this.bufferedAmount + this.#earlyHanded < this.#highWaterMark
  }

  #count(): void {
    if (this.#budget === undefined) return
    const waiting = this.bufferedAmount
    const change = waiting - this.#counted
    this.#counted = waiting
    if (change !== 0) this.#budget.change(change)
  }

  #makeRoom(length: number): number {
    this.#payloadAt = -1
    const slab = this.#slab
    if (slab !== undefined && slab.length - this.#slabEnd >= length) return this.#slabEnd
    if (slab !== undefined && slab.length > SMALL_SLAB && slab.length >= length && this.#isEmptied()) return 0
    this.#seal()
    if (slab !== undefined) this.#fullSlabs.push({ slab, end: this.#accepted })
    this.#slab = borrowSlab(length, Math.max(this.#usual, this.#accepted - this.#tickStart + length))
    this.#slabStart = this.#slabEnd = 0
    return 0
  }

  /** Empties a full slab into the channel, which mostly takes it at once: one write more is cheaper than a second slab. */
  #isEmptied(): boolean {
    this.#handOverEarly()
    if (this.#sent < this.#accepted) return false
    // Also where a cork kept it from being handed over: what left before the cork is all there is.
    this.#slabStart = this.#slabEnd = 0
    return true
  }

  /** Moves what the slab gathered to the chunks. */
  #seal(): void {
    if (this.#slab === undefined || this.#slabStart === this.#slabEnd) return
    this.#chunks.push(this.#slab.subarray(this.#slabStart, this.#slabEnd))
    this.#slabStart = this.#slabEnd
  }

  #takeBatch(): Uint8Array[] {
    let count = 0
    let length = 0
    while (count < this.#chunks.length && count < MAX_BUFFERS && length < MAX_WRITE) {
      length += (this.#chunks[count] as Uint8Array).length
      count++
    }
    this.#handed += length
    if (count < this.#chunks.length) return this.#chunks.splice(0, count)
    const batch = this.#chunks
    this.#chunks = []
    return batch
  }

  /** A slab is free again once all its bytes are with the kernel and no message is being built in it. */
  #returnSlabs(): void {
    for (let full = this.#fullSlabs[0]; full !== undefined && full.end <= this.#sent; full = this.#fullSlabs[0]) {
      returnSlab(full.slab)
      this.#fullSlabs.shift()
    }
    if (this.#slab === undefined || this.#sent < this.#accepted || this.#payloadAt >= 0) return
    returnSlab(this.#slab)
    this.#slab = undefined
    this.#slabStart = this.#slabEnd = 0
  }

  #drained(): void {
    if (!this.#isBlocked) return
    this.#isBlocked = false
    this.#sent = this.#handed
    this.#isUntold = true
    this.flush()
  }
}

/** What has no form in the framing is told as every other refusal of a message. */
function refusal(error: unknown): unknown {
  return error instanceof FramingError ? toTransportError(error, 'PROTOCOL_ERROR') : error
}
