import { lengthField } from '@framewire/codec'
import { turn } from '@framewire/testkit'
import type { Connection } from '@framewire/transport'
import { describe, expect, test } from 'vitest'
import { connectionOn, memoryPair, UNCUT } from '../test/memory-channel.ts'
import { type Codec, json, raw } from './codec.ts'
import { decodeMessage, toMessage } from './message.ts'
import { RpcError } from './rpc-error.ts'

/** A codec of one's own: texts backwards. */
const backwards: Codec = {
  id: 200,
  name: 'backwards',
  encode: (value) => Buffer.from(Array.from(String(value)).reverse().join('')),
  decode(bytes) {
    if (bytes.length > 10) throw new RangeError('too much for me')
    if (bytes.length === 0) throw new RpcError('OUT_OF_RANGE', 'nothing to turn round')
    return Array.from(Buffer.from(bytes).toString()).reverse().join('')
  },
}

/** What `decode` makes of a frame that has arrived. */
async function decoded(bytes: string, decode: (connection: Connection, frame: Uint8Array, end: number) => unknown) {
  const framing = lengthField({ maxFrameLength: 1_000_000 })
  const [near, far] = memoryPair(UNCUT)
  const [sender, receiver] = [connectionOn(near, { framing }), connectionOn(far, { framing })]
  let result: unknown
  receiver.receive((frame, start, end) => {
    try {
      result = decode(receiver, frame.subarray(start, end), end - start)
    } catch (error) {
      result = error
    }
  })
  sender.send(Buffer.from(bytes))
  while (result === undefined) await turn()
  return result
}

const decodedBy = (codec: Codec, text: string) =>
  decoded(text, (connection, frame, end) => decodeMessage(connection, codec, frame, 0, end))

describe('to be written', () => {
  test('JSON stays text, bytes stay bytes, and undefined is no message in any codec', () => {
    expect(toMessage(json, { a: '\u20ac' })).toBe('{"a":"\u20ac"}')
    const bytes = Uint8Array.of(1, 2)
    expect(toMessage(raw, bytes)).toBe(bytes)
    expect(toMessage(backwards, 'abc')).toEqual(Buffer.from('cba'))
    for (const codec of [json, raw, backwards]) expect(toMessage(codec, undefined)).toBeUndefined()
  })
})

describe('as it arrived', () => {
  test('is decoded by its codec', async () => {
    expect(await decodedBy(json, '{"a":[1]}')).toEqual({ a: [1] })
    expect(await decodedBy(raw, 'abc')).toEqual(Uint8Array.from(Buffer.from('abc')))
    expect(await decodedBy(backwards, 'abc')).toBe('cba')
  })

  test('is INVALID_ARGUMENT where a codec of one`s own throws, whatever that is', async () => {
    const error = await decodedBy(backwards, 'x'.repeat(11))
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'malformed backwards',
      cause: new RangeError('too much for me'),
    })
    expect(await decodedBy(backwards, '')).toMatchObject({ code: 'OUT_OF_RANGE' })
  })

  test('stays what it was when the memory it came in is used again', async () => {
    const message = await decoded('abc', (connection, frame) => {
      const kept = decodeMessage(connection, raw, frame, 0, 3)
      frame.fill(0)
      return kept
    })
    expect(message).toEqual(Uint8Array.from(Buffer.from('abc')))
  })
})
