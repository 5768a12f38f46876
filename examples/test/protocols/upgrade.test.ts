// The protocols that begin with something else than what follows: setFraming in the middle of a stream.

import { encode, FrameDecoder, type Framing } from '@framewire/codec'
import { describe, expect, test } from 'vitest'
import { amqpFrames, frameHeader as amqpHeader, protocolHeader } from '../../src/protocols/amqp.ts'
import { messageHeader as bgpHeader, bgpMessages } from '../../src/protocols/bgp.ts'
import { http2Frames, frameHeader as http2Header, http2Preface } from '../../src/protocols/http2.ts'
import { messageHeader, sslAnswer, startupPackets, typedMessages } from '../../src/protocols/postgres.ts'
import { tpktPackets } from '../../src/protocols/tpkt.ts'
import { concat, describeFraming, hex, oneByOne, utf8 } from './vectors.ts'

const empty = hex('')
const startup = concat(hex('0003 0000'), utf8('user\0postgres\0\0'))

describeFraming('PostgreSQL startup packets', startupPackets, {
  vectors: [
    {
      source: 'Message Formats, SSLRequest',
      wire: hex('00000008 04d2162f'),
      frame: hex('04d2162f'),
      payload: hex('04d2162f'),
    },
    {
      source: 'Message Formats, StartupMessage',
      wire: concat(hex('00000017'), startup),
      frame: startup,
      payload: startup,
    },
  ],
  tooLong: hex('00002715'),
  refused: [{ name: 'a length that does not count itself', wire: hex('00000003'), code: 'INVALID_LENGTH' }],
})

test('PostgreSQL startup packets may have 10000 bytes behind the length (MAX_STARTUP_PACKET_LENGTH)', () => {
  expect(startupPackets.maxFrameLength).toBe(10_000)
})

describeFraming('PostgreSQL typed messages', typedMessages(1024), {
  vectors: [
    {
      source: 'Message Formats, Query',
      wire: concat(hex('51 0000000d'), utf8('SELECT 1\0')),
      payload: utf8('SELECT 1\0'),
      header: messageHeader('Q'),
    },
    {
      source: 'Message Formats, ReadyForQuery',
      wire: hex('5a 00000005 49'),
      payload: utf8('I'),
      header: messageHeader('Z'),
    },
    { source: 'Message Formats, Sync', wire: hex('53 00000004'), payload: empty, header: messageHeader('S') },
    { source: 'Message Formats, Terminate', wire: hex('58 00000004'), payload: empty, header: messageHeader('X') },
  ],
  tooLong: hex('44 00000405'),
  refused: [{ name: 'a length that does not count itself', wire: hex('44 00000000'), code: 'INVALID_LENGTH' }],
})

const preface = hex('505249202a20485454502f322e300d0a0d0a534d0d0a0d0a')

describeFraming('HTTP/2 preface', http2Preface, {
  vectors: [{ source: 'RFC 9113 section 3.4', wire: preface, frame: empty, payload: empty }],
  refused: [
    { name: 'a request of HTTP/1.1 at its first wrong byte', wire: utf8('PO'), code: 'INVALID_HEADER' },
    { name: 'another version', wire: utf8('PRI * HTTP/1.'), code: 'INVALID_HEADER' },
  ],
})

describeFraming('HTTP/2 frames', http2Frames(), {
  vectors: [
    {
      source: 'RFC 9113 section 6.5, empty SETTINGS',
      wire: hex('000000 04 00 00000000'),
      payload: empty,
      header: http2Header(4, 0, 0),
    },
    {
      source: 'RFC 9113 section 6.5, its acknowledgement',
      wire: hex('000000 04 01 00000000'),
      payload: empty,
      header: http2Header(4, 1, 0),
    },
    {
      source: 'RFC 9113 section 6.7, PING',
      wire: hex('000008 06 00 00000000 0102030405060708'),
      payload: hex('0102030405060708'),
      header: http2Header(6, 0, 0),
    },
    {
      source: 'RFC 9113 section 6.9, WINDOW_UPDATE of stream 1',
      wire: hex('000004 08 00 00000001 0000ffff'),
      payload: hex('0000ffff'),
      header: http2Header(8, 0, 1),
    },
  ],
  tooLong: hex('004001'),
})

describeFraming('AMQP 0-9-1 protocol header', protocolHeader, {
  vectors: [{ source: 'AMQP 0-9-1 section 4.2.2', wire: hex('414d5150 00 00 09 01'), frame: empty, payload: empty }],
  refused: [{ name: 'AMQP 1.0', wire: hex('414d5150 00 01'), code: 'INVALID_HEADER' }],
})

describeFraming('AMQP 0-9-1 frames', amqpFrames(4096), {
  vectors: [
    {
      source: 'AMQP 0-9-1 section 4.2.7, heartbeat',
      wire: hex('08 0000 00000000 ce'),
      payload: empty,
      header: amqpHeader(8, 0),
    },
    {
      source: 'AMQP 0-9-1 section 4.2.4, Channel.Open (20, 10) on channel 1',
      wire: hex('01 0001 00000005 0014 000a 00 ce'),
      payload: hex('0014 000a 00'),
      header: amqpHeader(1, 1),
    },
  ],
  tooLong: hex('03 0001 00000ff9'),
  refused: [{ name: 'another octet than 0xce at the end', wire: hex('08 0000 00000000 cd'), code: 'INVALID_HEADER' }],
})

describeFraming('BGP', bgpMessages(), {
  vectors: [
    {
      source: 'RFC 4271 section 4.4, KEEPALIVE',
      wire: hex(`${'ff'.repeat(16)} 0013 04`),
      payload: empty,
      header: bgpHeader(4),
    },
    {
      source: 'RFC 4271 section 4.5, NOTIFICATION: Hold Timer Expired',
      wire: hex(`${'ff'.repeat(16)} 0015 03 0400`),
      payload: hex('0400'),
      header: bgpHeader(3),
    },
  ],
  tooLong: hex(`${'ff'.repeat(16)} 1001`),
  refused: [
    { name: 'a marker that is not all ones', wire: hex('ff fe'), code: 'INVALID_HEADER' },
    { name: 'a length below 19', wire: hex(`${'ff'.repeat(16)} 0012`), code: 'INVALID_LENGTH' },
  ],
})

test('BGP messages may have 65535 bytes once that is negotiated (RFC 8654)', () => {
  expect(bgpMessages(65_535).maxFrameLength).toBe(65_516)
})

const request = hex('27 e0 0000 0000 00 436f6f6b69653a206d737473686173683d656c746f6e730d0a 01 00 0800 00000000')
const confirm = hex('0e d0 0000 1234 00 02 00 0800 00000000')

describeFraming('TPKT', tpktPackets, {
  vectors: [
    {
      source: '[MS-RDPBCGR] section 4.1.1, X.224 Connection Request',
      wire: concat(hex('03 00 002c'), request),
      frame: request,
      payload: request,
    },
    {
      source: '[MS-RDPBCGR] section 4.1.2, X.224 Connection Confirm',
      wire: concat(hex('03 00 0013'), confirm),
      frame: confirm,
      payload: confirm,
    },
  ],
  refused: [
    { name: 'another version than 3', wire: hex('02'), code: 'INVALID_HEADER' },
    { name: 'a length below its header', wire: hex('03 00 0003'), code: 'INVALID_LENGTH' },
  ],
})

/** Reads a stream whose framing changes: `next` says with which one each frame is followed. */
function converse(
  chunks: Iterable<Uint8Array>,
  first: Framing,
  next: (frame: string) => Framing | undefined,
): string[] {
  const decoder = new FrameDecoder(first)
  const frames: string[] = []
  for (const chunk of chunks) {
    decoder.push(chunk, (bytes, start, end) => {
      const frame = Buffer.from(bytes.subarray(start, end)).toString('hex')
      frames.push(frame)
      const framing = next(frame)
      if (framing !== undefined) decoder.setFraming(framing)
    })
  }
  decoder.end()
  return frames
}

describe('setFraming', () => {
  const cases = [
    {
      name: 'PostgreSQL, what a server reads: SSLRequest, StartupMessage, Query',
      wire: concat(
        encode(startupPackets, hex('04d2162f')),
        encode(startupPackets, startup),
        encode(typedMessages(), utf8('SELECT 1\0'), messageHeader('Q')),
        encode(typedMessages(), empty, messageHeader('X')),
      ),
      first: startupPackets,
      next: (frame: string) => (frame.startsWith('0003') ? typedMessages() : undefined),
      count: 4,
    },
    {
      name: 'PostgreSQL, what a client reads: the answer to SSLRequest in one byte, then messages',
      wire: concat(utf8('N'), encode(typedMessages(), hex('00000000'), messageHeader('R')), hex('5a 00000005 49')),
      first: sslAnswer,
      next: () => typedMessages(),
      count: 3,
    },
    {
      name: 'HTTP/2: preface, then frames',
      wire: concat(preface, hex('000000 04 00 00000000'), hex('000004 08 00 00000000 0000ffff')),
      first: http2Preface,
      next: (frame: string) => (frame === '' ? http2Frames() : undefined),
      count: 3,
    },
    {
      name: 'AMQP 0-9-1: protocol header, then frames',
      wire: concat(utf8('AMQP\0\0\x09\x01'), hex('08 0000 00000000 ce'), hex('01 0001 00000005 0014 000a 00 ce')),
      first: protocolHeader,
      next: (frame: string) => (frame === '' ? amqpFrames() : undefined),
      count: 3,
    },
  ]

  test.each(cases)('$name, for every split', ({ wire, first, next, count }) => {
    const whole = converse([wire], first, next)
    expect(whole).toHaveLength(count)
    expect(converse(oneByOne(wire), first, next)).toEqual(whole)
    for (let at = 0; at <= wire.length; at++) {
      expect(converse([wire.subarray(0, at), wire.subarray(at)], first, next), `split at ${at}`).toEqual(whole)
    }
  })
})
