// Whether the peer is still there. It is asked when it has been silent, and what comes from it, whatever it is, is an
// answer. A timer that is late (a stopped process, a busy loop) proves nothing: what has arrived is read first.

import { type Clock, type Connection, systemClock, type Timer } from '@framewire/transport'
import { RpcError } from './rpc-error.ts'

/** Quarters of the interval: silence is found at most one of them early. */
const CHECKS = 4
/** Silence is seen at a check, so up to a quarter after it began; timers may be a little early. */
const ASK_AFTER = 0.7
/** PINGs of the application within the peer's MIN_PING_INTERVAL; the peer counts to 10, and one is ours. */
const MAX_ASKED = 8

export interface KeepaliveOptions {
  intervalMs: number
  timeoutMs: number
  send: (opaque: Uint8Array) => void
  /** The peer has not answered. */
  onLost: (silentMs: number) => void
  /** Bytes that have left while others wait; undefined = none wait. Such a peer reads, the PING has not come to its turn. */
  leaving?: () => number | undefined
  clock?: Clock
}

interface Asked {
  at: number
  resolve: (roundTripMs: number) => void
  reject: (error: RpcError) => void
}

export class Keepalive {
  readonly #options: KeepaliveOptions
  readonly #clock: Clock
  #intervalMs: number
  #minIntervalMs: number
  #timer: Timer | undefined
  #silentSince = 0 // 0 = something came since the last look
  #askedAt = 0 // 0 = no PING waits for an answer
  #leftBefore: number | undefined
  #sequence = 0
  #asked: Asked[] = []
  #asks = 0 // since #asksFrom
  #asksFrom = Number.NEGATIVE_INFINITY
  #isStopped = false

  /** `minIntervalMs`: the peer takes no more PINGs than 10 in this time. */
  constructor(options: KeepaliveOptions, minIntervalMs: number) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#minIntervalMs = minIntervalMs
    this.#intervalMs = Math.max(options.intervalMs, minIntervalMs)
    this.#wait()
  }

  /** The peer's HELLO. */
  onHello(minIntervalMs: number): void {
    this.#minIntervalMs = minIntervalMs
    this.#intervalMs = Math.max(this.#options.intervalMs, minIntervalMs)
    this.#wait()
  }

  /** Something came: called for each frame. */
  onFrame(): void {
    this.#silentSince = 0
    this.#askedAt = 0
  }

  /** Asks the peer and tells how long the answer took. Questions at the same time share one. */
  ask(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) throw new RpcError('UNAVAILABLE', 'the connection is closed', { notProcessed: true })
      const now = this.#clock.now()
      const isWaiting = this.#asked.length > 0
      if (!isWaiting && now - this.#asksFrom >= this.#minIntervalMs) {
        this.#asksFrom = now
        this.#asks = 0
      }
      if (!isWaiting && ++this.#asks > MAX_ASKED) {
        const text = `more than ${MAX_ASKED} pings within ${this.#minIntervalMs} ms, the peer takes no more`
        throw new RpcError('RESOURCE_EXHAUSTED', text, { notProcessed: true })
      }
      this.#asked.push({ at: now, resolve, reject })
      if (!isWaiting) this.#send()
    })
  }

  onPong(): void {
    const now = this.#clock.now()
    for (const { at, resolve } of this.#asked.splice(0)) resolve(now - at)
  }

  stop(error: RpcError): void {
    this.#isStopped = true
    this.#clock.clearTimeout(this.#timer)
    for (const { reject } of this.#asked.splice(0)) reject(error)
  }

  #send(): void {
    const opaque = new Uint8Array(8)
    new DataView(opaque.buffer).setFloat64(0, ++this.#sequence)
    this.#options.send(opaque)
  }

  #wait(): void {
    this.#clock.clearTimeout(this.#timer)
    const { timeoutMs } = this.#options
    if (this.#isStopped || this.#intervalMs === Number.POSITIVE_INFINITY) return
    const left = this.#askedAt === 0 ? timeoutMs : Math.max(1, this.#askedAt + timeoutMs - this.#clock.now())
    const delay = Math.min(this.#intervalMs / CHECKS, left, 0x7fff_ffff)
    this.#timer = this.#clock.setTimeout(() => this.#look(), delay)
    // The socket keeps the process alive; looking after it must not.
    this.#timer.unref()
  }

  #look(): void {
    const now = this.#clock.now()
    const left = this.#options.leaving?.()
    if (this.#askedAt > 0 && now - this.#askedAt >= this.#options.timeoutMs) {
      if (left !== undefined && left !== this.#leftBefore) {
        this.#askedAt = now
        this.#leftBefore = left
        return this.#wait()
      }
      // What has arrived while this process stood still is read before the immediate runs.
      const askedAt = this.#askedAt
      this.#clock.setImmediate(() => {
        if (this.#askedAt === askedAt && !this.#isStopped) this.#options.onLost(now - this.#silentSince)
        else this.#wait()
      })
      return
    }
    if (this.#silentSince === 0) this.#silentSince = now
    else if (this.#askedAt === 0 && now - this.#silentSince >= this.#intervalMs * ASK_AFTER) {
      this.#askedAt = now
      this.#leftBefore = left
      this.#send()
    }
    this.#wait()
  }
}

/** Bytes that have left a connection while others wait. */
export function leavingOf(connection: Connection): number | undefined {
  const { bytesSent, bytesQueued } = connection.stats()
  return bytesQueued > 0 ? bytesSent : undefined
}
