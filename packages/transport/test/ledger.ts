// The books of a simulated run: what was accepted, what was received, and every action that must have one outcome. Each
// message carries its stream, its number, its length and a checksum, so nothing can be lost inside, doubled, reordered or
// changed without being noticed.

import { crc32 } from 'node:zlib'
import { TransportError } from '../src/transport-error.ts'
import { randomNumbers } from './messages.ts'

export const HEADER_LENGTH = 16

const NOISE = Uint8Array.from({ length: 128 * 1024 }, randomNumberByte(1))

function randomNumberByte(seed: number): () => number {
  const random = randomNumbers(seed)
  return () => Math.floor(random() * 256)
}

/** One direction of one connection. */
export class StreamLedger {
  readonly name: string
  readonly violations: string[]
  accepted = 0
  received = 0
  readonly #id: number

  constructor(name: string, id: number, violations: string[]) {
    this.name = name
    this.#id = id
    this.violations = violations
  }

  /** The next message to send, of that many bytes. It counts once `accepted` is raised. */
  message(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, this.#id)
    view.setUint32(4, this.accepted)
    view.setUint32(8, length)
    const from = (this.accepted * 97) % 4096
    bytes.set(NOISE.subarray(from, from + length - HEADER_LENGTH), HEADER_LENGTH)
    view.setUint32(12, crc32(bytes))
    return bytes
  }

  /** Notes a message that arrived. */
  receive(message: Uint8Array): void {
    const number = this.received++
    const view = new DataView(message.buffer, message.byteOffset, message.length)
    if (message.length < HEADER_LENGTH) return this.#violate(`message ${number} has ${message.length} bytes`)
    const [id, sequence, length, sum] = [0, 4, 8, 12].map((at) => view.getUint32(at))
    const copy = new Uint8Array(message)
    copy.fill(0, 12, HEADER_LENGTH)
    if (id !== this.#id) this.#violate(`message ${number} belongs to stream ${id}`)
    else if (sequence !== number) this.#violate(`message ${sequence} arrived where ${number} was due`)
    else if (length !== message.length) this.#violate(`message ${number} of ${length} bytes has ${message.length}`)
    else if (crc32(copy) !== sum) this.#violate(`message ${number} has changed`)
    if (this.received > this.accepted) this.#violate(`${this.received} received of ${this.accepted} accepted`)
  }

  /** What was accepted must be received: nothing has broken the connection. */
  checkComplete(): void {
    if (this.received !== this.accepted) this.#violate(`${this.received} of ${this.accepted} messages arrived`)
  }

  #violate(what: string): void {
    this.violations.push(`I1 ${this.name}: ${what}`)
  }
}

/** Actions that were begun and must end, once, and with nothing but a TransportError. */
export class Outcomes {
  readonly #violations: string[]
  readonly #open = new Map<number, string>()
  #next = 0

  constructor(violations: string[]) {
    this.#violations = violations
  }

  /** Waits for the end of an action; what it fails with is its outcome. */
  async of<T>(action: string, promise: Promise<T>): Promise<T | undefined> {
    const id = this.#next++
    this.#open.set(id, action)
    try {
      return await promise
    } catch (error) {
      this.failed(action, error)
      return undefined
    } finally {
      this.#open.delete(id)
    }
  }

  /** An action has failed. */
  failed(action: string, error: unknown): void {
    if (error instanceof TransportError) return
    this.#violations.push(`I2 ${action} failed with ${String(error)}`)
  }

  checkSettled(): void {
    for (const action of this.#open.values()) this.#violations.push(`I2 ${action} has no outcome`)
  }
}
