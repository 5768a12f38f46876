// The books of a row. Every message carries its stream, its number, its length and a checksum (I1); every call and every
// wait has one outcome (I2); what a server counted adds up (I6). What does not hold is a violation, in words.
import { crc32 } from 'node:zlib'
import { RpcError } from '@framewire/rpc'
import { type Server, TransportError } from '@framewire/transport'

export const HEADER_LENGTH = 16

const NOISE = Uint8Array.from({ length: 256 * 1024 }, (_, at) => (Math.imul(at, 2_654_435_761) >>> 13) & 0xff)

/** One direction of one connection: what is received must be a prefix of what was accepted, without a gap. */
export class StreamLedger {
  accepted = 0
  received = 0
  readonly #id: number
  readonly #violations: string[]

  constructor(id: number, violations: string[]) {
    this.#id = id
    this.#violations = violations
  }

  /** The next message to send, of that many bytes. It counts once `accepted` is raised. */
  message(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, this.#id)
    view.setUint32(4, this.accepted)
    view.setUint32(8, length)
    const from = (this.accepted * 97) % 4_096
    bytes.set(NOISE.subarray(from, from + length - HEADER_LENGTH), HEADER_LENGTH)
    view.setUint32(12, crc32(bytes))
    return bytes
  }

  /** Books a message that arrived. */
  receive(message: Uint8Array): void {
    const number = this.received++
    const wrong = this.#faultOf(message, number)
    if (wrong !== undefined) this.#violations.push(`I1 stream ${this.#id}: ${wrong}`)
  }

  #faultOf(message: Uint8Array, number: number): string | undefined {
    if (message.length < HEADER_LENGTH) return `message ${number} has ${message.length} bytes`
    const view = new DataView(message.buffer, message.byteOffset, message.length)
    const [id, sequence, length, sum] = [0, 4, 8, 12].map((at) => view.getUint32(at))
    const copy = new Uint8Array(message)
    copy.fill(0, 12, HEADER_LENGTH)
    if (id !== this.#id) return `message ${number} belongs to stream ${id}`
    if (sequence !== number) return `message ${sequence} arrived where ${number} was due`
    if (length !== message.length) return `message ${number} of ${length} bytes has ${message.length}`
    if (crc32(copy) !== sum) return `message ${number} has changed`
    return number < this.accepted ? undefined : `${this.received} received of ${this.accepted} accepted`
  }
}

/** How a call ended. */
export interface CallOutcome {
  readonly id: number
  readonly method: string
  /** 'OK' or the code of its error. */
  readonly code: string
  readonly notProcessed: boolean
}

/** Calls that were begun, each by a number of its own, and how each ended. */
export class CallLedger {
  readonly outcomes: CallOutcome[] = []
  readonly #violations: string[]
  readonly #open = new Map<number, string>()
  #next: number

  /** Numbers start at `first`, so that several ledgers may share a journal. */
  constructor(violations: string[], first = 1) {
    this.#violations = violations
    this.#next = first
  }

  get openCalls(): number {
    return this.#open.size
  }

  /** Makes a call with the next number and books its end. What it fails with must be an RpcError. Never rejects. */
  async run(method: string, call: (id: number) => Promise<unknown>): Promise<CallOutcome> {
    const id = this.#next++
    this.#open.set(id, method)
    const outcome = await this.#end(id, method, call)
    if (!this.#open.delete(id)) this.#violations.push(`I2 call ${id} of ${method} ended twice`)
    this.outcomes.push(outcome)
    return outcome
  }

  /** How many ended so. */
  count(isCounted: (outcome: CallOutcome) => boolean): number {
    return this.outcomes.filter(isCounted).length
  }

  /** Every call has ended, and what it says of its handler is true: `executed` lists the numbers that handlers saw. */
  check(executed: readonly number[]): void {
    for (const [id, method] of this.#open) this.#violations.push(`I2 call ${id} of ${method} has no outcome`)
    const times = new Map<number, number>()
    for (const id of executed) times.set(id, (times.get(id) ?? 0) + 1)
    for (const { id, method, code, notProcessed } of this.outcomes) {
      const runs = times.get(id) ?? 0
      if (runs > 1) this.#violations.push(`I2 call ${id} ran ${runs} times`)
      // A oneway is only on its way when it resolves.
      if (code === 'OK' && runs === 0 && method !== 'note')
        this.#violations.push(`I2 call ${id} succeeded and never ran`)
      if (notProcessed && runs > 0) this.#violations.push(`I2 call ${id} says notProcessed (${code}) and ran`)
    }
  }

  async #end(id: number, method: string, call: (id: number) => Promise<unknown>): Promise<CallOutcome> {
    try {
      await call(id)
      return { id, method, code: 'OK', notProcessed: false }
    } catch (error) {
      if (error instanceof RpcError) return { id, method, code: error.code, notProcessed: error.notProcessed }
      this.#violations.push(`I2 call ${id} of ${method} failed with ${String(error)}`)
      return { id, method, code: 'UNTYPED', notProcessed: false }
    }
  }
}

/** An error that an action ended with is a TransportError, or nothing. */
export function checkTyped(action: string, error: unknown, violations: string[]): void {
  if (error === undefined || error instanceof TransportError) return
  violations.push(`I2 ${action} ended with ${String(error)}`)
}

/** I6: every socket was dropped, is pending, or became a connection; every connection is live or closed. */
export function checkCounters(server: Server, violations: string[]): void {
  const { pending, live, accepted, closed } = server.stats()
  const ended = Object.values(closed).reduce((sum, count) => sum + count, 0)
  if (accepted !== live + ended) violations.push(`I6 ${accepted} accepted, ${live} live and ${ended} closed`)
  if (live !== server.connections.size) violations.push(`I6 ${live} live, ${server.connections.size} connections`)
  if (pending < 0) violations.push(`I6 ${pending} pending`)
}
