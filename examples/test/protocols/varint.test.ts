// The protocols with a varint for a length: MQTT, protobuf "delimited", libp2p.

import { encode } from '@framewire/codec'
import { expect, test } from 'vitest'
import { mqttPackets, splitPacket } from '../../src/protocols/mqtt.ts'
import { multistreamMessages, protobufMessages } from '../../src/protocols/protobuf.ts'
import { concat, describeFraming, hex, utf8 } from './vectors.ts'

const publish = concat(utf8('\0\x03a/b\0'), new Uint8Array(315).fill(0x78))

describeFraming('MQTT', mqttPackets(1024), {
  vectors: [
    { source: 'MQTT 5.0 section 3.12, PINGREQ', wire: hex('c0 00'), payload: hex(''), header: hex('c0') },
    { source: 'MQTT 5.0 section 3.13, PINGRESP', wire: hex('d0 00'), payload: hex(''), header: hex('d0') },
    {
      source: 'MQTT 5.0 section 3.1.2, CONNECT with the variable header of figure 3-6',
      wire: hex('10 10 0004 4d515454 05 ce 000a 05 11 0000000a'),
      payload: hex('0004 4d515454 05 ce 000a 05 11 0000000a'),
      header: hex('10'),
    },
    {
      source: 'MQTT 3.1.1 section 2.2.3: 321 is written as 193, 2',
      wire: concat(hex('30 c1 02'), publish),
      payload: publish,
      header: hex('30'),
    },
  ],
  tooLong: hex('30 81 08'),
  refused: [
    { name: 'a fifth byte of length (section 1.5.5)', wire: hex('30 80 80 80 80 01'), code: 'INVALID_LENGTH' },
    { name: 'a length longer than it need be (MQTT-1.5.5-1)', wire: hex('30 80 00'), code: 'INVALID_LENGTH' },
  ],
})

test('splits a packet of MQTT where its length ends, and puts it together again', () => {
  const packet = concat(hex('30 c1 02'), publish)
  const { header, payload } = splitPacket(packet)
  expect(payload).toEqual(publish)
  expect(encode(mqttPackets(), payload, header)).toEqual(packet)
})

const long = new Uint8Array(300).fill(0x61)

describeFraming('protobuf delimited', protobufMessages(1024), {
  vectors: [
    {
      source: 'protobuf encoding guide, Test1 { a: 150 }, delimited',
      wire: hex('03 08 96 01'),
      frame: hex('08 96 01'),
      payload: hex('08 96 01'),
    },
    { source: 'protobuf encoding guide, a message of defaults', wire: hex('00'), frame: hex(''), payload: hex('') },
    { source: 'unsigned-varint, 300 is ac 02', wire: concat(hex('ac 02'), long), frame: long, payload: long },
  ],
  tooLong: hex('81 08'),
  refused: [
    { name: 'a sixth byte of length', wire: hex('80 80 80 80 80 01'), code: 'INVALID_LENGTH' },
    { name: 'a length longer than it need be', wire: hex('81 00'), code: 'INVALID_LENGTH' },
  ],
})

const multistream = (line: string) => ({ frame: utf8(line), payload: utf8(line) })

describeFraming('libp2p multistream-select', multistreamMessages, {
  vectors: [
    {
      source: 'multistream-select, "Message Format"',
      wire: utf8('\x13/multistream/1.0.0\n'),
      ...multistream('/multistream/1.0.0\n'),
    },
    { source: 'multistream-select, na', wire: utf8('\x03na\n'), ...multistream('na\n') },
  ],
  tooLong: hex('81 08'),
})
