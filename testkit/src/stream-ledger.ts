// The books of one direction of a connection. Each message carries its stream, its number, its length and a checksum, so
// nothing can be lost inside, doubled, reordered or changed without being noticed. What does not hold is a violation, in words.
import { crc32 } from 'node:zlib'

export const HEADER_LENGTH: number = 16

const NOISE = Uint8Array.from({ length: 256 * 1024 }, (_, at) => (Math.imul(at, 2_654_435_761) >>> 13) & 0xff)

/** One direction of one connection: what is received must be a prefix of what was accepted, without a gap. */
export class StreamLedger {
  accepted = 0
  received = 0
  readonly name: string
  readonly #id: number
  readonly #violations: string[]

  /** `id` stands in every message, `name` in what is said of it. */
  constructor(id: number, violations: string[], name: string = `stream ${id}`) {
    this.name = name
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
    if (wrong !== undefined) this.#violate(wrong)
  }

  /** What was accepted must be received: nothing has broken the connection. */
  checkComplete(): void {
    if (this.received !== this.accepted) this.#violate(`${this.received} of ${this.accepted} messages arrived`)
  }

  #violate(what: string): void {
    this.#violations.push(`I1 ${this.name}: ${what}`)
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
