// What may not take for ever: a frame that began, bytes that nobody takes, a peer that says nothing. One timer a
// connection, none while nothing is watched, and it keeps no process alive. A deadline that has passed is looked at once
// more after what arrived was read: when a process was frozen, timers run before the answer that is already there.

import type { ByteChannel } from './byte-channel.ts'
import type { Clock, Timer } from './clock.ts'
import { TransportError, type TransportErrorCode } from './transport-error.ts'

/** Something to say to a silent peer, so that a dead one is found. */
export interface Heartbeat {
  /** Silence after which it is sent, in ms. @default 15000 */
  intervalMs?: number
  /** Silence after it was sent that ends the connection with HEARTBEAT_TIMEOUT, in ms. @default 10000 */
  timeoutMs?: number
  /** A message to send, to which the peer must answer something; or a function that sends what it likes. */
  message: Uint8Array | (() => void)
}

export interface WatchdogOptions {
  clock: Clock
  /** From the first byte of a frame to its last, and 1 s more for each whole 64 KiB of it. */
  frameTimeoutMs: number
  /** Without progress while bytes wait. */
  sendStallTimeoutMs: number
  /** Without a byte in or out. */
  idleTimeoutMs: number
  heartbeat: Required<Heartbeat> | undefined
}

/** What the watchdog looks at: the reading half of a connection. */
export interface Reading {
  /** Bytes of the frame that has begun and is not whole; 0 = none. */
  readonly partialLength: number
  /** The whole length of that frame as far as it is known. */
  readonly expectedLength: number
  /** Frames completed so far: tells one partial frame from the next. */
  readonly framesCompleted: number
}

/** Whom it tells. */
export interface WatchdogOwner {
  /** False = it could not be sent: nobody can be expected to answer. */
  sendHeartbeat(): boolean
  onExpired(error: TransportError): void
}

const NEVER = Number.POSITIVE_INFINITY
/** setTimeout waits no longer, and 1 ms where it is asked to: what is due later is looked at in between. */
const MOST_DELAY_MS = 0x7fff_ffff
const PER_PIECE_MS = 1_000
const PIECE_LENGTH = 64 * 1024
/** A stalled write is looked at so many times within its limit: progress is only seen by looking. */
const LOOKS = 8

export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #reading: Reading
  readonly #channel: ByteChannel
  readonly #owner: WatchdogOwner
  readonly #countsActivity: boolean
  #receivedAt: number
  #silentSince: number // as `receivedAt`, or when a heartbeat was due and could not be sent
  #sentAt: number
  #heartbeatAt = NEVER // when the heartbeat was sent that nothing has answered yet
  #frameSince = NEVER
  #frameNumber = 0
  #isHeldUp = false // nothing is read
  #heldUpAt = NEVER // when that began, where a time was running
  #stalledSince = NEVER
  #stallLookAt = NEVER
  #waitingLength = 0
  #timer: Timer | undefined
  #armedFor = NEVER
  #isStopped = false

  constructor(options: WatchdogOptions, reading: Reading, channel: ByteChannel, owner: WatchdogOwner) {
    this.#options = options
    this.#reading = reading
    this.#channel = channel
    this.#owner = owner
    this.#countsActivity = options.heartbeat !== undefined || options.idleTimeoutMs !== NEVER
    this.#receivedAt = this.#sentAt = this.#silentSince = this.#countsActivity ? options.clock.now() : 0
    if (this.#countsActivity) this.#arm()
  }

  /** Bytes have arrived. */
  onRead(): void {
    if (this.#countsActivity) {
      this.#receivedAt = this.#silentSince = this.#options.clock.now()
      const isAnswered = this.#heartbeatAt !== NEVER
      this.#heartbeatAt = NEVER
      // The next heartbeat may be due before this one would have been given up.
      if (isAnswered) this.#arm()
    }
    if (!this.#isHeldUp) this.#watchFrame()
  }

  /**
   * Nothing is read from now on, so nothing can be late; or reading goes on. Then all go on with the time they had left: who
   * pauses often does not give a peer its time anew.
   */
  onHeldUp(isHeldUp: boolean): void {
    this.#isHeldUp = isHeldUp
    const isTimed = this.#countsActivity || this.#frameSince !== NEVER
    if (isHeldUp) this.#heldUpAt = isTimed ? this.#options.clock.now() : NEVER
    else {
      if (this.#heldUpAt !== NEVER) this.#shift(this.#options.clock.now() - this.#heldUpAt)
      this.#watchFrame()
      this.#arm()
    }
  }

  #shift(ms: number): void {
    this.#receivedAt += ms
    this.#silentSince += ms
    this.#heartbeatAt += ms
    this.#frameSince += ms
  }

  #watchFrame(): void {
    const { partialLength, framesCompleted } = this.#reading
    if (partialLength === 0) this.#frameSince = NEVER
    else if (this.#frameSince === NEVER || this.#frameNumber !== framesCompleted) {
      this.#frameSince = this.#options.clock.now()
      this.#frameNumber = framesCompleted
      this.#arm()
    }
  }

  /** `hasHanded` = bytes were handed on; `isBlocked` = the kernel has not taken all of them. */
  onWritten(isBlocked: boolean, hasHanded: boolean): void {
    const hasLeft = hasHanded || this.#stalledSince !== NEVER
    if (this.#countsActivity && hasLeft) this.#sentAt = this.#options.clock.now()
    if (isBlocked) this.#onProgress(this.#options.clock.now())
    else this.#stalledSince = this.#stallLookAt = NEVER
  }

  /** The connection is over. */
  stop(): void {
    this.#isStopped = true
    this.#options.clock.clearTimeout(this.#timer)
  }

  #onProgress(now: number): void {
    this.#stalledSince = this.#sentAt = now
    this.#waitingLength = this.#waiting
    if (this.#stallLookAt !== NEVER) return
    this.#stallLookAt = now + this.#options.sendStallTimeoutMs / LOOKS
    this.#arm()
  }

  /** Wakes up for the earliest deadline. One that only moved on is found at the old one. */
  #arm(): void {
    const at = this.#nextLook()
    if (at >= this.#armedFor || this.#isStopped) return
    const { clock } = this.#options
    clock.clearTimeout(this.#timer)
    this.#armedFor = at
    const delayMs = Math.min(Math.max(1, Math.ceil(at - clock.now())), MOST_DELAY_MS)
    this.#timer = clock.setTimeout(() => this.#wake(), delayMs)
    this.#timer.unref()
  }

  #nextLook(): number {
    if (this.#isHeldUp) return this.#stallLookAt
    const { heartbeat } = this.#options
    const silent = heartbeat && this.#heartbeatAt === NEVER ? this.#silentSince + heartbeat.intervalMs : this.#answerBy
    return Math.min(this.#frameBy, this.#idleUntil, silent, this.#stallLookAt)
  }

  /** Changes whenever the kernel takes some of what waits. */
  get #waiting(): number {
    return this.#channel.waitingLength ?? this.#channel.bufferedLength
  }

  get #frameBy(): number {
    const pieces = Math.floor(this.#reading.expectedLength / PIECE_LENGTH)
    return this.#frameSince + this.#options.frameTimeoutMs + pieces * PER_PIECE_MS
  }

  get #answerBy(): number {
    return this.#heartbeatAt + (this.#options.heartbeat?.timeoutMs ?? NEVER)
  }

  get #idleUntil(): number {
    return Math.max(this.#receivedAt, this.#sentAt) + this.#options.idleTimeoutMs
  }

  #wake(): void {
    this.#armedFor = NEVER
    const now = this.#options.clock.now()
    this.#lookAtWrite(now)
    this.#lookAtSilence(now)
    if (this.#isStopped) return
    if (this.#expired(now) === undefined) return this.#arm()
    this.#options.clock.setImmediate(() => {
      if (this.#isStopped) return
      this.#lookAtWrite(now)
      const error = this.#expired(now)
      if (error === undefined) this.#arm()
      else this.#owner.onExpired(error)
    })
  }

  /** Progress of a write is only seen by looking. */
  #lookAtWrite(now: number): void {
    if (this.#stalledSince === NEVER) return
    if (now >= this.#stallLookAt) this.#stallLookAt = now + this.#options.sendStallTimeoutMs / LOOKS
    if (this.#waiting !== this.#waitingLength) this.#onProgress(now)
  }

  #lookAtSilence(now: number): void {
    const { heartbeat } = this.#options
    if (this.#isHeldUp || heartbeat === undefined || this.#heartbeatAt !== NEVER) return
    if (now < this.#silentSince + heartbeat.intervalMs) return
    if (this.#owner.sendHeartbeat()) this.#heartbeatAt = now
    else this.#silentSince = now
  }

  #expired(now: number): TransportError | undefined {
    const { sendStallTimeoutMs } = this.#options
    if (now >= this.#stalledSince + sendStallTimeoutMs) {
      return late('WRITE_TIMEOUT', `the peer took none of ${this.#waiting} waiting bytes`, sendStallTimeoutMs)
    }
    return this.#isHeldUp ? undefined : this.#late(now)
  }

  /** What the peer did not say in time. */
  #late(now: number): TransportError | undefined {
    const { frameTimeoutMs, idleTimeoutMs, heartbeat } = this.#options
    const { partialLength, expectedLength } = this.#reading
    if (now >= this.#frameBy) {
      const whole = expectedLength > 0 ? expectedLength : 'an unknown number of'
      return late('FRAME_TIMEOUT', `${partialLength} of ${whole} bytes of a frame arrived`, frameTimeoutMs)
    }
    if (now >= this.#answerBy) {
      return late('HEARTBEAT_TIMEOUT', 'nothing arrived after a heartbeat', heartbeat?.timeoutMs as number)
    }
    if (now >= this.#idleUntil) return late('IDLE_TIMEOUT', 'nothing was sent or received', idleTimeoutMs)
    return undefined
  }
}

function late(code: TransportErrorCode, what: string, limitMs: number): TransportError {
  return new TransportError(code, `${what} within ${limitMs} ms`)
}
