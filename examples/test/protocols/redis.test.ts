// RESP: items as the specification writes them, commands, inline commands, and values from items.

import { decodeAll, encode, encodeAll } from '@framewire/codec'
import { describe, expect, test } from 'vitest'
import { bulkItem, encodeCommand, respItems } from '../../src/protocols/redis.ts'
import { type RedisValue, RedisValues } from '../../src/protocols/redis-value.ts'
import { concat, describeFraming, hex, utf8 } from './vectors.ts'

const item = (source: string, wire: string) => {
  const frame = utf8(wire.slice(0, -2))
  return { source: `RESP specification, ${source}`, wire: utf8(wire), frame, payload: frame }
}

describeFraming('RESP items', respItems(1024), {
  vectors: [
    item('simple strings', '+OK\r\n'),
    item('simple errors', '-ERR unknown command\r\n'),
    item('integers', ':1000\r\n'),
    item('bulk strings', '$5\r\nhello\r\n'),
    item('the empty bulk string', '$0\r\n\r\n'),
    item('null bulk strings', '$-1\r\n'),
    item('a bulk string with a line end', '$4\r\na\r\nb\r\n'),
    item('arrays, the count', '*3\r\n'),
    item('nulls', '_\r\n'),
    item('bulk errors', '!21\r\nSYNTAX invalid syntax\r\n'),
    item('verbatim strings', '=15\r\ntxt:Some string\r\n'),
    item('inline commands', 'EXISTS somekey\r\n'),
    { source: 'an inline command from a terminal', wire: utf8('PING\n'), frame: utf8('PING') },
    { source: 'an empty inline command', wire: utf8('\r\n'), frame: hex(''), payload: hex('') },
  ],
  tooLong: utf8('$1025\r\n'),
  refused: [
    { name: 'a line of 64 KiB', wire: new Uint8Array(64 * 1024).fill(0x61), code: 'FRAME_TOO_LONG' },
    { name: 'a typed line that ends in LF alone', wire: utf8('+OK\n'), code: 'INVALID_HEADER' },
    { name: 'a bulk length that ends in LF alone', wire: utf8('$5\n'), code: 'INVALID_LENGTH' },
    { name: 'a bulk length with a leading zero', wire: utf8('$05\r\n'), code: 'INVALID_LENGTH' },
    { name: 'a bulk without CRLF behind it', wire: utf8('$1\r\nabc'), code: 'INVALID_HEADER' },
    { name: 'a bulk with LF alone behind it', wire: utf8('$1\r\nab\n'), code: 'INVALID_HEADER' },
  ],
})

describe('RESP commands', () => {
  test('the request of the specification, "Sending commands to a Redis server"', () => {
    expect(encodeCommand('LLEN', 'mylist')).toEqual(utf8('*2\r\n$4\r\nLLEN\r\n$6\r\nmylist\r\n'))
  })

  test('carry any bytes', () => {
    const value = hex('00 0d0a 24 ff')
    const items = decodeAll(respItems(), encodeCommand('SET', '', value))
    expect(items).toEqual([utf8('*3'), bulkItem(utf8('SET')), bulkItem(hex('')), bulkItem(value)])
  })

  test.each(['+a\r\nb', 'SET a\nb', '$3\r\nabcd', '$3\r\nab', '$', 'PING\r'])('refuse the item %j', (text) => {
    expect(() => encode(respItems(), utf8(text))).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }))
  })
})

function values(wire: string): RedisValue[] {
  const reader = new RedisValues()
  return decodeAll(respItems(), utf8(wire)).flatMap((each) => reader.push(each) ?? [])
}

describe('Redis values', () => {
  const single = (wire: string): RedisValue | undefined => {
    const reader = new RedisValues()
    return decodeAll(respItems(), utf8(wire))
      .map((each) => reader.push(each))
      .find((value) => value !== undefined)
  }

  test('the nested array of the specification', () => {
    const wire = '*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n*2\r\n+Hello\r\n-World\r\n'
    expect(single(wire)).toEqual([
      [1, 2, 3],
      ['Hello', new Error('World')],
    ])
  })

  test('empty and null ones, alone and inside', () => {
    expect(single('*0\r\n')).toEqual([])
    expect(single('*-1\r\n')).toBe(null)
    expect(single('$-1\r\n')).toBe(null)
    expect(single('*3\r\n$5\r\nhello\r\n$-1\r\n*0\r\n')).toEqual([utf8('hello'), null, []])
  })

  test('of RESP3', () => {
    expect(single('%2\r\n+first\r\n:1\r\n+second\r\n:2\r\n')).toEqual(['first', 1, 'second', 2])
    expect(values(',1.5\r\n,-inf\r\n#t\r\n#f\r\n(12345678901234567890\r\n')).toEqual([
      1.5,
      Number.NEGATIVE_INFINITY,
      true,
      false,
      12345678901234567890n,
    ])
    expect(single('_\r\n')).toBe(null)
    expect(values('=8\r\ntxt:Some\r\n!3\r\nERR\r\n')).toEqual([utf8('Some'), new Error('ERR')])
  })

  test('refuse depth, counts and types that only a hostile server sends', () => {
    expect(() => values('*1\r\n'.repeat(33))).toThrow('deeper than 32')
    expect(() => values('*1048577\r\n')).toThrow('the most is 1048576')
    expect(() => values('*-2\r\n')).toThrow('array of -2 elements')
    expect(() => values('$-2\r\n')).toThrow('negative length')
    expect(() => values('|1\r\n+a\r\n+b\r\n')).toThrow('unknown')
  })

  test('take twenty thousand elements without recursion', () => {
    const wire = concat(
      utf8('*20000\r\n'),
      encodeAll(
        respItems(),
        Array.from({ length: 20_000 }, () => utf8(':7')),
      ),
    )
    expect(single(Buffer.from(wire).toString())).toHaveLength(20_000)
  })
})
