// A framing that refuses a message, or breaks its own rules: nothing of that message leaves, and the next is whole.

import { type Framing, fixedLength, lengthField, lines } from '@framewire/codec'
import { endOfTick, thrownBy } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { bytesOf, message, text } from '../test/messages.ts'
import { FRAMING, setUp, wire } from '../test/send-queues.ts'
import { TransportError } from './transport-error.ts'

/** A framing that a user wrote. */
const own = (members: Partial<Framing>): Framing => ({
  maxFrameLength: FRAMING.maxFrameLength,
  measure: FRAMING.measure.bind(FRAMING),
  headerLength: FRAMING.headerLength.bind(FRAMING),
  trailerLength: FRAMING.trailerLength.bind(FRAMING),
  encodedLength: FRAMING.encodedLength.bind(FRAMING),
  encodeInto: FRAMING.encodeInto.bind(FRAMING),
  ...members,
})

describe('a message that has no form in the framing', () => {
  test.each([
    ['a line break in a line', lines(), bytesOf('a\nb'), bytesOf('ab\n')],
    ['two lengths of a fixed one', fixedLength(2), bytesOf('abc'), bytesOf('ab')],
  ])('is a TransportError: %s', async (_, framing, wrong, right) => {
    const { channel, queue } = setUp(undefined, { framing })
    for (const send of [() => queue.send(wrong), () => queue.sendParts([wrong])]) {
      expect(thrownBy(send)).toBeInstanceOf(TransportError)
    }
    expect(queue.bufferedAmount).toBe(0)
    queue.send(bytesOf('ab'))
    await endOfTick()
    expect(text(channel.bytes)).toBe(text(right))
  })

  test('is PROTOCOL_ERROR also where it was begun and committed', () => {
    const { queue } = setUp(undefined, { framing: lines() })
    const at = queue.begin(3)
    queue.slab.write('a\nb', at)
    expect(thrownBy(() => queue.commit(at + 3))).toMatchObject({ code: 'PROTOCOL_ERROR' })
  })
})

test('a length that its field cannot say is PROTOCOL_ERROR whichever way the message is sent, and nothing of it leaves', async () => {
  // One digit for the length: of 12 it says 2.
  const framing = lengthField({
    lengthFieldLength: 1,
    maxFrameLength: 5_000,
    writeLength: (field, at, length) => void field.set([length % 10], at),
    readLength: (field, at) => field[at] as number,
  })
  const { channel, queue } = setUp(undefined, { framing })
  queue.send(bytesOf('ab'))
  const at = queue.begin(12)
  const ways = [
    () => queue.commit(at + 12),
    () => queue.send(message(0, 12)),
    () => queue.send(message(0, 4_500)),
    () => queue.sendParts([message(0, 6), message(0, 6)]),
  ]
  for (const way of ways) expect(thrownBy(way)).toMatchObject({ name: 'TransportError', code: 'PROTOCOL_ERROR' })
  queue.send(bytesOf('c'))
  await endOfTick()
  expect(text(channel.bytes)).toBe('\u0002ab\u0001c')
})

describe('a framing that breaks its own rules', () => {
  test.each([[[10]], [[10, 5_000, 10]], [[5_000]]])(
    'leaves nothing of a message of %s bytes whose trailer it throws at',
    async (lengths) => {
      const mistake = new Error('mine')
      let isThrowing = true
      const framing = own({
        encodeHeaderInto: FRAMING.encodeHeaderInto?.bind(FRAMING) as NonNullable<Framing['encodeHeaderInto']>,
        encodeTrailerInto: (_, at) => {
          if (isThrowing) throw mistake
          return at
        },
      })
      const { channel, queue } = setUp(undefined, { framing })
      queue.send(message(0, 20))
      const parts = lengths.map((length, index) => message(index, length))
      expect(thrownBy(() => queue.sendParts(parts))).toBe(mistake)
      isThrowing = false
      queue.sendParts([message(1, 6_000), message(2, 20)])
      await endOfTick()
      expect(queue.bufferedAmount).toBe(0)
      const frames = wire([message(0, 20), Buffer.concat([message(1, 6_000), message(2, 20)])])
      expect(Buffer.compare(channel.bytes, frames)).toBe(0)
    },
  )

  test.each([
    ['returns nothing', () => undefined as never],
    ['writes less than it said', (target: Uint8Array, at: number) => target.fill(1, at, at + 3) && at + 3],
  ])('is a TypeError at the call: encodeInto %s', async (_, encodeInto) => {
    const { channel, queue } = setUp(undefined, { framing: own({ encodeInto }) })
    expect(thrownBy(() => queue.send(message(0, 5)))).toBeInstanceOf(TypeError)
    expect(thrownBy(() => queue.sendParts([message(0, 5)]))).toBeInstanceOf(TypeError)
    await endOfTick()
    expect([queue.bufferedAmount, channel.bytes.length]).toEqual([0, 0])
  })
})
