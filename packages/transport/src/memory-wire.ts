// One direction of a connection in memory: bytes held by the sender, in flight, and arrived but not read. It may cut them
// at any byte, delay them, hold them back and lose all that follows a byte; it never reorders, doubles or changes them.
// Its callbacks are called from events of its clock, `onSent` and `onBroken` also from within `push`.

import type { Clock } from './clock.ts'
import type { Random } from './random.ts'

export interface WireConditions {
  /** The most bytes that are in flight or wait to be read; what does not fit is held by the sender. */
  capacity: number
  latencyMs: number
  /** Up to so much more, drawn for every segment; the order stays. */
  jitterMs: number
  bytesPerMs: number
  /** Chance that a read or a write takes a part only. */
  cut: number
  /** Chance that a drain comes late. */
  lateDrain: number
  lateDrainMs: number
}

type Segment = Uint8Array | 'end' | 'reset'

export class MemoryWire {
  /** Something can be read. */
  onArrived: () => void = ignore
  /** Nothing is held any more. */
  onSent: () => void = ignore
  /** A reset has arrived: what was not read is gone. */
  onReset: () => void = ignore
  /** Bytes came to a receiver that is gone. */
  onUnwanted: () => void = ignore
  /** The byte has passed behind which this wire was to break. */
  onBroken: () => void = ignore
  /** Breaks behind so many bytes. */
  breakAfter: number = Number.POSITIVE_INFINITY
  /** Whether its receiver is gone. */
  isUnread = false
  readonly #conditions: WireConditions
  readonly #clock: Clock
  readonly #random: Random
  #held: Uint8Array[] = [] // taken by reference
  #heldLength = 0
  #flying: Segment[] = []
  #flyingLength = 0
  #arrived: Uint8Array[] = []
  #arrivedLength = 0
  #passed = 0
  #busyUntil = 0
  #arrivesAt = 0
  #missed = 0 // segments whose time came while the wire was a black hole
  #isBlackHole = false
  #isSwallowing = false
  #isPumping = false
  #isReset = false
  #end: 'open' | 'asked' | 'sent' | 'arrived' = 'open'

  constructor(clock: Clock, random: Random, conditions: WireConditions) {
    this.#clock = clock
    this.#random = random
    this.#conditions = conditions
  }

  /** Bytes taken and still with the sender. */
  get heldLength(): number {
    return this.#heldLength
  }

  /** Bytes that wait to be read. */
  get arrivedLength(): number {
    return this.#arrivedLength
  }

  get hasSentEnd(): boolean {
    return this.#end === 'sent' || this.#end === 'arrived'
  }

  /** Whether the end has arrived, and everything before it was read. */
  get isAtEnd(): boolean {
    return this.#end === 'arrived' && this.#arrivedLength === 0
  }

  push(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.#held.push(chunk)
      this.#heldLength += chunk.length
    }
    this.#pump()
  }

  /** The end, behind what is held. */
  end(): void {
    if (this.#end !== 'open') return
    this.#end = 'asked'
    this.#pump()
  }

  /** The sender is gone, and what it held with it. */
  abandon(): void {
    this.#held = []
    this.#heldLength = 0
  }

  /** Tells the receiver, behind what is in flight, that this connection is gone. */
  reset(): void {
    if (this.#isReset) return
    this.#isReset = true
    this.#end = 'sent'
    this.#send('reset', 0)
  }

  /** The receiver sees an end here; what the sender still sends is lost. */
  cutOff(): void {
    if (!this.hasSentEnd) this.#send('end', 0)
    this.#end = 'sent'
    this.#isSwallowing = true
    this.#pump()
  }

  /** Nothing arrives any more, until `restore`. */
  blackHole(): void {
    this.#isBlackHole = true
  }

  restore(): void {
    this.#isBlackHole = false
    for (; this.#missed > 0; this.#missed--) this.#clock.setImmediate(() => this.#arrive())
  }

  /** A chunk of what has arrived, in memory of its own. */
  read(): Uint8Array {
    const count = this.#part(this.#arrivedLength)
    const chunk = new Uint8Array(count)
    move(this.#arrived, chunk)
    this.#arrivedLength -= count
    this.#pumpLater()
    return chunk
  }

  /** How late the next drain is. */
  drainDelayMs(): number {
    const { lateDrain, lateDrainMs } = this.#conditions
    return this.#random.chance(lateDrain) ? this.#random.next() * lateDrainMs : 0
  }

  #part(most: number): number {
    return this.#random.chance(this.#conditions.cut) ? this.#random.magnitude(most) : most
  }

  #pump(): void {
    if (this.#isSwallowing) this.abandon()
    const room = this.#conditions.capacity - this.#flyingLength - this.#arrivedLength
    const wasHolding = this.#heldLength > 0
    if (wasHolding && room > 0 && this.breakAfter > this.#passed) {
      const count = Math.min(this.#part(Math.min(room, this.#heldLength)), this.breakAfter - this.#passed)
      const bytes = new Uint8Array(count)
      move(this.#held, bytes)
      this.#heldLength -= count
      this.#passed += count
      this.#send(bytes, count)
      if (this.#heldLength > 0 && count < room) this.#pumpLater()
    }
    if (this.#passed >= this.breakAfter) this.#break()
    if (this.#heldLength > 0) return
    if (this.#held.length > 0) this.#held = []
    if (this.#end === 'asked') {
      this.#end = 'sent'
      this.#send('end', 0)
    }
    this.onSent()
  }

  #break(): void {
    this.breakAfter = Number.POSITIVE_INFINITY
    this.onBroken()
    if (this.#heldLength > 0) this.#pumpLater()
  }

  #pumpLater(): void {
    if (this.#isPumping || (this.#heldLength === 0 && this.#end !== 'asked')) return
    this.#isPumping = true
    this.#clock.setImmediate(() => {
      this.#isPumping = false
      this.#pump()
    })
  }

  #send(segment: Segment, length: number): void {
    const { latencyMs, jitterMs, bytesPerMs } = this.#conditions
    const now = this.#clock.now()
    this.#busyUntil = Math.max(now, this.#busyUntil) + length / bytesPerMs
    this.#arrivesAt = Math.max(this.#arrivesAt, this.#busyUntil + latencyMs + jitterMs * this.#random.next())
    this.#flying.push(segment)
    this.#flyingLength += length
    const delayMs = this.#arrivesAt - now
    if (delayMs <= 0) this.#clock.setImmediate(() => this.#arrive())
    else this.#clock.setTimeout(() => this.#arrive(), delayMs)
  }

  /** The oldest segment, whichever it was that this event was asked for: times may be rounded, the order may not. */
  #arrive(): void {
    if (this.#isBlackHole) {
      this.#missed++
      return
    }
    const segment = this.#flying.shift() as Segment
    if (segment === 'reset') {
      this.#arrived = []
      this.#arrivedLength = 0
      return this.onReset()
    }
    if (segment === 'end') this.#end = 'arrived'
    else {
      this.#flyingLength -= segment.length
      if (this.isUnread) return this.onUnwanted()
      this.#arrived.push(segment)
      this.#arrivedLength += segment.length
    }
    this.onArrived()
  }
}

/** Moves as many bytes as `target` holds from the front of `chunks` into it. */
function move(chunks: Uint8Array[], target: Uint8Array): void {
  let used = 0
  for (let at = 0; at < target.length; ) {
    const chunk = chunks[used] as Uint8Array
    const part = chunk.subarray(0, target.length - at)
    target.set(part, at)
    at += part.length
    if (part.length < chunk.length) chunks[used] = chunk.subarray(part.length)
    else used++
  }
  chunks.splice(0, used)
}

function ignore(): void {}
