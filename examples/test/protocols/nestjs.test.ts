// NestJS counts UTF-16 code units: its frames through our decoder, ours as NestJS counts them.

import { encode, FrameDecoder, text } from '@framewire/codec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asciiJson, nestjsMessages } from '../../src/protocols/nestjs.ts'
import { concat, describeFraming, hex, utf8 } from './vectors.ts'

const ping = utf8('{"pattern":"ping","data":"","id":"1"}')

/** As NestJS makes a frame: the length of the string, then its UTF-8. */
const asNestjs = (message: unknown) => {
  const json = JSON.stringify(message)
  return utf8(`${json.length}#${json}`)
}

describeFraming('NestJS', nestjsMessages(64), {
  vectors: [
    { source: 'json-socket.ts, a request', wire: concat(utf8('37#'), ping), frame: ping, payload: ping },
    { source: 'json-socket.ts, nothing', wire: utf8('0#'), frame: hex(''), payload: hex('') },
    { source: 'json-socket.ts, two bytes a character', wire: utf8('3#"é"'), frame: utf8('"é"') },
    { source: 'json-socket.ts, three bytes a character', wire: utf8('3#"€"'), frame: utf8('"€"') },
    { source: 'json-socket.ts, four bytes and two units', wire: utf8('4#"😀"'), frame: utf8('"😀"') },
    { source: 'json-socket.ts, a character at the end', wire: utf8('2#é😀'.replace('2', '3')), frame: utf8('é😀') },
  ],
  tooLong: utf8('65#'),
  refused: [
    { name: 'no number in front of #', wire: utf8('a#'), code: 'INVALID_LENGTH' },
    { name: 'half a character of two units', wire: utf8('1#😀'), code: 'INVALID_LENGTH' },
    {
      name: 'half a character behind the limit, where the limit counts',
      wire: utf8(`60#${'€'.repeat(59)}😀`),
      code: 'FRAME_TOO_LONG',
    },
    { name: 'fewer units than the limit in more bytes', wire: utf8(`60#${'€'.repeat(60)}`), code: 'FRAME_TOO_LONG' },
  ],
})

const message = fc.record({ pattern: fc.string({ unit: 'binary' }), data: fc.jsonValue() })

describe('NestJS', () => {
  test('reads what NestJS writes, in any chunks', () => {
    const property = fc.property(
      fc.array(message, { maxLength: 4 }),
      fc.integer({ min: 1, max: 9 }),
      (messages, size) => {
        const wire = concat(...messages.map(asNestjs))
        const decoder = new FrameDecoder(nestjsMessages())
        const seen: unknown[] = []
        for (let at = 0; at < wire.length; at += size) {
          for (const frame of decoder.decode(wire.subarray(at, at + size))) seen.push(asciiJson().decode(frame))
        }
        decoder.end()
        expect(seen).toEqual(messages.map((each) => JSON.parse(JSON.stringify(each))))
      },
    )
    fc.assert(property, { numRuns: 100 })
  })

  test('writes frames whose bytes and units agree', () => {
    const property = fc.property(message, (each) => {
      const wire = Buffer.from(encode(nestjsMessages(), asciiJson().encode(each))).toString()
      const [, digits, body] = /^(\d+)#(.*)$/s.exec(wire) ?? []
      expect(body?.length).toBe(Number(digits))
      expect(JSON.parse(body ?? '')).toEqual(JSON.parse(JSON.stringify(each)))
    })
    fc.assert(property, { numRuns: 100 })
    expect(() => encode(nestjsMessages(), utf8('"é"'))).toThrow('not ASCII')
  })

  test('serves two connections at once, as every framing does', () => {
    const framing = nestjsMessages()
    const decoders = [new FrameDecoder(framing), new FrameDecoder(framing)]
    const wires = [utf8('5#"ééé"'), utf8('5#"abc"')]
    const seen: string[] = []
    for (let at = 0; at < 12; at++) {
      decoders.forEach((decoder, index) => {
        for (const frame of decoder.decode(wires[index]?.subarray(at, at + 1) ?? hex(''))) seen.push(text.decode(frame))
      })
    }
    expect(seen.toSorted()).toEqual(['"abc"', '"ééé"'])
  })
})
