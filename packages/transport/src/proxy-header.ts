// The PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2): what a proxy writes in front of a connection
// to say whose it is. Pure: bytes in, header out. Whatever is not exactly a header is refused at its first wrong byte.

import type { Endpoint } from './endpoint.ts'

/** What a proxy said about a connection. */
export interface ProxyHeader {
  /** Bytes of the header; the connection's own bytes follow. */
  length: number
  /** The real client, and where it connected to. Undefined: the proxy speaks for itself (LOCAL), or does not know. */
  source: Endpoint | undefined
  destination: Endpoint | undefined
}

/** The whole header, TLVs included. The protocol would allow 65,535; a proxy needs a few hundred (TLS client certificate). */
export const MAX_PROXY_LENGTH: number = 4 * 1024

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const FIXED_LENGTH = 16 // signature, version and command, family and transport, u16 length of the rest
const UNIX_PATH_LENGTH = 108

/**
 * The header at the start of `bytes`, or undefined while it is incomplete. Throws an Error that says which byte is wrong
 * as soon as that byte is there.
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader | undefined {
  for (const [index, expected] of SIGNATURE.entries()) {
    if (index === bytes.length) return undefined
    if (bytes[index] !== expected) throw new Error(`no PROXY protocol v2 header: byte ${index} is ${hex(bytes[index])}`)
  }
  const command = bytes[12] // u4 version, u4 command
  if (command === undefined) return undefined
  if (command !== 0x20 && command !== 0x21) throw new Error(`PROXY version and command ${hex(command)} are unknown`)
  const family = bytes[13] // u4 family, u4 transport
  if (family === undefined) return undefined
  const addressLength = ADDRESS_LENGTHS.get(family)
  // LOCAL is to be taken whatever its family says.
  if (addressLength === undefined && command === 0x21) throw new Error(`PROXY family ${hex(family)} is no stream`)
  if (bytes.length < FIXED_LENGTH) return undefined
  const rest = new DataView(bytes.buffer, bytes.byteOffset).getUint16(14)
  const length = FIXED_LENGTH + rest
  if (length > MAX_PROXY_LENGTH)
    throw new Error(`PROXY header of ${length} bytes exceeds the limit ${MAX_PROXY_LENGTH}`)
  if (command === 0x21 && rest < (addressLength ?? 0)) {
    throw new Error(`PROXY header of ${length} bytes is too short for its addresses, ${addressLength}`)
  }
  if (bytes.length < length) return undefined
  if (command === 0x20) return { length, source: undefined, destination: undefined }
  checkTlvs(bytes.subarray(FIXED_LENGTH + (addressLength ?? 0), length))
  return { length, ...addresses(bytes.subarray(FIXED_LENGTH, length), family) }
}

/** Bytes of both addresses and ports, by family and transport. Datagrams never arrive on a stream socket. */
const ADDRESS_LENGTHS: ReadonlyMap<number, number> = new Map([
  [0x00, 0], // unspecified: what follows is skipped
  [0x11, 2 * 4 + 2 * 2], // IPv4
  [0x21, 2 * 16 + 2 * 2], // IPv6
  [0x31, 2 * UNIX_PATH_LENGTH], // unix
])

function addresses(
  bytes: Uint8Array,
  family: number,
): { source: Endpoint | undefined; destination: Endpoint | undefined } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const of = (size: number, text: (at: number) => string) => ({
    source: { host: text(0), port: view.getUint16(2 * size) },
    destination: { host: text(size), port: view.getUint16(2 * size + 2) },
  })
  if (family === 0x11) return of(4, (at) => bytes.subarray(at, at + 4).join('.'))
  if (family === 0x21) return of(16, (at) => ipv6Text(view, at))
  if (family === 0x00) return { source: undefined, destination: undefined }
  return { source: { path: pathText(bytes, 0) }, destination: { path: pathText(bytes, UNIX_PATH_LENGTH) } }
}

/** In the form of RFC 5952, as Node writes addresses; IPv4-mapped ones as IPv4. */
function ipv6Text(view: DataView, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(at + 2 * index))
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return [12, 13, 14, 15].map((index) => view.getUint8(at + index)).join('.')
  }
  const host = new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname
  return host.slice(1, -1)
}

function pathText(bytes: Uint8Array, at: number): string {
  const field = Buffer.from(bytes.subarray(at, at + UNIX_PATH_LENGTH))
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end === -1 ? field.length : end)
}

/** TLVs are not read, but must be whole: u8 type, u16 length, value. */
function checkTlvs(bytes: Uint8Array): void {
  let at = 0
  while (at < bytes.length) {
    const [, high, low] = bytes.subarray(at, at + 3)
    const left = bytes.length - at - 3
    const length = high === undefined || low === undefined ? 0 : high * 256 + low
    if (left < length) throw new Error(`PROXY TLV of ${length} bytes exceeds the ${Math.max(left, 0)} bytes left`)
    at += 3 + length
  }
}

function hex(byte: number | undefined): string {
  return `0x${(byte ?? 0).toString(16).padStart(2, '0')}`
}
