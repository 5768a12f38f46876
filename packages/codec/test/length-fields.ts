// The length fields of real protocols, and of all option values that meet in one.

import type { LengthFieldOptions } from '../src/length-field.ts'

export const LENGTH_FIELDS: Record<string, LengthFieldOptions> = {
  'the default': {},
  'four bytes, little-endian': { byteOrder: 'little' },
  'four bytes and a trailer': { trailerLength: 2 },
  'one byte': { lengthFieldLength: 1 },
  'DNS over TCP': { lengthFieldLength: 2 },
  'two bytes, little-endian': { lengthFieldLength: 2, byteOrder: 'little' },
  MySQL: { lengthFieldLength: 3, byteOrder: 'little', headerLength: 4 },
  'HTTP/2': { lengthFieldLength: 3, headerLength: 9 },
  'eight bytes': { lengthFieldLength: 8 },
  'eight bytes, little-endian': { lengthFieldLength: 8, byteOrder: 'little' },
  'protobuf delimited': { lengthFieldLength: 'varint' },
  MQTT: { lengthFieldLength: 'varint', lengthFieldOffset: 1, maxVarintLength: 4 },
  'a varint that counts the whole frame': { lengthFieldLength: 'varint', lengthFieldOffset: 2, lengthCounts: 'frame' },
  'a varint that counts itself': { lengthFieldLength: 'varint', lengthCounts: 'fromLengthField', trailerLength: 1 },
  PostgreSQL: { lengthFieldOffset: 1, lengthCounts: 'fromLengthField' },
  BGP: { lengthFieldOffset: 16, lengthFieldLength: 2, headerLength: 19, lengthCounts: 'frame' },
  'Modbus/TCP': { lengthFieldOffset: 4, lengthFieldLength: 2, headerLength: 7, lengthCounts: 'afterLengthField' },
  'a trailer that the length does not count': { lengthFieldOffset: 3, trailerLength: 4, lengthCounts: 'frame' },
  'AMQP 0-9-1': { lengthFieldOffset: 3, headerLength: 7, trailer: Uint8Array.of(0xce) },
  'a varint and a trailer of two bytes': { lengthFieldLength: 'varint', trailer: Uint8Array.of(0x0d, 0x0a) },
  "Netty's lengthAdjustment": { lengthFieldLength: 2, lengthFieldOffset: 1, lengthCounts: -3, trailerLength: 2 },
}
