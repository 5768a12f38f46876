// Frames written and read by hand, straight from PROTOCOL.md and without any line of the sources: the second
// implementation that the first one is tested against.

export const TYPE = { hello: 1, ping: 2, goaway: 3, open: 4, data: 5, end: 6, cancel: 7, credit: 8 } as const
export const FLAG = { last: 0x01, more: 0x02, compressed: 0x04, none: 0x08, oneway: 0x10 } as const
export const GOAWAY = {
  drain: 0,
  protocol: 1,
  tooLarge: 2,
  flowControl: 3,
  version: 4,
  handshake: 5,
  calm: 6,
  unauthenticated: 7,
  internal: 8,
} as const
export const CODE = { cancelled: 1, deadline: 4, notFound: 5, exhausted: 8, unimplemented: 12, internal: 13 } as const

export interface Frame {
  type: number
  flags: number
  id: number
  body: Buffer
}

export const u8 = (value: number): Buffer => Buffer.of(value)
export const u16 = (value: number): Buffer => Buffer.of(value >>> 8, value & 0xff)
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function frame(type: number, flags: number, id: number, ...body: Uint8Array[]): Buffer {
  const payload = Buffer.concat([u8(type), u8(flags), u32(id), ...body])
  return Buffer.concat([u32(payload.length), payload])
}

export interface HelloOptions {
  magic?: string
  major?: number
  settings?: readonly (readonly [id: number, value: number])[]
  meta?: Uint8Array
}

export function hello({ magic = 'FWP1', major = 1, settings = [], meta = Buffer.alloc(0) }: HelloOptions = {}): Buffer {
  const list = settings.map(([id, value]) => Buffer.concat([u16(id), u32(value)]))
  const head = [Buffer.from(magic), u8(major), u8(0), u16(settings.length)]
  return frame(TYPE.hello, 0, 0, ...head, ...list, u16(meta.length), meta)
}

export interface OpenOptions {
  flags?: number
  timeoutMs?: number
  encoding?: number
  meta?: Uint8Array
}

export function open(id: number, method: string, message: string | Uint8Array, options: OpenOptions = {}): Buffer {
  const { flags = FLAG.last, timeoutMs = 0, encoding = 1, meta = Buffer.alloc(0) } = options
  const name = Buffer.from(method)
  const fields = [u32(timeoutMs), u8(encoding), u8(name.length), name, u16(meta.length), meta, Buffer.from(message)]
  return frame(TYPE.open, flags, id, ...fields)
}

export function data(id: number, message: string | Uint8Array, flags: number = FLAG.last): Buffer {
  return frame(TYPE.data, flags, id, Buffer.from(message))
}

export interface EndOptions {
  bits?: number
  meta?: Uint8Array
  message?: string | Uint8Array
  name?: string | Uint8Array
  details?: string
}

export function end(id: number, code: number, options: EndOptions = {}): Buffer {
  const { details, bits = details === undefined ? 0 : 2, meta = Buffer.alloc(0) } = options
  const message = Buffer.from(options.message ?? '')
  const name = Buffer.from(options.name ?? '')
  const head = [u8(code), u8(bits), u16(meta.length), meta, u16(message.length), message]
  return frame(TYPE.end, 0, id, ...head, u8(name.length), name, Buffer.from(details ?? ''))
}

export function cancel(id: number, code: number, reason = ''): Buffer {
  return frame(TYPE.cancel, 0, id, u8(code), Buffer.from(reason))
}

export function credit(id: number, bytes: number): Buffer {
  return frame(TYPE.credit, 0, id, u32(bytes))
}

/** u8 keyLen, key, u16 valLen, value */
export function entry(key: string, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u8(key.length), Buffer.from(key), u16(bytes.length), bytes])
}

export function ping(bytes: Uint8Array, flags = 0): Buffer {
  return frame(TYPE.ping, flags, 0, bytes)
}

export function goaway(lastId: number, reason: number, text: string | Uint8Array = ''): Buffer {
  return frame(TYPE.goaway, 0, 0, u32(lastId), u8(reason), Buffer.from(text))
}

/** The whole frames in a piece of a stream, and what is left. */
export function readFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = []
  let at = 0
  while (bytes.length - at >= 4 && bytes.length - at >= 4 + bytes.readUInt32BE(at)) {
    const length = bytes.readUInt32BE(at)
    if (length < 6) throw new Error(`a frame of ${length} bytes was received`)
    const body = Buffer.from(bytes.subarray(at + 10, at + 4 + length))
    frames.push({ type: bytes[at + 4] ?? 0, flags: bytes[at + 5] ?? 0, id: bytes.readUInt32BE(at + 6), body })
    at += 4 + length
  }
  return { frames, rest: bytes.subarray(at) }
}

/** GOAWAY: u32 lastStreamId, u8 reason, UTF-8 text. */
export function readGoaway({ body }: Frame): { lastId: number; reason: number; text: string } {
  return { lastId: body.readUInt32BE(0), reason: body[4] ?? 0, text: body.toString('utf8', 5) }
}

/** END: u8 code, u8 bits, u16 metaLen, meta, u16 msgLen, message, u8 nameLen, name, details. */
export function readEnd({ body }: Frame): { code: number; bits: number; text: string; name: string; details: string } {
  const textAt = 4 + body.readUInt16BE(2) + 2
  const nameAt = textAt + body.readUInt16BE(textAt - 2) + 1
  const nameEnd = nameAt + (body[nameAt - 1] ?? 0)
  return {
    code: body[0] ?? 0,
    bits: body[1] ?? 0,
    text: body.toString('utf8', textAt, nameAt - 1),
    name: body.toString('utf8', nameAt, nameEnd),
    details: body.toString('utf8', nameEnd),
  }
}
