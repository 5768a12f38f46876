import { getEventListeners, once } from 'node:events'
import { encode, lengthField } from '@framewire/codec'
import { endOfTick, rejection, thrownBy, turn, within } from '@framewire/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../test/fake-clock.ts'
import { closedIn, ENDS, setUpConnection as setUp, setUpBlocked } from '../test/fake-connection.ts'
import { bytesOf, FRAMING, frames, KiB, message, text } from '../test/messages.ts'
import { Model, runSender, senderCommands } from '../test/sender-model.ts'
import { TransportError } from './transport-error.ts'

const mistake = new Error('mine')
const fail = () => {
  throw mistake
}

test('begins open, with an id of its own and both ends', () => {
  const [one, other] = [setUp().connection, setUp().connection]
  expect(one).toMatchObject({ state: 'open', ...ENDS, bufferedAmount: 0, writableNeedDrain: false })
  expect(other.id).toBeGreaterThan(one.id)
})

test('whatever is sent, corked, begun and drained: the frames leave in order, and drain comes once for each false', async () => {
  const limits = { highWaterMark: 20_000, lowWaterMark: 5_000, maxSendBuffer: 140_000 }
  const framing = lengthField({ maxFrameLength: 70_000 })
  await fc.assert(
    fc.asyncProperty(fc.nat(50_000), senderCommands, async (room, commands) => {
      const clock = new FakeClock()
      const { channel, connection } = setUp(room, {
        framing,
        clock,
        sendStallTimeoutMs: 10_000,
        closeTimeoutMs: 10_000_000,
        sendHighWaterMark: limits.highWaterMark,
        sendLowWaterMark: limits.lowWaterMark,
        maxSendBuffer: limits.maxSendBuffer,
      })
      const life = { connection, clock, sendStallTimeoutMs: 10_000 }
      await runSender(commands, new Model(framing, limits), { sender: connection, channel, life })
    }),
    { numRuns: 300 },
  )
})

describe('drain', () => {
  test('comes once the low watermark is reached, not before, and once', async () => {
    const { channel, connection } = await setUpBlocked()
    let drains = 0
    connection.on('drain', () => drains++)
    expect(connection.writableNeedDrain).toBe(true)
    connection.send(message(1, 16))
    channel.take(99)
    expect([drains, connection.writableNeedDrain, connection.bufferedAmount]).toEqual([0, true, 21])
    channel.take(1)
    expect([drains, connection.writableNeedDrain, connection.bufferedAmount]).toEqual([1, false, 20])
    channel.take(100)
    await endOfTick()
    expect(drains).toBe(1)
  })

  test('does not come for a send that answered true', async () => {
    const { channel, connection } = await setUpBlocked(95)
    let drains = 0
    connection.on('drain', () => drains++)
    channel.take(100)
    expect([drains, connection.bufferedAmount]).toEqual([0, 0])
  })

  test('may send more from inside: nothing is doubled, and drain comes again', async () => {
    const { channel, connection } = await setUpBlocked()
    let number = 1
    connection.on('drain', () => {
      if (number < 5) connection.send(message(number++, 96))
    })
    for (let round = 0; round < 5; round++) {
      channel.take(100)
      await endOfTick()
    }
    const sent = [0, 1, 2, 3, 4].map((index) => encode(FRAMING, message(index, 96)))
    expect(Buffer.compare(channel.bytes, Buffer.concat(sent))).toBe(0)
  })

  test('may send more than the channel takes and close from inside: the end comes behind the last byte', async () => {
    const { channel, connection } = await setUpBlocked()
    connection.once('drain', () => {
      connection.send(message(1, 500))
      void connection.close()
    })
    channel.take(100)
    await endOfTick()
    expect([channel.hasEnded, connection.state]).toEqual([false, 'closing'])
    channel.take(1000)
    expect(channel.hasEnded).toBe(true)
    expect(channel.bytes.length).toBe(100 + 504)
  })

  test('lets the event loop turn once a MiB, although the kernel takes everything at once', async () => {
    const { connection } = setUp()
    const payload = message(1, 64 * KiB)
    let [turns, isSending] = [0, true]
    const countTurn = () => {
      turns++
      if (isSending) setImmediate(countTurn)
    }
    setImmediate(countTurn)
    for (let index = 0; index < 160; index++) if (!connection.send(payload)) await connection.drained()
    isSending = false
    expect(turns).toBeGreaterThanOrEqual(9)
    expect(turns).toBeLessThan(40)
  })

  test('may destroy from inside', async () => {
    const { channel, connection } = await setUpBlocked()
    connection.once('drain', () => connection.destroy())
    channel.take(100)
    expect(await closedIn(connection)).toEqual({ initiator: 'local', error: undefined, unsentBytes: 0 })
  })
})

describe('drained and flush', () => {
  test('resolve at once where there is nothing to wait for', async () => {
    const { connection } = setUp()
    await within('drained', connection.drained())
    await within('flush', connection.flush())
  })

  test('flush hands over at once and resolves when the last byte is with the kernel', async () => {
    const { channel, connection } = setUp()
    connection.send(bytesOf('a'))
    const atOnce = connection.flush()
    expect(channel.bytes.length).toBe(5)
    await within('flush', atOnce)
    const blocked = await setUpBlocked()
    let isFlushed = false
    const flushed = blocked.connection.flush().then(() => {
      isFlushed = true
    })
    blocked.channel.take(99)
    await turn()
    expect(isFlushed).toBe(false)
    blocked.channel.take(1)
    await within('flush', flushed)
  })

  test('drained resolves with drain', async () => {
    const { channel, connection } = await setUpBlocked()
    const drained = connection.drained()
    channel.take(100)
    await within('drained', drained)
  })

  test.each(['drained', 'flush'] as const)(
    '%s rejects with CONNECTION_CLOSED when the connection ends',
    async (wait) => {
      const { connection } = await setUpBlocked()
      const { signal } = new AbortController()
      const waiting = connection[wait]({ signal })
      connection.destroy(mistake)
      expect(await rejection(waiting)).toMatchObject({ code: 'CONNECTION_CLOSED', cause: { cause: mistake } })
      expect(await rejection(connection[wait]())).toMatchObject({ code: 'CONNECTION_CLOSED' })
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    },
  )

  test.each(['drained', 'flush'] as const)(
    '%s rejects with ABORTED when its signal aborts, before or while',
    async (wait) => {
      const { connection } = await setUpBlocked()
      const controller = new AbortController()
      const waiting = connection[wait]({ signal: controller.signal })
      controller.abort(mistake)
      expect(await rejection(waiting)).toMatchObject({ code: 'ABORTED', cause: mistake })
      expect(await rejection(connection[wait]({ signal: controller.signal }))).toMatchObject({ code: 'ABORTED' })
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
      expect(connection.state).toBe('open')
    },
  )
})

describe('after the end', () => {
  test.each(['send', 'begin', 'commit'] as const)(
    '%s throws CONNECTION_CLOSED, and says why it ended',
    async (action) => {
      const { channel, connection } = setUp()
      connection.begin(10)
      void connection.close()
      const call = () => connection[action](3 as never)
      expect(thrownBy(call)).toMatchObject({
        code: 'CONNECTION_CLOSED',
        message: `${action} on a connection that is closing`,
      })
      connection.destroy(mistake)
      expect(thrownBy(call)).toMatchObject({ message: `${action} on a connection that is closed: mine` })
      expect(channel.writes).toEqual([])
    },
  )

  test('corks, pauses and further ends do nothing', async () => {
    const { connection, infos } = setUp()
    connection.destroy()
    await closedIn(connection)
    connection.cork()
    connection.uncork()
    connection.pause()
    connection.resume()
    connection.destroy(mistake)
    expect(await connection.close()).toEqual({ initiator: 'local', error: undefined, unsentBytes: 0 })
    expect(infos).toHaveLength(1)
  })

  test('bufferedAmount is what was not sent', async () => {
    const { connection } = await setUpBlocked()
    connection.destroy()
    await closedIn(connection)
    expect(connection.bufferedAmount).toBe(100)
  })
})

describe('who ended it, and why', () => {
  const ending: [string, (rig: ReturnType<typeof setUp>) => void, object][] = [
    ['destroy', ({ connection }) => connection.destroy(), { initiator: 'local', error: undefined }],
    [
      'destroy with an error',
      ({ connection }) => connection.destroy(mistake),
      { initiator: 'local', error: { code: 'ABORTED', message: 'mine', cause: mistake } },
    ],
    [
      'destroy with a TransportError',
      ({ connection }) => connection.destroy(new TransportError('PROTOCOL_ERROR', 'no')),
      { initiator: 'local', error: { code: 'PROTOCOL_ERROR', message: 'no' } },
    ],
    [
      'a throwing message listener',
      ({ channel, connection }) => {
        connection.on('message', fail)
        channel.bring(frames('a'))
      },
      { initiator: 'local', error: { code: 'ABORTED', cause: mistake } },
    ],
    [
      'a rejecting message listener',
      ({ channel, connection }) => {
        connection.on('message', async () => fail())
        channel.bring(frames('a'))
      },
      { initiator: 'local', error: { code: 'ABORTED', cause: mistake } },
    ],
    [
      'a throwing sink',
      ({ channel, connection }) => {
        connection.receive(fail)
        channel.bring(frames('a'))
      },
      { initiator: 'local', error: { code: 'ABORTED', cause: mistake } },
    ],
    [
      'a throwing drain listener',
      ({ connection }) => {
        connection.on('drain', fail)
        connection.send(message(0, 200))
      },
      { initiator: 'local', error: { code: 'ABORTED', cause: mistake } },
    ],
    [
      'a frame over the limit',
      ({ channel }) => channel.bring(Uint8Array.of(0xff, 0xff, 0xff, 0xff)),
      { initiator: 'local', error: { code: 'MESSAGE_TOO_LARGE' } },
    ],
    [
      'an end inside a frame',
      ({ channel }) => {
        channel.bring(frames('abc').subarray(0, 5))
        channel.onEnd()
      },
      { initiator: 'peer', error: { code: 'FRAME_TRUNCATED' } },
    ],
    [
      'a reset',
      ({ channel }) => channel.onClose(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })),
      { initiator: 'peer', error: { code: 'CONNECTION_RESET' } },
    ],
    [
      'a channel that is gone without an end',
      ({ channel }) => channel.onClose(),
      { initiator: 'peer', error: { code: 'CONNECTION_CLOSED', message: 'the channel closed before its end' } },
    ],
  ]

  test.each(ending)('%s', async (_, end, info) => {
    const rig = setUp()
    end(rig)
    expect(await closedIn(rig.connection)).toMatchObject(info)
    expect([rig.connection.state, rig.channel.isDestroyed, rig.infos.length]).toEqual(['closed', true, 1])
  })

  test('the first cause stays', async () => {
    const { channel, connection } = setUp()
    channel.bring(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
    connection.destroy(mistake)
    expect(await closedIn(connection)).toMatchObject({ error: { code: 'MESSAGE_TOO_LARGE' } })
  })

  test('a reset counts everything the channel never confirmed as unsent', async () => {
    const { channel, connection } = await setUpBlocked()
    connection.send(message(1, 10))
    channel.take(50)
    channel.onClose(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    expect(await closedIn(connection)).toMatchObject({ error: { code: 'CONNECTION_RESET' }, unsentBytes: 114 })
  })
})

test('a clean end has lost nothing, although the last drain was never told', async () => {
  const { channel, connection } = await setUpBlocked()
  channel.onDrain = () => {}
  channel.take(100)
  void connection.close()
  expect(channel.hasEnded).toBe(true)
  channel.onEnd()
  channel.onClose()
  expect(await closedIn(connection)).toEqual({ initiator: 'local', error: undefined, unsentBytes: 0 })
})

test('counters are handed out as a copy', () => {
  const { channel, connection } = setUp()
  const before = connection.stats()
  channel.bring(frames('a'))
  const nothing = { chunksReceived: 0, bytesReceived: 0, messagesReceived: 0, messagesQueued: 0 }
  const unsent = { messagesSent: 0, bytesSent: 0, bytesQueued: 0 }
  expect(before).toEqual({ ...nothing, ...unsent })
  const received = { chunksReceived: 1, bytesReceived: 5, messagesReceived: 1, messagesQueued: 1 }
  expect(connection.stats()).toEqual({ ...received, ...unsent })
})

test('what was accepted is counted as queued, then as sent, and what is lost stays queued', async () => {
  const { channel, connection } = setUp(0)
  connection.send(message(0, 96))
  connection.send([message(0, 10), message(0, 20)])
  const sent = () => {
    const { messagesSent, bytesSent, bytesQueued } = connection.stats()
    return { messagesSent, bytesSent, bytesQueued }
  }
  expect(sent()).toEqual({ messagesSent: 2, bytesSent: 0, bytesQueued: 134 })
  channel.take(134)
  await endOfTick()
  channel.take(134)
  expect(sent()).toEqual({ messagesSent: 2, bytesSent: 134, bytesQueued: 0 })
  connection.send(message(0, 6))
  connection.destroy()
  expect(sent()).toEqual({ messagesSent: 3, bytesSent: 134, bytesQueued: 10 })
})

test('`once` of node:events takes one message; the next wait for whoever listens next', async () => {
  const { channel, connection } = setUp()
  channel.bring(frames('a', 'b'))
  const [first] = (await within('a', once(connection, 'message'))) as [Uint8Array]
  const [second] = (await within('b', once(connection, 'message'))) as [Uint8Array]
  expect([text(first), text(second)]).toEqual(['a', 'b'])
})

test('next takes the first message, and a listener added behind it gets all that follow', async () => {
  const { channel, connection } = setUp()
  const hello = connection.next()
  channel.bring(frames('hello', 'a', 'b'))
  expect(text((await hello) as Uint8Array)).toBe('hello')
  const received: string[] = []
  connection.on('message', (message) => received.push(text(message)))
  channel.bring(frames('c'))
  await turn()
  expect(received).toEqual(['a', 'b', 'c'])
})
