import { thrownBy } from '@framewire/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IPV4, proxyHeader, SIGNATURE, tlv } from '../test/proxy-headers.ts'
import { MAX_PROXY_LENGTH, parseProxyHeader } from './proxy-header.ts'

const source = { host: '192.0.2.1', port: 1000 }
const destination = { host: '198.51.100.2', port: 2000 }
const path = (text: string) => Buffer.concat([Buffer.from(text), Buffer.alloc(108 - text.length)])
const ipv6 = (groups: string) => Buffer.from(groups.replaceAll(' ', ''), 'hex')

describe('says whose a connection is', () => {
  test('over IPv4', () => {
    expect(parseProxyHeader(proxyHeader())).toEqual({ length: 28, source, destination })
  })

  test('over IPv6, written as Node writes it', () => {
    const addresses = Buffer.concat([
      ipv6('2001 0db8 0000 0000 0000 0000 0000 0001'),
      ipv6('0000 0000 0000 0000 0000 ffff 0a00 0001'),
      Buffer.from([0, 80, 1, 187]),
    ])
    expect(parseProxyHeader(proxyHeader({ family: 0x21, addresses }))).toEqual({
      length: 52,
      source: { host: '2001:db8::1', port: 80 },
      destination: { host: '10.0.0.1', port: 443 },
    })
  })

  test('over unix sockets, with paths that end at a NUL or fill their field', () => {
    const full = 'p'.repeat(108)
    const addresses = Buffer.concat([path('/run/a.sock'), Buffer.from(full)])
    expect(parseProxyHeader(proxyHeader({ family: 0x31, addresses }))).toEqual({
      length: 232,
      source: { path: '/run/a.sock' },
      destination: { path: full },
    })
  })

  test('with TLVs, which are skipped', () => {
    const tlvs = Buffer.concat([tlv(1, Buffer.from('h2')), tlv(0x20, Buffer.alloc(300)), tlv(4, Buffer.alloc(0))])
    expect(parseProxyHeader(proxyHeader({ tlvs }))).toEqual({ length: 28 + tlvs.length, source, destination })
  })

  test.each([
    ['LOCAL, whatever its family and addresses', { command: 0x20, family: 0x77 }],
    ['LOCAL with nothing', { command: 0x20, family: 0, addresses: new Uint8Array(0) }],
    ['an unspecified family', { family: 0x00, addresses: new Uint8Array(0) }],
  ])('not at all: %s', (_, parts) => {
    const header = proxyHeader(parts)
    expect(parseProxyHeader(header)).toEqual({ length: header.length, source: undefined, destination: undefined })
  })
})

describe('refuses', () => {
  test.each([
    ['a first byte of something else', Buffer.from('GET / HTTP/1.1\r\n'), 'byte 0 is 0x47'],
    ['the text of version 1', Buffer.from('PROXY TCP4 1.2.3.4'), 'byte 0 is 0x50'],
    ['a last byte of the signature', Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.from([0])]), 'byte 11 is 0x00'],
    ['another version', Buffer.concat([SIGNATURE, Buffer.from([0x11])]), 'version and command 0x11 are unknown'],
    ['another command', Buffer.concat([SIGNATURE, Buffer.from([0x22])]), 'version and command 0x22 are unknown'],
    ['datagrams', Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x12])]), 'family 0x12 is no stream'],
    ['a length above the limit', proxyHeader({ length: 4081 }).subarray(0, 16), '4097 bytes exceeds the limit 4096'],
    [
      'addresses that do not fit',
      proxyHeader({ length: 11 }).subarray(0, 16),
      '27 bytes is too short for its addresses',
    ],
    ['a TLV longer than the rest', proxyHeader({ tlvs: Buffer.from([1, 0, 2, 9]) }), 'TLV of 2 bytes exceeds the 1 '],
    ['a TLV without a length', proxyHeader({ tlvs: Buffer.from([1, 0]) }), 'TLV of 0 bytes exceeds the 0 '],
  ])('%s', (_, bytes, message) => {
    expect((thrownBy(() => parseProxyHeader(bytes)) as Error).message).toContain(message)
  })

  test('each of these no later than with the byte that is wrong', () => {
    const wrong: [number, number][] = [
      [0, 1],
      [11, 1],
      [12, 0x31],
      [13, 0x13],
    ]
    for (const [at, value] of wrong) {
      const header = proxyHeader()
      header[at] = value
      expect(parseProxyHeader(header.subarray(0, at))).toBeUndefined()
      expect(() => parseProxyHeader(header.subarray(0, at + 1))).toThrow()
    }
  })

  test('no header of the greatest length', () => {
    const header = proxyHeader({ tlvs: tlv(4, Buffer.alloc(MAX_PROXY_LENGTH - 28 - 3)) })
    expect(header).toHaveLength(MAX_PROXY_LENGTH)
    expect(parseProxyHeader(header)).toMatchObject({ length: MAX_PROXY_LENGTH, source })
  })
})

test('a header is incomplete up to its last byte, and what follows it does not matter', () => {
  const addresses = fc.uint8Array({ minLength: 12, maxLength: 12 })
  const values = fc.array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 50 })), { maxLength: 4 })
  const property = fc.property(addresses, values, fc.uint8Array({ maxLength: 40 }), (bytes, pairs, behind) => {
    const tlvs = Buffer.concat(pairs.map(([type, value]) => tlv(type, value)))
    const header = proxyHeader({ addresses: bytes, tlvs })
    const parsed = parseProxyHeader(header)
    expect(parsed).toMatchObject({ length: header.length, source: { host: bytes.subarray(0, 4).join('.') } })
    expect(parseProxyHeader(Buffer.concat([header, behind]))).toEqual(parsed)
    for (let end = 0; end < header.length; end++) expect(parseProxyHeader(header.subarray(0, end))).toBeUndefined()
  })
  fc.assert(property, { numRuns: 100 })
})

test('any bytes are a header, an incomplete one, or an Error', () => {
  const mutated = fc.tuple(fc.nat(27), fc.nat(255)).map(([at, value]) => {
    const header = proxyHeader({ addresses: IPV4 })
    header[at] = value
    return header
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated), (bytes) => {
      try {
        const header = parseProxyHeader(bytes)
        if (header) expect(header.length).toBeLessThanOrEqual(bytes.length)
      } catch (error) {
        expect(error).toMatchObject({ constructor: Error, message: expect.stringMatching(/^(PROXY|no PROXY)/) })
      }
    }),
  )
})
