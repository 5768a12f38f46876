// Writes PROXY protocol v2 headers, right ones and wrong ones.

export const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

export interface HeaderParts {
  signature?: Uint8Array
  /** u4 version, u4 command. @default PROXY */
  command?: number
  /** u4 family, u4 transport. @default TCP over IPv4 */
  family?: number
  /** Addresses and ports. @default IPv4, 192.0.2.1:1000 to 198.51.100.2:2000 */
  addresses?: Uint8Array
  tlvs?: Uint8Array
  /** What the length field says. @default the truth */
  length?: number
}

export const IPV4: Uint8Array = Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 0x03, 0xe8, 0x07, 0xd0])

export function proxyHeader(parts: HeaderParts = {}): Buffer {
  const { signature = SIGNATURE, command = 0x21, family = 0x11, addresses = IPV4, tlvs = new Uint8Array(0) } = parts
  const length = parts.length ?? addresses.length + tlvs.length
  const fixed = Buffer.from([command, family, length >> 8, length & 0xff])
  return Buffer.concat([signature, fixed, addresses, tlvs])
}

export function tlv(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value])
}
