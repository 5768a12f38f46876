// The protocols whose whole framing is options of lengthField with a length of fixed width.

import { decodeAll, encode } from '@framewire/codec'
import { expect, test } from 'vitest'
import { dnsMessages } from '../../src/protocols/dns.ts'
import { grpcMessages } from '../../src/protocols/grpc.ts'
import { iso8583Messages } from '../../src/protocols/iso8583.ts'
import { kafkaMessages } from '../../src/protocols/kafka.ts'
import { modbusFrames, frameHeader as modbusHeader } from '../../src/protocols/modbus.ts'
import { mysqlPackets, packetHeader } from '../../src/protocols/mysql.ts'
import { tlsRecords } from '../../src/protocols/tls.ts'
import { ttrpcFrames, frameHeader as ttrpcHeader } from '../../src/protocols/ttrpc.ts'
import { concat, describeFraming, hex, utf8 } from './vectors.ts'

const query = concat(hex('beef 0100 0001 0000 0000 0000'), utf8('\x07example\x03com\0'), hex('0001 0001'))

describeFraming('DNS over TCP', dnsMessages, {
  vectors: [
    { source: 'RFC 1035 4.2.2, a query', wire: concat(hex('001d'), query), frame: query, payload: query },
    { source: 'RFC 1035 4.2.2, no message', wire: hex('0000'), frame: hex(''), payload: hex('') },
  ],
})

const apiVersions = concat(hex('0012 0000 00000001 0009'), utf8('framewire'))
const anonymous = hex('0012 0000 00000002 ffff')

describeFraming('Kafka', kafkaMessages(1024), {
  vectors: [
    {
      source: 'Kafka protocol guide, Request Header v1: ApiVersions (key 18)',
      wire: concat(hex('00000013'), apiVersions),
      frame: apiVersions,
      payload: apiVersions,
    },
    {
      source: 'Kafka protocol guide, Request Header v1: client_id null',
      wire: concat(hex('0000000a'), anonymous),
      frame: anonymous,
      payload: anonymous,
    },
  ],
  tooLong: hex('00000401'),
  refused: [{ name: 'a negative size', wire: hex('ffffffff'), code: 'FRAME_TOO_LONG' }],
})

describeFraming('MySQL', mysqlPackets, {
  vectors: [
    { source: 'COM_QUIT', wire: hex('010000 00 01'), payload: hex('01'), header: packetHeader(0) },
    {
      source: 'COM_INIT_DB',
      wire: hex('050000 00 02 74657374'),
      payload: utf8('\x02test'),
      header: packetHeader(0),
    },
    {
      source: 'OK_Packet, second of its command',
      wire: hex('070000 02 00 00 00 0200 0000'),
      payload: hex('00 00 00 0200 0000'),
      header: packetHeader(2),
    },
  ],
})

test('MySQL packets carry 16 MiB - 1, the mark of a payload that goes on in the next packet', () => {
  const first = encode(mysqlPackets, new Uint8Array(0xff_ffff), packetHeader(0))
  expect(first.subarray(0, 4)).toEqual(hex('ffffff 00'))
  const last = encode(mysqlPackets, new Uint8Array(0), packetHeader(1))
  expect(decodeAll(mysqlPackets, [first, last]).map(({ length }) => length)).toEqual([0xff_ffff + 4, 4])
})

const closeNotify = hex('c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3')

describeFraming('TLS records', tlsRecords(), {
  vectors: [
    {
      source: 'RFC 8448 section 3, {client} send alert record',
      wire: concat(hex('17 0303 0013'), closeNotify),
      payload: closeNotify,
      header: hex('17 0303 0000'),
    },
    {
      source: 'RFC 8446 section 5, change_cipher_spec',
      wire: hex('14 0303 0001 01'),
      payload: hex('01'),
      header: hex('14 0303 0000'),
    },
  ],
  tooLong: hex('17 0303 4101'),
})

test('TLS 1.2 records may be 2048 bytes over 2^14 (RFC 5246 section 6.2.3)', () => {
  expect(tlsRecords('1.2').maxFrameLength).toBe(18_432)
  expect(tlsRecords('1.3').maxFrameLength).toBe(16_640)
})

describeFraming('ttrpc', ttrpcFrames(1024), {
  vectors: [
    {
      source: 'PROTOCOL.md, Message Frame: request on stream 1',
      wire: hex('00000002 00000001 01 00 0a00'),
      payload: hex('0a00'),
      header: ttrpcHeader(1, 1),
    },
    {
      source: 'PROTOCOL.md, Data: remote closed without data',
      wire: hex('00000000 01020305 03 01'),
      payload: hex(''),
      header: ttrpcHeader(0x01020305, 3, 1),
    },
  ],
  tooLong: hex('00000401'),
})

describeFraming('gRPC messages', grpcMessages(1024), {
  vectors: [
    {
      source: 'PROTOCOL-HTTP2.md, Length-Prefixed-Message: HelloRequest { name: "world" }',
      wire: hex('00 00000007 0a05 776f726c64'),
      payload: utf8('\n\x05world'),
      header: hex('00 00000000'),
    },
    {
      source: 'PROTOCOL-HTTP2.md, an empty message',
      wire: hex('00 00000000'),
      payload: hex(''),
      header: hex('0000000000'),
    },
    {
      source: 'PROTOCOL-HTTP2.md, Compressed-Flag 1',
      wire: hex('01 00000001 ff'),
      payload: hex('ff'),
      header: hex('01 00000000'),
    },
  ],
  tooLong: hex('00 00000401'),
})

describeFraming('Modbus/TCP', modbusFrames, {
  vectors: [
    {
      source: 'Modbus TCP guide V1.0b 3.1.3: read one holding register of unit 1',
      wire: hex('0001 0000 0006 01 03 0000 0001'),
      payload: hex('03 0000 0001'),
      header: modbusHeader(1, 1),
    },
    {
      source: 'Modbus TCP guide V1.0b 3.1.3: its response',
      wire: hex('0001 0000 0005 01 03 02 1234'),
      payload: hex('03 02 1234'),
      header: modbusHeader(1, 1),
    },
  ],
  tooLong: hex('0001 0000 00ff'),
  refused: [{ name: 'a length without the unit it counts', wire: hex('0001 0000 0000'), code: 'INVALID_LENGTH' }],
})

const echo = utf8('0800822000000000000004000000000000000729101500000001301')

describeFraming('ISO 8583', iso8583Messages, {
  vectors: [
    { source: 'jPOS ASCIIChannel: 0800', wire: concat(utf8('0055'), echo), frame: echo, payload: echo },
    { source: 'jPOS ASCIIChannel: keep-alive', wire: utf8('0000'), frame: hex(''), payload: hex('') },
  ],
  refused: [
    { name: 'a sign', wire: utf8('+001'), code: 'INVALID_LENGTH' },
    { name: 'hexadecimal digits', wire: utf8('00ff'), code: 'INVALID_LENGTH' },
    { name: 'a binary length', wire: hex('00000037'), code: 'INVALID_LENGTH' },
  ],
})
