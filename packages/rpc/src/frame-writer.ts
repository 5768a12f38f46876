// Frames as this side writes them, straight into the outgoing slab of the connection: no array a frame, no copy of text.

import { type Connection, TransportError } from '@framewire/transport'
import type { Message } from './message.ts'
import { RpcError } from './rpc-error.ts'
import {
  CANCEL,
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
/** Texts for people are cut here, so that no error grows to a frame that the peer refuses. */
const MAX_ERROR_TEXT = 512
const NO_META: Uint8Array = new Uint8Array(2) // u16 metaLen

export class FrameWriter {
  /** No frame is longer, header included: the peer's MAX_FRAME, or this side's own if that is less. */
  maxFrame: number
  readonly #connection: Connection

  constructor(connection: Connection, maxFrame: number) {
    this.#connection = connection
    this.maxFrame = maxFrame
  }

  hello(settings: ReadonlyMap<number, number>): void {
    const list = [...settings].map(([id, value]) => {
      const setting = new Uint8Array(6) // u16 id, u32 value
      writeU16(setting, 0, id)
      writeU32(setting, 2, value)
      return setting
    })
    this.#control(HELLO, 0, 0, [MAGIC, Uint8Array.of(MAJOR, MINOR), u16(settings.size), ...list, NO_META])
  }

  /** `method` = u8 methodLen and the name. Answers as `Connection.send` does. */
  open(id: number, flags: number, timeoutMs: number, encoding: number, method: Uint8Array, message: Message): boolean {
    const room = this.#room(message, OPEN_FIXED - 1 + method.length)
    const bits = message === undefined ? flags | NONE : flags
    let at = this.#begin(OPEN, bits, id, room)
    const { slab } = this.#connection
    writeU32(slab, at, timeoutMs)
    slab[at + 4] = encoding
    at += 5
    for (let index = 0; index < method.length; index++) slab[at + index] = method[index] as number
    at += method.length
    slab[at] = 0 // u16 metaLen
    slab[at + 1] = 0
    return this.#connection.commit(this.#write(message, at + 2))
  }

  /** The only message of a reply, or the last of a stream. */
  dataLast(id: number, message: Message): void {
    const room = this.#room(message, 0)
    const flags = message === undefined ? LAST | NONE : LAST
    if (!this.#isOpen) return
    try {
      this.#connection.commit(this.#write(message, this.#begin(DATA, flags, id, room)))
    } catch (error) {
      this.#overflow(error)
    }
  }

  /** How a call failed. Over-long texts and details are cut: an error must always get through. */
  end(
    id: number,
    error: { code: number; message: string; appName: string; notProcessed: boolean; details: Message },
  ): void {
    const text = cut(error.message, MAX_ERROR_TEXT)
    const name = cut(error.appName, 0xff)
    let details = typeof error.details === 'string' ? Buffer.from(error.details) : error.details
    if (details !== undefined && HEADER_LENGTH + 7 + text.length + name.length + details.length > this.maxFrame) {
      details = undefined
    }
    const bits = (error.notProcessed ? NOT_PROCESSED : 0) | (details === undefined ? 0 : DETAILS)
    const parts = [Uint8Array.of(error.code, bits), NO_META, u16(text.length), text, Uint8Array.of(name.length), name]
    this.#control(END, 0, id, details === undefined ? parts : [...parts, details])
  }

  cancel(id: number, code: number): void {
    this.#control(CANCEL, 0, id, [Uint8Array.of(code)])
  }

  /** The answer to the PING whose 8 bytes stand at `start`. */
  pong(bytes: Uint8Array, start: number): void {
    this.#control(PING, LAST, 0, [bytes.subarray(start, start + 8)])
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

  /** Bytes to make room for. RESOURCE_EXHAUSTED if the frame would be longer than the peer takes. */
  #room(message: Message, fixed: number): number {
    if (message === undefined) return fixed
    let length = message.length
    if (typeof message === 'string') length = length <= SHORT_TEXT ? length * 3 : Buffer.byteLength(message)
    if (HEADER_LENGTH + fixed + length <= this.maxFrame) return fixed + length
    if (typeof message === 'string') length = Buffer.byteLength(message)
    const frame = HEADER_LENGTH + fixed + length
    if (frame <= this.maxFrame) return fixed + length
    throw new RpcError(
      'RESOURCE_EXHAUSTED',
      `message of ${length} bytes makes a frame of ${frame} bytes, the limit is maxFrame ${this.maxFrame}`,
    )
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
