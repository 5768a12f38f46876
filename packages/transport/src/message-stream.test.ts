import { getEventListeners } from 'node:events'
import { PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { rejection, thrownBy, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { setUpConnection as setUp, setUpBlocked } from '../test/fake-connection.ts'
import { bytesOf, frames, message, text } from '../test/messages.ts'
import type { Connection } from './connection.ts'
import { pair } from './pair.ts'

const mistake = new Error('mine')

function note() {
  const seen: string[] = []
  const sink = new Writable({
    objectMode: true,
    write: (message, _, callback) => {
      seen.push(text(message))
      callback()
    },
  })
  return { seen, sink }
}

/** The peer ends, and the channel closes once we have ended too. */
async function endPeer(channel: ReturnType<typeof setUp>['channel']): Promise<void> {
  channel.onEnd()
  await until('our end', () => channel.hasEnded)
  channel.onClose()
}

describe('the readable side', () => {
  test('gives every message as it is, also empty ones, and ends when the peer has', async () => {
    const { channel, connection } = setUp()
    const { seen, sink } = note()
    const piping = pipeline(connection.stream(), sink)
    channel.bring(frames('a', '', 'c'))
    channel.onEnd()
    await within('the end', piping)
    expect(seen).toEqual(['a', '', 'c'])
    for (let count = 0; count < 10; count++) await turn()
    expect([connection.state, channel.hasEnded]).toEqual(['open', false])
  })

  test('ends before the writable one, which goes on until its own end', async () => {
    const { channel, connection } = setUp()
    const stream = connection.stream()
    const { seen, sink } = note()
    channel.bring(frames('question'))
    channel.onEnd()
    await within('the end', pipeline(stream, sink))
    expect(seen).toEqual(['question'])
    for (let count = 0; count < 10; count++) await turn()
    stream.end(bytesOf('answer'))
    await until('our end', () => channel.hasEnded)
    channel.onClose()
    expect(Buffer.compare(channel.bytes, frames('answer'))).toBe(0)
    expect(await within('closed', connection.closed)).toMatchObject({ error: undefined, unsentBytes: 0 })
    await until('the end of the stream', () => stream.closed)
  })

  test('takes no more than its buffer holds: the rest waits in the connection, then with the peer', async () => {
    const { channel, connection } = setUp(undefined, { maxQueuedMessages: 20 })
    const stream = connection.stream()
    stream.read(0)
    for (let count = 0; count < 100 && !channel.isPaused; count++) {
      channel.bring(frames(`${count}`))
      await turn()
    }
    expect([stream.readableLength, channel.isPaused]).toEqual([16, true])
    expect(connection.stats().messagesReceived).toBe(36)
  })

  test('ends when the connection was closed cleanly by others, and then the stream is over', async () => {
    const { channel, connection } = setUp()
    const stream = connection.stream()
    const reading = stream.toArray()
    channel.bring(frames('a'))
    const closed = connection.close()
    await endPeer(channel)
    await within('close', closed)
    expect((await within('the end', reading)).map(text)).toEqual(['a'])
    await until('the end of the stream', () => stream.destroyed)
  })
})

describe('the writable side', () => {
  test('holds its callback back until drain when send says false', async () => {
    const { channel, connection } = setUp(0)
    const stream = connection.stream()
    let written = 0
    for (const length of [50, 50, 5]) stream.write(message(0, length), () => written++)
    await turn()
    expect([written, stream.writableLength]).toEqual([1, 2])
    channel.take(107)
    await turn()
    expect(written).toBe(1)
    channel.take(1)
    await until('the rest', () => written === 3)
    connection.destroy()
  })

  test('sends messages in parts, and refuses what is none', async () => {
    const { channel, connection } = setUp()
    const stream = connection.stream()
    stream.write([bytesOf('a'), bytesOf('b')])
    await turn()
    expect(Buffer.compare(channel.bytes, frames('ab'))).toBe(0)
    const refused = rejection(new Promise((_, reject) => stream.on('error', reject)))
    stream.write('text')
    expect(await refused).toEqual(new TypeError('a message must be a Uint8Array or an array of them'))
    expect(await connection.closed).toMatchObject({ error: { code: 'ABORTED' } })
  })

  test('finishes when everything was sent and the connection has closed', async () => {
    const { channel, connection } = await setUpBlocked()
    const stream = connection.stream()
    const finished = pipeline(Readable.from([bytesOf('last')]), stream)
    await turn()
    expect([connection.state, channel.hasEnded]).toEqual(['open', false])
    channel.take(108)
    await until('our end', () => channel.hasEnded)
    await endPeer(channel)
    await within('finish', finished)
    expect(await connection.closed).toEqual({ initiator: 'local', error: undefined, unsentBytes: 0 })
  })

  test('sends what is queued before the deadline of close begins to run', async () => {
    const { channel, connection } = await setUpBlocked()
    connection.stream().end()
    for (let count = 0; count < 5; count++) await turn()
    expect(connection.state).toBe('open')
    channel.take(100)
    await until('our end', () => channel.hasEnded)
    connection.destroy()
  })

  test('waits for a peer that goes on sending as long as somebody reads, and for closeTimeoutMs otherwise', async () => {
    const timeouts: unknown[] = []
    for (const isRead of [true, false]) {
      const { connection } = setUp()
      const close = connection.close.bind(connection)
      connection.close = (options) => {
        timeouts.push(options?.timeoutMs)
        return close(options)
      }
      const stream = connection.stream()
      if (isRead) stream.resume()
      stream.end()
      await until('close', () => connection.state === 'closing')
      connection.destroy()
    }
    expect(timeouts).toEqual([Number.POSITIVE_INFINITY, undefined])
  })

  test('fails with what was not sent when the connection was destroyed without a reason', async () => {
    const { connection } = await setUpBlocked()
    const finished = rejection(pipeline(Readable.from([]), connection.stream()))
    await turn()
    connection.destroy()
    const message = 'the connection closed with 100 bytes not sent'
    expect(await finished).toMatchObject({ code: 'CONNECTION_CLOSED', message })
  })
})

describe('an error of the connection', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })

  test.each<[string, (connection: Connection) => Promise<unknown>]>([
    ['reading', (connection) => pipeline(connection.stream(), note().sink)],
    [
      'writing, while it waits for drain',
      (connection) => pipeline(Readable.from([message(0, 200)]), connection.stream()),
    ],
    ['writing, while it waits for more', (connection) => pipeline(new PassThrough(), connection.stream())],
    [
      'an echo',
      (connection) => {
        const stream = connection.stream()
        return pipeline(stream, stream)
      },
    ],
  ])('is the error of the pipeline: %s', async (_, pipe) => {
    const { channel, connection } = await setUpBlocked()
    const failed = rejection(pipe(connection))
    await turn()
    channel.onClose(reset)
    expect(await failed).toMatchObject({ name: 'TransportError', code: 'CONNECTION_RESET' })
  })

  test('that nobody listens for takes nothing down', async () => {
    const { channel, connection } = setUp()
    const stream = connection.stream()
    channel.onClose(reset)
    await until('the end of the stream', () => stream.closed)
    expect(stream.errored).toMatchObject({ code: 'CONNECTION_RESET' })
  })

  test('that was there before is the error of a stream made later', async () => {
    const { connection } = setUp()
    connection.destroy(mistake)
    await connection.closed
    expect(await rejection(connection.stream().toArray())).toMatchObject({ code: 'ABORTED', cause: mistake })
  })
})

describe('destroying the stream', () => {
  test('destroys the connection for the same reason', async () => {
    const { connection, channel } = await setUpBlocked()
    const stream = connection.stream()
    stream.destroy(mistake)
    expect(await connection.closed).toMatchObject({ error: { code: 'ABORTED', cause: mistake }, unsentBytes: 100 })
    await until('close', () => stream.closed)
    expect([stream.errored, channel.isDestroyed]).toEqual([mistake, true])
  })

  test('is what leaving a loop does, with the reason that Node gives', async () => {
    const { connection, channel } = setUp()
    channel.bring(frames('a', 'b'))
    for await (const message of connection.stream()) {
      expect(text(message)).toBe('a')
      break
    }
    expect(await connection.closed).toMatchObject({ initiator: 'local', error: { code: 'ABORTED' }, unsentBytes: 0 })
  })

  test('by an abort signal leaves no listener on it', async () => {
    const controller = new AbortController()
    const { connection } = setUp()
    const piping = rejection(pipeline(connection.stream(), note().sink, { signal: controller.signal }))
    await turn()
    controller.abort()
    expect(await piping).toMatchObject({ name: 'AbortError' })
    expect(await connection.closed).toMatchObject({ error: { code: 'ABORTED', cause: { name: 'AbortError' } } })
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })
})

describe('the messages go to one place', () => {
  const text = 'the messages go to a stream() already'

  test('nobody else gets one once there is a stream', () => {
    const { connection } = setUp()
    connection.stream()
    const others = {
      stream: () => connection.stream(),
      iterator: () => connection[Symbol.asyncIterator](),
      sink: () => connection.receive(() => {}),
      listener: () => connection.on('message', () => {}),
      next: () => connection.next(),
    }
    for (const other of Object.values(others)) expect(thrownBy(other)).toEqual(new TypeError(text))
    expect(connection.listenerCount('message')).toBe(0)
  })

  test.each<[string, (connection: Connection) => unknown]>([
    ['an iterator', (connection) => void connection[Symbol.asyncIterator]().next()],
    ['a sink', (connection) => connection.receive(() => {})],
    ["a 'message' listener", (connection) => connection.on('message', () => {})],
  ])('a stream is refused where %s reads', (taker, take) => {
    const { connection } = setUp()
    take(connection)
    expect(thrownBy(() => connection.stream())).toEqual(new TypeError(`the messages go to ${taker} already`))
  })

  test('a stream follows a loop that was left, and a message that was waited for', async () => {
    const { connection, channel } = setUp()
    channel.bring(frames('a', 'b', 'c'))
    for await (const _ of connection) break
    await connection.next()
    channel.onEnd()
    const rest = await within('the end', connection.stream().toArray())
    expect(rest.map((each) => Buffer.from(each).toString())).toEqual(['c'])
  })
})

test('an echo of a peer that half-closes loses nothing, over bytes cut at any place', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { client, server } = pair({ seed })
    const echo = server.stream()
    const echoing = pipeline(echo, echo)
    const sent = Array.from({ length: 200 }, (_, index) => message(index, (index * 37) % 900))
    const stream = client.stream()
    const [received] = await within(
      'both',
      Promise.all([stream.toArray(), pipeline(Readable.from(sent), stream), echoing]),
    )
    expect(Buffer.compare(Buffer.concat(received), Buffer.concat(sent))).toBe(0)
    expect(received.length).toBe(200)
    expect(await client.closed).toMatchObject({ error: undefined, unsentBytes: 0 })
    expect(await server.closed).toMatchObject({ error: undefined, unsentBytes: 0 })
  }
})
