import { encode } from '@framewire/codec'
import { endOfTick, turn, until } from '@framewire/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expectSame, FRAMING, frames, messages, text } from '../test/messages.ts'
import { setUpReceiver as setUp } from '../test/receiving.ts'
import type { Receiver } from './receiver.ts'

async function readAll(receiver: Receiver, into: string[]): Promise<void> {
  for await (const message of receiver.iterate()) into.push(text(message))
}

describe('a listener', () => {
  test('gets messages as they come, the empty ones too, and they are counted', () => {
    const { receiver, seen, bring, listen } = setUp()
    listen()
    bring('a', '', 'b')
    expect(seen.messages).toEqual(['a', '', 'b'])
    expect(receiver.stats).toEqual({ chunksReceived: 1, bytesReceived: 14, messagesReceived: 3 })
  })

  test('that comes late gets first what came before it', () => {
    const { seen, bring, listen } = setUp()
    bring('a', 'b')
    listen()
    bring('c')
    expect(seen.messages).toEqual(['a', 'b', 'c'])
  })

  test('for one message takes one, early or late; the rest waits for the next', () => {
    const { receiver, seen, bring, listen, listenOnce } = setUp()
    bring('a', 'b', 'c')
    listenOnce()
    expect(seen.messages).toEqual(['a'])
    listenOnce()
    listen()
    expect(seen.messages).toEqual(['a', 'b', 'c'])
    const early = setUp()
    early.listenOnce()
    early.bring('a', 'b')
    expect(early.seen.messages).toEqual(['a'])
    early.listen()
    expect(early.seen.messages).toEqual(['a', 'b'])
    expect([receiver.stats.messagesReceived, early.receiver.stats.messagesReceived]).toEqual([3, 2])
  })

  test('may read on inside itself: a resume there takes no message out of turn and ends nothing', () => {
    const { receiver, seen, bring, listen, note } = setUp()
    let depth = 0
    listen((message) => {
      expect(++depth).toBe(1)
      receiver.pause()
      receiver.resume()
      note(message)
      depth--
    })
    bring('a', 'b')
    expect(seen).toMatchObject({ messages: ['a', 'b'], failures: [] })
  })

  test('that pauses and resumes inside itself leaves the channel flowing', () => {
    const { channel, receiver, bring, listen } = setUp()
    listen(() => {
      receiver.pause()
      receiver.resume()
    })
    bring('a')
    expect(channel.isPaused).toBe(false)
  })

  test('that throws ends the connection with ABORTED and gets no more messages', () => {
    const { seen, bring, listen } = setUp()
    const cause = Object.assign(new Error('mine'), { code: 'ECONNRESET' })
    let calls = 0
    listen(() => {
      calls++
      throw cause
    })
    bring('a', 'b')
    expect(seen.failures).toMatchObject([{ code: 'ABORTED', message: 'mine', cause }])
    expect(calls).toBe(1)
  })

  test('that comes late and throws ends the connection too, and gets no more', () => {
    const { seen, bring, listen } = setUp()
    bring('a', 'b')
    let calls = 0
    listen(() => {
      calls++
      throw Object.create(null)
    })
    expect(seen.failures).toMatchObject([{ code: 'ABORTED', message: 'something without a text was thrown' }])
    expect(calls).toBe(1)
  })

  test('gets nothing more once the connection was ended in it', () => {
    const { receiver, seen, bring, listen, note } = setUp()
    bring('a', 'b')
    listen((message) => {
      note(message)
      receiver.stop()
    })
    expect(seen.messages).toEqual(['a'])
    const early = setUp()
    early.listen((message) => {
      early.note(message)
      early.receiver.stop()
    })
    early.bring('a', 'b')
    expect(early.seen.messages).toEqual(['a'])
  })

  test('that comes after the end still gets what waits', () => {
    const { receiver, seen, bring, listen } = setUp()
    bring('a', 'b')
    receiver.settle(undefined)
    listen()
    expect(seen.messages).toEqual(['a', 'b'])
  })
})

describe('a sink', () => {
  test('gets every frame, first those that came before it', () => {
    const { receiver, seen, bring, sink } = setUp()
    bring('a', 'b')
    receiver.setSink(sink())
    bring('c')
    expect(seen.messages).toEqual(['a', 'b', 'c'])
  })

  test('that answers false gets nothing more until resume, in the order of arrival', () => {
    const { channel, receiver, seen, bring, sink } = setUp()
    bring('a', 'b')
    receiver.setSink(sink(false))
    expect([seen.messages, channel.isPaused]).toEqual([['a'], true])
    bring('c', 'd')
    expect(seen.messages).toEqual(['a'])
    for (const expected of [
      ['a', 'b'],
      ['a', 'b', 'c'],
      ['a', 'b', 'c', 'd'],
    ]) {
      receiver.resume()
      expect(seen.messages).toEqual(expected)
    }
    expect(channel.isPaused).toBe(true)
    receiver.resume()
    expect(channel.isPaused).toBe(false)
  })

  test('that throws ends the connection with ABORTED', () => {
    const { receiver, seen, bring } = setUp()
    receiver.setSink(() => {
      throw new Error('mine')
    })
    bring('a')
    expect(seen.failures).toMatchObject([{ code: 'ABORTED', message: 'mine' }])
  })

  test('may be set by a listener: the next frame is its own, once the listener has returned', () => {
    for (const isLate of [false, true]) {
      const { receiver, seen, bring, listen, note, sink } = setUp()
      if (isLate) bring('a', 'b')
      listen((message) => {
        receiver.setSink(sink())
        note(message)
      })
      if (!isLate) bring('a', 'b')
      expect(seen).toMatchObject({ messages: ['a', 'b'], failures: [] })
    }
  })

  test('that takes a message by an iterator is not called with the next before it has returned', () => {
    const { receiver, seen, bring, note } = setUp({ maxQueuedMessages: 2 })
    bring('a', 'b', 'c')
    receiver.setSink((bytes, start, end) => {
      if (seen.messages.length === 0) void receiver.iterate().next()
      note(bytes.subarray(start, end))
    })
    expect(seen.messages).toEqual(['a', 'c'])
  })
})

describe('pause', () => {
  test('stops the channel at once, not with the next chunk', () => {
    const { channel, receiver } = setUp()
    receiver.pause()
    expect(channel.isPaused).toBe(true)
  })

  test('holds back what the same chunk still brings, and the channel', () => {
    const { channel, receiver, seen, bring, listen, note } = setUp()
    listen((message) => {
      note(message)
      receiver.pause()
    })
    bring('a', 'b', 'c')
    expect([seen.messages, channel.isPaused]).toEqual([['a'], true])
    receiver.resume()
    expect(seen.messages).toEqual(['a', 'b'])
  })

  test('holds back what waits from a listener that comes late, until resume', () => {
    const { receiver, seen, bring, listen, note } = setUp()
    bring('a', 'b', 'c')
    receiver.pause()
    listen((message) => {
      note(message)
      if (text(message) === 'b') receiver.pause()
    })
    expect(seen.messages).toEqual([])
    receiver.resume()
    expect(seen.messages).toEqual(['a', 'b'])
    receiver.resume()
    expect(seen.messages).toEqual(['a', 'b', 'c'])
  })

  test('lets the end of the peer wait behind the messages that are held back', async () => {
    const { receiver, seen, bring, listen, note } = setUp()
    listen((message) => {
      note(message)
      receiver.pause()
    })
    bring('a', 'b')
    receiver.end()
    await turn()
    expect(seen).toMatchObject({ messages: ['a'], finished: 0 })
    receiver.resume()
    receiver.resume()
    await turn()
    expect(seen).toMatchObject({ messages: ['a', 'b'], finished: 1 })
  })
})

describe('the queue', () => {
  test('stops the channel at maxQueuedMessages exactly, and goes on when half of it is taken', async () => {
    const { channel, receiver, bring } = setUp({ maxQueuedMessages: 4 })
    bring('a', 'b', 'c')
    expect(channel.isPaused).toBe(false)
    bring('d', 'e', 'f')
    expect([channel.isPaused, receiver.stats.messagesReceived]).toEqual([true, 4])
    const iterator = receiver.iterate()
    await iterator.next()
    expect(channel.isPaused).toBe(true)
    await iterator.next()
    expect([channel.isPaused, receiver.stats.messagesReceived]).toEqual([true, 6])
    await iterator.next()
    await iterator.next()
    expect(channel.isPaused).toBe(false)
  })

  test('stops the channel at maxQueuedBytes', () => {
    const { channel, bring } = setUp({ maxQueuedBytes: 200 })
    bring('a', 'b')
    expect(channel.isPaused).toBe(false)
    bring('c'.repeat(6))
    expect(channel.isPaused).toBe(true)
  })

  test('goes to a listener that stayed when the last iterator has left', async () => {
    const { receiver, seen, bring, listen } = setUp()
    listen()
    const iterator = receiver.iterate()
    const first = iterator.next()
    bring('a', 'b', 'c')
    expect(text((await first).value)).toBe('a')
    await iterator.return?.()
    await endOfTick()
    bring('d')
    expect(seen.messages).toEqual(['b', 'c', 'd'])
  })

  test('pins for a message at most four times its size or a block of 16 KiB, wherever it stood in its chunk', () => {
    const length = fc.oneof(fc.nat(100), fc.nat(5000), fc.nat(40_000))
    const property = fc.property(fc.array(length, { maxLength: 30 }), fc.nat(9000), (lengths, cut) => {
      const { receiver, listen } = setUp()
      const kept: Uint8Array[] = []
      listen((message) => void kept.push(message))
      const wire = new Uint8Array(Buffer.concat(messages(lengths).map((payload) => encode(FRAMING, payload))))
      receiver.push(new Uint8Array(wire.subarray(0, cut)))
      receiver.push(new Uint8Array(wire.subarray(cut)))
      expectSame(kept, messages(lengths))
      for (const { buffer, length } of kept) expect(buffer.byteLength).toBeLessThanOrEqual(Math.max(4 * length, 16_384))
    })
    fc.assert(property, { numRuns: 200 })
  })

  test('keeps a message apart from the bytes that come after it, also one that was cut', () => {
    const { receiver } = setUp()
    const kept: Uint8Array[] = []
    receiver.setSink((bytes, start, end) => void kept.push(receiver.keep(bytes, start, end)))
    const [one, other] = [new Uint8Array(frames('first')), new Uint8Array(frames('other'))]
    for (const wire of [one, other]) for (const byte of wire) receiver.push(Uint8Array.of(byte))
    expect(kept.map(text)).toEqual(['first', 'other'])
  })
})

describe('the end of the peer', () => {
  test('between frames is reported a turn later, so that the last message can be answered', async () => {
    const { receiver, seen, bring, listen } = setUp()
    listen()
    bring('a')
    receiver.end()
    expect(seen.finished).toBe(0)
    await turn()
    expect(seen).toMatchObject({ finished: 1, failures: [] })
  })

  test('inside a frame is FRAME_TRUNCATED', () => {
    const { receiver, seen } = setUp()
    receiver.push(new Uint8Array(frames('abc').subarray(0, 5)))
    receiver.end()
    expect(seen.failures).toMatchObject([{ code: 'FRAME_TRUNCATED' }])
  })

  test('inside a frame, seen only after a pause, is FRAME_TRUNCATED behind the whole messages', () => {
    const { receiver, seen, listen, note } = setUp()
    listen((message) => {
      note(message)
      receiver.pause()
    })
    receiver.push(new Uint8Array(frames('a', 'bc').subarray(0, 8)))
    receiver.end()
    expect(seen.failures).toEqual([])
    receiver.resume()
    expect(seen).toMatchObject({ messages: ['a'], failures: [{ code: 'FRAME_TRUNCATED' }] })
  })

  test('waits for messages that nobody has read yet, and for the reader that left some of them', async () => {
    const { receiver, seen, bring } = setUp()
    bring('a', 'b')
    receiver.end()
    await turn()
    expect(seen.finished).toBe(0)
    for await (const message of receiver.iterate()) {
      expect(text(message)).toBe('a')
      break
    }
    await turn()
    expect(seen.finished).toBe(0)
    await readAll(receiver, seen.messages)
    expect(seen.messages).toEqual(['b'])
    await until('the end is reported', () => seen.finished > 0)
  })
})

describe('a connection that closes', () => {
  test('goes on reading what nobody reads, to see the end, within the bound of the queue', async () => {
    const { channel, receiver, seen, bring } = setUp({ maxQueuedMessages: 3 })
    bring('a', 'b', 'c')
    expect(channel.isPaused).toBe(true)
    receiver.beginClose()
    expect(channel.isPaused).toBe(false)
    for (let round = 0; round < 10; round++) bring('d', 'e')
    expect([channel.isPaused, receiver.stats.messagesReceived]).toEqual([false, 23])
    await Promise.race([readAll(receiver, seen.messages), turn()])
    expect(seen.messages).toEqual(['a', 'b', 'c'])
  })

  test('shows no gap: once a message was dropped, none of those that follow is handed out', () => {
    const { receiver, seen, bring, listen } = setUp({ maxQueuedMessages: 2 })
    bring('a')
    receiver.beginClose()
    bring('b', 'dropped')
    listen()
    bring('c')
    listen()
    expect(seen.messages).toEqual(['a', 'b'])
  })

  test('still hands messages to a listener', () => {
    const { receiver, seen, bring, listen } = setUp()
    listen()
    receiver.beginClose()
    bring('a')
    expect(seen.messages).toEqual(['a'])
  })

  test('may be closed by the listener for its only message', () => {
    const { receiver, seen, bring, listenOnce } = setUp()
    listenOnce(() => receiver.beginClose())
    bring('a', 'b')
    expect(seen.failures).toEqual([])
  })

  test('goes on reading when the reader leaves a full queue', async () => {
    const { channel, receiver, bring } = setUp({ maxQueuedMessages: 2 })
    const iterator = receiver.iterate()
    const first = iterator.next()
    bring('a', 'b', 'c', 'd')
    expect(text((await first).value)).toBe('a')
    receiver.beginClose()
    expect(channel.isPaused).toBe(true)
    await iterator.return?.()
    await endOfTick()
    expect(channel.isPaused).toBe(false)
  })
})
