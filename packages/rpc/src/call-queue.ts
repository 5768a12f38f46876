// Calls that wait to be made, in order: for a free stream of the peer, or for a connection that takes no more. Bounded in
// number, and with the other messages that wait to be sent in bytes.

import type { Memory } from './message-buffer.ts'
import type { OutgoingCall } from './outgoing-call.ts'
import { RpcError } from './rpc-error.ts'

export class CallQueue implements Iterable<OutgoingCall> {
  readonly #maxQueued: number
  readonly #memory: Memory
  readonly #calls: OutgoingCall[] = []

  constructor(maxQueued: number, memory: Memory) {
    this.#maxQueued = maxQueued
    this.#memory = memory
  }

  get length(): number {
    return this.#calls.length
  }

  get first(): OutgoingCall | undefined {
    return this.#calls[0]
  }

  /** Throws RESOURCE_EXHAUSTED when it is full; `why` = what the calls wait for. */
  push(call: OutgoingCall, why: string): void {
    if (this.#calls.length >= this.#maxQueued) {
      const text = `${why} and ${this.#calls.length} wait, the limit is maxQueued ${this.#maxQueued}`
      throw new RpcError('RESOURCE_EXHAUSTED', text, { notProcessed: true })
    }
    this.#memory.take(call.message?.length ?? 0, true)
    // The bytes are the caller's again as soon as the call is made.
    if (call.message instanceof Uint8Array) call.message = new Uint8Array(call.message)
    this.#calls.push(call)
  }

  remove(call: OutgoingCall): void {
    const at = this.#calls.indexOf(call)
    if (at < 0) return
    this.#calls.splice(at, 1)
    this.#memory.take(-(call.message?.length ?? 0))
  }

  [Symbol.iterator](): Iterator<OutgoingCall> {
    return this.#calls.values()
  }
}
