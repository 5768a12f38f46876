// Frames as this side writes them, straight into the outgoing slab of the connection: no array a frame, no copy of text.

import { type Connection, TransportError } from '@framewire/transport'
import type { Message } from './message.ts'
import { RpcError } from './rpc-error.ts'
import {
  CANCEL,
  CREDIT,
  DATA,
  DETAILS,
  END,
  GOAWAY,
  GOAWAY_REASONS,
  type GoawayReason,
  HEADER_LENGTH,
  HELLO,
  LAST,
  MAGIC,
  MAJOR,
  MINOR,
  NONE,
  NOT_PROCESSED,
  OPEN,
  PING,
  writeU16,
  writeU32,
} from './wire.ts'

/** Text up to here is written with room for its worst case, 3 bytes a unit; longer text is measured first. */
const SHORT_TEXT = 4096
/** u32 timeoutMs, u8 encoding, u8 methodLen, u16 metaLen */
const OPEN_FIXED = 8
/** u8 code, u8 bits, u16 metaLen, u16 msgLen, u8 nameLen */
const END_FIXED = 7
/** Texts for people are cut here, so that no error grows to a frame that the peer refuses. */
const MAX_ERROR_TEXT = 512
const NOTHING: Uint8Array = new Uint8Array(0)

/** OPEN without its message. */
export interface OpenHead {
  timeoutMs: number
  encoding: number
  /** u8 methodLen and the name */
  method: Uint8Array
  meta: Uint8Array
}

export interface EndFields {
  code: number
  message: string
  appName: string
  notProcessed: boolean
  details: Message
  trailers?: Uint8Array | undefined
}

export class FrameWriter {
  /** No frame is longer, header included: the peer's MAX_FRAME, or this side's own if that is less. */
  maxFrame: number
  /** The peer's MAX_MESSAGE. */
  maxMessage: number
  readonly #connection: Connection
  #pong: Uint8Array | undefined

  constructor(connection: Connection, maxFrame: number, maxMessage: number) {
    this.#connection = connection
    this.maxFrame = maxFrame
    this.maxMessage = maxMessage
  }

  /** The connection has said that it takes no more: go on at its 'drain'. */
  get isBlocked(): boolean {
    return this.#connection.writableNeedDrain
  }

  hello(settings: ReadonlyMap<number, number>, meta: Uint8Array = NOTHING): void {
    const list = [...settings].map(([id, value]) => {
      const setting = new Uint8Array(6) // u16 id, u32 value
      writeU16(setting, 0, id)
      writeU32(setting, 2, value)
      return setting
    })
    const head = [MAGIC, Uint8Array.of(MAJOR, MINOR), u16(settings.size)]
    this.#control(HELLO, 0, 0, [...head, ...list, u16(meta.length), meta])
  }

  /** Bytes of an OPEN besides its message. `method` = u8 methodLen and the name. */
  openLength(method: Uint8Array, meta: Uint8Array): number {
    return OPEN_FIXED - 1 + method.length + meta.length
  }

  /**
   * What `open` and `data` need to write the message in one frame beside `fixed` bytes: room for it, or -1 if it is too
   * long. Throws RESOURCE_EXHAUSTED for one that is longer than the peer takes.
   */
  roomFor(message: Message, fixed: number): number {
    if (message === undefined) return 0
    const most = Math.min(this.maxFrame - HEADER_LENGTH - fixed, this.maxMessage)
    let length = message.length
    if (typeof message === 'string') {
      if (length * 3 <= most && length <= SHORT_TEXT) return length * 3
      length = Buffer.byteLength(message)
    }
    if (length <= most) return length
    if (length <= this.maxMessage) return -1
    const text = `message of ${length} bytes, the peer takes ${this.maxMessage}`
    // Only OPEN has fields beside its message: no handler has seen the call yet.
    throw new RpcError('RESOURCE_EXHAUSTED', text, { notProcessed: fixed > 0 })
  }

  /** `room` as `roomFor` said it. Throws what the connection throws. */
  open(id: number, flags: number, head: OpenHead, message: Message, room: number): void {
    const { timeoutMs, encoding, method, meta } = head
    const bits = message === undefined ? flags | NONE : flags
    let at = this.#begin(OPEN, bits, id, OPEN_FIXED - 1 + method.length + meta.length + room)
    const { slab } = this.#connection
    writeU32(slab, at, timeoutMs)
    slab[at + 4] = encoding
    at += 5
    for (let index = 0; index < method.length; index++) slab[at + index] = method[index] as number
    at += method.length
    writeU16(slab, at, meta.length)
    if (meta.length > 0) slab.set(meta, at + 2)
    this.#connection.commit(this.#write(message, at + 2 + meta.length))
  }

  /** A message, or a piece of one with MORE. `room` as `roomFor` said it. */
  data(id: number, flags: number, message: Message, room: number): void {
    if (!this.#isOpen) return
    try {
      const bits = message === undefined ? flags | NONE : flags
      this.#connection.commit(this.#write(message, this.#begin(DATA, bits, id, room)))
    } catch (error) {
      this.#overflow(error)
    }
  }

  /** How a call failed. Over-long texts and details are cut: an error must always get through. */
  end(id: number, { code, message, appName, notProcessed, details: given, trailers = NOTHING }: EndFields): void {
    const text = cut(message, MAX_ERROR_TEXT)
    const name = cut(appName, 0xff)
    let left = this.maxFrame - HEADER_LENGTH - END_FIXED - text.length - name.length
    const meta = trailers.length <= left ? trailers : NOTHING
    left -= meta.length
    let details = typeof given === 'string' ? Buffer.from(given) : given
    // Asked so, what has no length, of a codec that makes no bytes, goes with them.
    if (details !== undefined && !(details.length <= left)) details = undefined
    const bits = (notProcessed ? NOT_PROCESSED : 0) | (details === undefined ? 0 : DETAILS)
    const head = [Uint8Array.of(code, bits), u16(meta.length), meta]
    const parts = [...head, u16(text.length), text, Uint8Array.of(name.length), name]
    this.#control(END, 0, id, details === undefined ? parts : [...parts, details])
  }

  cancel(id: number, code: number): void {
    this.#control(CANCEL, 0, id, [Uint8Array.of(code)])
  }

  /** u32 bytes that the peer may send more. */
  credit(id: number, bytes: number): void {
    const body = new Uint8Array(4)
    writeU32(body, 0, bytes)
    this.#control(CREDIT, 0, id, [body])
  }

  ping(opaque: Uint8Array): void {
    this.#control(PING, 0, 0, [opaque])
  }

  /** The answer to a PING with these 8 bytes. Of those that wait for a connection that takes no more, the last is sent. */
  pong(opaque: Uint8Array): void {
    if (this.isBlocked) this.#pong = opaque
    else this.#control(PING, LAST, 0, [opaque])
  }

  /** The connection takes more. */
  onDrain(): void {
    const opaque = this.#pong
    this.#pong = undefined
    if (opaque !== undefined) this.pong(opaque)
  }

  goaway(lastStreamId: number, reason: GoawayReason, text: string): void {
    const fixed = new Uint8Array(5)
    writeU32(fixed, 0, lastStreamId)
    fixed[4] = GOAWAY_REASONS.indexOf(reason)
    this.#control(GOAWAY, 0, 0, [fixed, cut(text, MAX_ERROR_TEXT)])
  }

  /** A frame that is rare, and that nobody waits for when the connection is gone. */
  #control(type: number, flags: number, id: number, parts: readonly Uint8Array[]): void {
    if (!this.#isOpen) return
    try {
      const room = parts.reduce((length, part) => length + part.length, 0)
      let at = this.#begin(type, flags, id, room)
      for (const part of parts) {
        this.#connection.slab.set(part, at)
        at += part.length
      }
      this.#connection.commit(at)
    } catch (error) {
      this.#overflow(error)
    }
  }

  get #isOpen(): boolean {
    return this.#connection.state === 'open'
  }

  /** The peer asks and does not read the answers: memory is bounded, so the connection ends. */
  #overflow(error: unknown): void {
    if (!(error instanceof TransportError)) throw error
    this.#connection.destroy(error)
  }

  /** Writes the frame header and returns where the body of at most `room` bytes begins. */
  #begin(type: number, flags: number, id: number, room: number): number {
    const at = this.#connection.begin(HEADER_LENGTH + room)
    const { slab } = this.#connection
    slab[at] = type
    slab[at + 1] = flags
    writeU32(slab, at + 2, id)
    return at + HEADER_LENGTH
  }

  #write(message: Message, at: number): number {
    if (message === undefined) return at
    const { slab } = this.#connection
    if (typeof message === 'string') return at + slab.write(message, at)
    const length = message.length
    if (length > 48) slab.set(message, at)
    else for (let index = 0; index < length; index++) slab[at + index] = message[index] as number
    return at + length
  }
}

/** GOAWAY for a peer whose bytes are no frames. Which of its calls were taken is not known here: maybe all of them. */
export function farewell({ code, message }: TransportError): Uint8Array {
  const reason: GoawayReason = code === 'MESSAGE_TOO_LARGE' ? 'frame too large' : 'protocol error'
  const head = [GOAWAY, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, GOAWAY_REASONS.indexOf(reason)]
  return Buffer.concat([Uint8Array.from(head), cut(message, MAX_ERROR_TEXT)])
}

/** The first bytes of a text in UTF-8, never a part of a character: the peer refuses that. */
function cut(text: string, most: number): Uint8Array {
  const bytes = Buffer.from(text)
  let end = Math.min(bytes.length, most)
  while (end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2)
  writeU16(bytes, 0, value)
  return bytes
}
