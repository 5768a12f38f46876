// Modbus/TCP: the MBAP header; its length counts the unit id and what follows.
//
//   | transaction u16 | protocol u16, 0 | length u16 | unit u8 | function u8 | data |      handed out with its header
//
// Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3. The limit counts function and data: 253.

import { type Framing, lengthField } from '@framewire/codec'

export const modbusFrames: Framing = lengthField({
  lengthFieldOffset: 4,
  lengthFieldLength: 2,
  headerLength: 7,
  lengthCounts: 'afterLengthField',
  stripHeader: false,
  maxFrameLength: 253,
})

/** The header of a request or response; a response repeats the transaction of its request. */
export function frameHeader(transaction: number, unit: number): Uint8Array {
  return Uint8Array.of(transaction >> 8, transaction, 0, 0, 0, 0, unit)
}
