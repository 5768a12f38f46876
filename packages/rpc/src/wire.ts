// The numbers of the wire, version 1.0, as PROTOCOL.md lists them. All integers are big endian and unsigned.
//
//   u32 length | u8 type | u8 flags | u32 streamId | body by type

export const MAGIC: Uint8Array = new Uint8Array([0x46, 0x57, 0x50, 0x31]) // "FWP1"
export const MAJOR = 1
export const MINOR = 0

export const HEADER_LENGTH = 6

export const HELLO = 0x01
export const PING = 0x02
export const GOAWAY = 0x03
export const OPEN = 0x04
export const DATA = 0x05
export const END = 0x06
export const CANCEL = 0x07
export const CREDIT = 0x08
/** Types with this bit are ignored when unknown; unknown types without it are a protocol error. */
export const IGNORABLE = 0x80

/** Nothing more from the sender on this stream; on PING: the answer. */
export const LAST = 0x01
/** The message goes on in the next DATA. */
export const MORE = 0x02
/** Needs a bit of COMPRESSIONS that no side announces yet. */
export const COMPRESSED = 0x04
/** Carries no message. */
export const NONE = 0x08
/** OPEN that wants no reply of any kind. */
export const ONEWAY = 0x10

/** Bits of END. */
export const NOT_PROCESSED = 0x01
export const DETAILS = 0x02

/** Reasons of GOAWAY, by their number. */
export const GOAWAY_REASONS = [
  'drain',
  'protocol error',
  'frame too large',
  'flow control',
  'unsupported version',
  'handshake timeout',
  'enhance your calm',
  'unauthenticated',
  'internal',
  'idle',
] as const
export type GoawayReason = (typeof GOAWAY_REASONS)[number]

/** Setting ids of HELLO. */
export const MAX_FRAME = 1
export const MAX_MESSAGE = 2
export const MAX_STREAMS = 3
export const INITIAL_CREDIT = 4
export const MIN_PING_INTERVAL = 5
const IDLE_TIMEOUT = 6
const COMPRESSIONS = 7
export const ENCODINGS = 8

/** What holds until the peer's HELLO has said otherwise. */
const ASSUMED_SETTINGS: ReadonlyMap<number, number> = new Map([
  [MAX_FRAME, 65_536],
  [MAX_MESSAGE, 4 * 1024 * 1024],
  [MAX_STREAMS, 128],
  [INITIAL_CREDIT, 65_536],
  [MIN_PING_INTERVAL, 10_000],
  [IDLE_TIMEOUT, 0],
  [COMPRESSIONS, 0],
  [ENCODINGS, 0b11],
])

/** What holds for a setting until the peer has said otherwise. */
export function assumed(setting: number): number {
  return ASSUMED_SETTINGS.get(setting) as number
}

/** The highest id a peer may use; bit 31 is always 0. */
export const MAX_STREAM_ID = 0x7fff_ffff
/** The highest id this side uses, so that there is room to move to another connection. */
export const LAST_STREAM_ID = 0x7fff_ff00
/** Credit never gets above this. */
export const MAX_CREDIT = 0x7fff_ffff
/** `timeoutMs` that an OPEN can say at most, 49 days; 0 on the wire means none. */
export const MAX_TIMEOUT_MS = 0xffff_ffff

export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) * 0x100_0000 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  )
}

export function writeU16(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 8
  target[at + 1] = value
}

export function writeU32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}
