// One connection that talks to an echo: what it sends is booked, and what comes back must be exactly that.

import { HEADER_LENGTH, StreamLedger } from '@framewire/testkit'
import type { Connection } from '@framewire/transport'

const BEAT = 'beat'

export class Talker {
  readonly connection: Connection
  /** Heartbeats that came back. */
  beats = 0
  readonly #ledger: StreamLedger
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(
    number: number,
    connection: Connection,
    traffic: { bytes: number; everyMs: number | 'flood' } | undefined,
    violations: string[],
  ) {
    this.connection = connection
    this.#ledger = new StreamLedger(number, violations)
    connection.on('message', (message) => {
      // The echo of a heartbeat, which is no part of the books.
      if (message.length === BEAT.length && Buffer.from(message).toString() === BEAT) {
        this.beats++
        return
      }
      this.#ledger.receive(message)
    })
    // Not the event: a connection that has closed by now has told it already.
    void connection.closed.then(() => this.stop())
    // Whoever says nothing reads what the server says of itself.
    if (traffic === undefined) this.#ledger.accepted = Number.POSITIVE_INFINITY
    if (traffic === undefined) return
    const { everyMs } = traffic
    const bytes = Math.max(HEADER_LENGTH, traffic.bytes)
    if (everyMs === 'flood') this.#flood(bytes)
    else this.#timer = setInterval(() => this.#say(bytes), everyMs)
  }

  get sent(): number {
    return Number.isFinite(this.#ledger.accepted) ? this.#ledger.accepted : 0
  }

  get received(): number {
    return this.#ledger.received
  }

  stop(): void {
    this.#isOver = true
    clearInterval(this.#timer)
  }

  #say(bytes: number): boolean {
    if (this.connection.state !== 'open' || this.connection.writableNeedDrain) return false
    const goesOn = this.connection.send(this.#ledger.message(bytes))
    this.#ledger.accepted++
    return goesOn
  }

  #flood(bytes: number): void {
    const fill = (): void => {
      while (!this.#isOver && this.#say(bytes)) {
        // until the peer is behind
      }
    }
    this.connection.on('drain', fill)
    fill()
  }
}
