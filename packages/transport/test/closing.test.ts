// The life of a closing connection, with a channel and a clock that the test drives.

import { getEventListeners } from 'node:events'
import { endOfTick, rejection, thrownBy, turn } from '@framewire/testkit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Connection } from '../src/connection.ts'
import { closedIn, setUpConnection as setUp, setUpBlocked } from './fake-connection.ts'
import { bytesOf, frames, message, text } from './messages.ts'

const mistake = new Error('mine')
const fail = () => {
  throw mistake
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

async function isClosedAfter(connection: Connection, milliseconds: number): Promise<boolean> {
  vi.advanceTimersByTime(milliseconds)
  await turn()
  return connection.state === 'closed'
}

describe('close', () => {
  test('sends what is queued, then the end, and resolves when the peer has ended too', async () => {
    const { channel, connection, infos } = setUp()
    connection.send(bytesOf('a'))
    const closed = connection.close()
    expect(connection.state).toBe('closing')
    expect([text(channel.bytes.subarray(4)), channel.hasEnded]).toEqual(['a', true])
    channel.onEnd()
    channel.onClose()
    expect(await closed).toEqual({ initiator: 'local', error: undefined, unsentBytes: 0 })
    expect(infos).toEqual([await connection.closed])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('sends what was corked', () => {
    const { channel, connection } = setUp()
    connection.cork()
    connection.send(bytesOf('a'))
    void connection.close()
    expect(channel.bytes.length).toBe(5)
  })

  test('ends only when the channel has taken everything', async () => {
    const { channel, connection } = await setUpBlocked()
    void connection.close()
    channel.take(99)
    expect(channel.hasEnded).toBe(false)
    channel.take(1)
    expect(channel.hasEnded).toBe(true)
  })

  test('still hands out what the peer sends before its own end', async () => {
    const { channel, connection } = setUp()
    const received: string[] = []
    connection.on('message', (message) => received.push(text(message)))
    void connection.close()
    channel.bring(frames('a'))
    channel.bring(frames('b'))
    expect(received).toEqual(['a', 'b'])
  })

  test('lets those who wait for flush and drained have their answer', async () => {
    const { channel, connection } = await setUpBlocked()
    const waits = [connection.flush(), connection.drained()]
    void connection.close()
    channel.take(100)
    await Promise.all(waits)
    expect(connection.state).toBe('closing')
  })

  test('gives the same answer however often it is asked', async () => {
    const { channel, connection } = setUp()
    const answers = [connection.close(), connection.close(), connection.closed]
    channel.onEnd()
    channel.onClose()
    const [info] = await Promise.all(answers)
    expect(info).toEqual({ initiator: 'local', error: undefined, unsentBytes: 0 })
  })

  test('is what `await using` does', async () => {
    const { channel, connection } = setUp()
    const disposed = connection[Symbol.asyncDispose]()
    expect(connection.state).toBe('closing')
    channel.onEnd()
    channel.onClose()
    await disposed
  })

  test('refuses a time that cannot be meant, and stays open', () => {
    const { connection } = setUp()
    expect(() => connection.close({ timeoutMs: 0 })).toThrow(RangeError)
    expect(connection.state).toBe('open')
  })

  test('while paused drops what comes, and all that follows it after resume: nothing is missing inside', () => {
    const { channel, connection } = setUp()
    const received: string[] = []
    connection.on('message', (message) => received.push(text(message)))
    channel.bring(frames('a'))
    connection.pause()
    void connection.close()
    channel.bring(frames('b'))
    connection.resume()
    channel.bring(frames('c'))
    expect(received).toEqual(['a'])
  })

  test('and then a pause: what comes is dropped, and the end of the peer is still seen', () => {
    const { channel, connection } = setUp()
    connection.on('message', () => connection.pause())
    void connection.close()
    connection.pause()
    expect(channel.isPaused).toBe(false)
    connection.resume()
    channel.bring(frames('a', 'b'))
    expect(channel.isPaused).toBe(false)
  })

  test('inside a message listener takes effect at once and loses nothing that was sent', async () => {
    const { channel, connection } = setUp()
    connection.once('message', (message) => {
      connection.send(message)
      void connection.close()
    })
    channel.bring(frames('a', 'b'))
    expect([text(channel.bytes.subarray(4)), channel.hasEnded, connection.state]).toEqual(['a', true, 'closing'])
    channel.onEnd()
    channel.onClose()
    expect(await closedIn(connection)).toMatchObject({ error: undefined })
  })
})

describe('the deadline', () => {
  test('with bytes unsent is WRITE_TIMEOUT, with their number', async () => {
    const { channel, connection } = await setUpBlocked()
    channel.take(30)
    void connection.close({ timeoutMs: 50 })
    expect(await isClosedAfter(connection, 49)).toBe(false)
    expect(await isClosedAfter(connection, 1)).toBe(true)
    expect(await closedIn(connection)).toMatchObject({
      initiator: 'local',
      error: { code: 'WRITE_TIMEOUT', message: '70 bytes were not sent within 50 ms of close' },
      unsentBytes: 70,
    })
  })

  test('with everything sent and a peer that never ends is no error', async () => {
    const { connection } = setUp()
    void connection.close({ timeoutMs: 50 })
    expect(await isClosedAfter(connection, 50)).toBe(true)
    expect(await closedIn(connection)).toEqual({ initiator: 'local', error: undefined, unsentBytes: 0 })
  })

  test('is closeTimeoutMs where close names none', async () => {
    const { connection } = setUp(undefined, { closeTimeoutMs: 80 })
    void connection.close()
    expect(await isClosedAfter(connection, 79)).toBe(false)
    expect(await isClosedAfter(connection, 1)).toBe(true)
  })

  test('may be Infinity', async () => {
    const { connection } = setUp()
    void connection.close({ timeoutMs: Number.POSITIVE_INFINITY })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('comes nearer when a later close names an earlier one, and is never put off', async () => {
    const { connection } = setUp()
    void connection.close({ timeoutMs: Number.POSITIVE_INFINITY })
    void connection.close({ timeoutMs: 100 })
    void connection.close({ timeoutMs: 1000 })
    void connection.close()
    expect(await isClosedAfter(connection, 99)).toBe(false)
    expect(await isClosedAfter(connection, 1)).toBe(true)
  })

  test('of close holds also where the peer began to close', async () => {
    const { channel, connection } = await setUpBlocked(96, { closeTimeoutMs: 60_000 })
    channel.onEnd()
    await turn()
    expect(connection.state).toBe('closing')
    void connection.close({ timeoutMs: 100 })
    expect(await isClosedAfter(connection, 100)).toBe(true)
    expect(await closedIn(connection)).toMatchObject({ initiator: 'peer', error: { code: 'WRITE_TIMEOUT' } })
  })

  test('of a peer that ended and does not read our answer is closeTimeoutMs', async () => {
    const { channel, connection } = await setUpBlocked(96, { closeTimeoutMs: 80 })
    channel.onEnd()
    await turn()
    expect(await isClosedAfter(connection, 79)).toBe(false)
    expect(await isClosedAfter(connection, 1)).toBe(true)
    expect(await closedIn(connection)).toMatchObject({ unsentBytes: 100 })
  })
})

describe('a signal given to close', () => {
  test('ends the wait: what was not sent is dropped, with ABORTED', async () => {
    const { connection } = await setUpBlocked()
    const controller = new AbortController()
    const closed = connection.close({ signal: controller.signal })
    controller.abort(mistake)
    expect(await closed).toMatchObject({ error: { code: 'ABORTED', cause: mistake }, unsentBytes: 100 })
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  test('that has aborted before ends at once', async () => {
    const { connection } = await setUpBlocked()
    expect(await connection.close({ signal: AbortSignal.abort(mistake) })).toMatchObject({ error: { code: 'ABORTED' } })
  })

  test('keeps no listener after a clean end', async () => {
    const { channel, connection } = setUp()
    const { signal } = new AbortController()
    const closed = connection.close({ signal })
    channel.onEnd()
    channel.onClose()
    await closed
    await turn()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('an end by the peer', () => {
  test('closes this side once everything is read and sent', async () => {
    const { channel, connection } = await setUpBlocked()
    channel.onEnd()
    await turn()
    expect([connection.state, channel.hasEnded]).toEqual(['closing', false])
    channel.take(100)
    expect(channel.hasEnded).toBe(true)
    channel.onClose()
    expect(await closedIn(connection)).toEqual({ initiator: 'peer', error: undefined, unsentBytes: 0 })
  })

  test('lets a reader answer the last message, however long it takes', async () => {
    const { channel, connection } = setUp()
    channel.bring(frames('a'))
    channel.onEnd()
    const iterator = connection[Symbol.asyncIterator]()
    await iterator.next()
    for (let count = 0; count < 5; count++) await turn()
    expect(connection.send(bytesOf('answer'))).toBe(true)
    const done = iterator.next()
    await done
    await endOfTick()
    expect(text(channel.bytes.subarray(4))).toBe('answer')
  })

  test('while paused is acted on only after resume', async () => {
    const { channel, connection } = setUp()
    const received: string[] = []
    connection.on('message', (message) => {
      received.push(text(message))
      connection.pause()
    })
    channel.bring(frames('a', 'b'))
    channel.onEnd()
    for (let count = 0; count < 3; count++) await turn()
    expect([received, connection.state]).toEqual([['a'], 'open'])
    connection.resume()
    connection.resume()
    await turn()
    expect([received, connection.state]).toEqual([['a', 'b'], 'closing'])
  })

  test('while this end closes does not become its doing', async () => {
    const { channel, connection } = setUp()
    void connection.close()
    channel.onEnd()
    await turn()
    channel.onClose()
    expect(await closedIn(connection)).toMatchObject({ initiator: 'local' })
  })
})

describe('destroy', () => {
  test('drops what is queued and settles all who wait, once', async () => {
    const { channel, connection, infos } = await setUpBlocked()
    connection.send(message(1, 10))
    const waits = [rejection(connection.flush()), rejection(connection.drained())]
    const next = rejection(connection[Symbol.asyncIterator]().next())
    connection.destroy(mistake)
    expect(channel.isDestroyed).toBe(true)
    for (const wait of waits) expect(await wait).toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(await next).toMatchObject({ code: 'ABORTED', cause: mistake })
    expect(infos).toMatchObject([{ error: { code: 'ABORTED' }, unsentBytes: 114 }])
  })

  test('inside a message listener hands out nothing more', async () => {
    const { channel, connection } = setUp()
    const received: string[] = []
    connection.on('message', (message) => {
      received.push(text(message))
      connection.destroy()
    })
    channel.bring(frames('a', 'b'))
    expect(received).toEqual(['a'])
    expect(await closedIn(connection)).toEqual({ initiator: 'local', error: undefined, unsentBytes: 0 })
  })

  test('by a drain listener that close itself calls leaves the channel alone afterwards', async () => {
    const { channel, connection } = setUp()
    connection.on('drain', () => connection.destroy())
    connection.send(message(0, 200))
    const closed = connection.close()
    expect([channel.isDestroyed, channel.hasEnded]).toEqual([true, false])
    expect(await closed).toEqual({ initiator: 'local', error: undefined, unsentBytes: 0 })
  })

  test('cuts a close short and keeps who began it', async () => {
    const { connection } = await setUpBlocked()
    const closed = connection.close()
    connection.destroy()
    expect(await closed).toEqual({ initiator: 'local', error: undefined, unsentBytes: 100 })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('leaves nothing behind that writes later', async () => {
    const { channel, connection } = setUp()
    connection.send(bytesOf('a'))
    connection.destroy()
    await closedIn(connection)
    await turn()
    expect(thrownBy(() => connection.send(bytesOf('b')))).toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(channel.writes).toEqual([])
  })
})

test('what an async message listener rejects with after the end is a warning, but not that it could not send', async () => {
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const { channel, connection } = setUp()
  connection.on('message', async (question) => {
    await turn()
    if (question.length === 0) fail()
    connection.send(question)
  })
  channel.bring(frames('', 'a'))
  connection.destroy()
  await closedIn(connection)
  await turn()
  await turn()
  expect(emitWarning.mock.calls).toEqual([[expect.objectContaining({ code: 'ABORTED', cause: mistake })]])
  emitWarning.mockRestore()
})

test.each([
  ['throws', fail],
  ['rejects', async () => fail()],
])('a close listener that %s is a warning and nothing else', async (_, listener) => {
  const { channel, connection, infos } = setUp()
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  connection.on('close', listener)
  connection.destroy()
  expect(await closedIn(connection)).toEqual(infos[0])
  await turn()
  expect(emitWarning.mock.calls).toEqual([[expect.objectContaining({ name: 'TransportError', cause: mistake })]])
  expect(channel.isDestroyed).toBe(true)
  emitWarning.mockRestore()
})
