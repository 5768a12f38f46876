import { Duplex, type DuplexOptions, PassThrough, Transform } from 'node:stream'
import { endOfTick, turn, until } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { KiB, message } from '../test/messages.ts'
import { VirtualClock } from '../test/virtual-clock.ts'
import { systemClock } from './clock.ts'
import { DuplexChannel } from './duplex-channel.ts'

/** A Duplex whose other end is the test: it takes a write when told to, and gives what the test pushes. */
class Driven extends Duplex {
  readonly taken: Uint8Array[] = []
  answer: ((error?: Error) => void) | undefined
  isAutomatic = true

  constructor(options: DuplexOptions = {}) {
    super(options)
    this.on('error', () => {})
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, callback: (error?: Error | null) => void): void {
    this.taken.push(chunk)
    if (this.isAutomatic) callback()
    else this.answer = callback
  }
}

function watch(stream: Duplex, clock = systemClock) {
  const channel = new DuplexChannel(stream, clock)
  const seen = { data: '', ends: 0, drains: 0, closes: [] as (Error | undefined)[] }
  channel.onData = (chunk) => {
    seen.data += Buffer.from(chunk).toString()
  }
  channel.onEnd = () => void seen.ends++
  channel.onDrain = () => void seen.drains++
  channel.onClose = (error) => void seen.closes.push(error)
  onTestFinished(() => channel.destroy())
  return { channel, seen }
}

const closed = (seen: { closes: unknown[] }) => until('close', () => seen.closes.length > 0)
const bytes = (text: string) => new Uint8Array(Buffer.from(text))

describe('write', () => {
  test('answers true when the stream took everything, false when it did not; drain comes when it has', async () => {
    const stream = new Driven()
    const { channel, seen } = watch(stream)
    expect(channel.write([bytes('a'), bytes('b')])).toBe(true)
    stream.isAutomatic = false
    expect(channel.write([bytes('cd'), bytes('ef')])).toBe(false)
    expect(channel.write([bytes('g')])).toBe(false)
    expect(channel.bufferedLength).toBe(5)
    stream.answer?.()
    await turn()
    expect([channel.bufferedLength, seen.drains]).toEqual([1, 0])
    stream.answer?.()
    await turn()
    expect([channel.bufferedLength, seen.drains]).toEqual([0, 1])
    expect(Buffer.concat(stream.taken).toString()).toBe('abcdefg')
  })

  test('copies what a stream may keep', () => {
    const stream = new Driven()
    const { channel } = watch(stream)
    const chunk = bytes('abc')
    channel.write([chunk])
    chunk.fill(0)
    expect(Buffer.concat(stream.taken).toString()).toBe('abc')
  })

  test('that fails is no drain, and ends the channel with its error', async () => {
    for (const autoDestroy of [true, false]) {
      const stream = new Driven({ autoDestroy })
      const { channel, seen } = watch(stream)
      stream.isAutomatic = false
      channel.write([bytes('a')])
      const error = new Error('no room')
      stream.answer?.(error)
      await closed(seen)
      expect(seen).toMatchObject({ drains: 0, closes: [error] })
      expect(channel.write([bytes('b')])).toBe(false)
    }
  })
})

describe('no callback runs within a call', () => {
  test('of write or end, also when the stream answers from within them', async () => {
    const echo = new Transform({
      transform: (chunk, _, callback) => callback(null, chunk),
      flush: (callback) => callback(null, 'last'),
    })
    const { channel, seen } = watch(echo)
    await turn()
    for (const text of ['a', 'b']) {
      const before = seen.data
      channel.write([bytes(text)])
      expect(seen.data).toBe(before)
      await turn()
      expect(seen.data).toBe(before + text)
    }
    channel.end()
    expect(seen).toMatchObject({ data: 'ab', ends: 0 })
    await closed(seen)
    expect(seen).toMatchObject({ data: 'ablast', ends: 1, closes: [undefined] })
  })

  test('of destroy', async () => {
    const { channel, seen } = watch(new Driven())
    channel.destroy()
    channel.destroy()
    expect(seen.closes).toEqual([])
    await closed(seen)
    await turn()
    expect(seen.closes).toEqual([undefined])
  })
})

describe('between pause and resume', () => {
  test('comes no data, not even behind a write', async () => {
    const stream = new Driven()
    const { channel, seen } = watch(stream)
    channel.pause()
    stream.push('a')
    channel.write([bytes('x')])
    await turn()
    expect(seen.data).toBe('')
    channel.resume()
    expect(seen.data).toBe('')
    await until('a', () => seen.data === 'a')
  })

  test('comes no end, although the stream has told it and has closed', async () => {
    const stream = new Driven()
    const { channel, seen } = watch(stream)
    await turn()
    channel.end()
    channel.onData = () => channel.pause()
    stream.push('a')
    stream.push(null)
    stream.read(0)
    for (let count = 0; count < 5; count++) await turn()
    expect(seen).toMatchObject({ ends: 0, closes: [] })
    channel.resume()
    expect(seen).toMatchObject({ ends: 0, closes: [] })
    await closed(seen)
    expect(seen).toMatchObject({ ends: 1, closes: [undefined] })
  })

  test('a channel that is destroyed still closes', async () => {
    const stream = new Driven()
    const { channel, seen } = watch(stream)
    channel.pause()
    stream.push(null)
    stream.read(0)
    await turn()
    channel.destroy()
    await closed(seen)
    expect(seen).toMatchObject({ ends: 0, closes: [undefined] })
  })
})

describe('the end', () => {
  test.each([{}, { autoDestroy: false }, { emitClose: false }, { autoDestroy: false, emitClose: false }])(
    'of both directions closes a stream with %j',
    async (options) => {
      const stream = new Driven(options)
      const { channel, seen } = watch(stream)
      stream.push('a')
      stream.push(null)
      await until('the end of the peer', () => seen.ends > 0)
      expect(seen).toMatchObject({ data: 'a', closes: [] })
      expect(channel.write([bytes('reply')])).toBe(true)
      channel.end()
      await closed(seen)
      expect(seen).toMatchObject({ ends: 1, closes: [undefined] })
      expect([stream.destroyed, Buffer.concat(stream.taken).toString()]).toEqual([true, 'reply'])
    },
  )

  test('of the peer leaves our direction open, where Node would end it too', async () => {
    const stream = new Driven({ allowHalfOpen: false })
    const { channel, seen } = watch(stream)
    stream.push(null)
    await until('the end of the peer', () => seen.ends > 0)
    await turn()
    expect(channel.write([bytes('reply')])).toBe(true)
    expect(seen.closes).toEqual([])
  })

  test('by close without end tells no end', async () => {
    const stream = new Driven()
    const { seen } = watch(stream)
    stream.destroy()
    await closed(seen)
    expect(seen).toMatchObject({ ends: 0, closes: [undefined] })
  })

  test('comes a second after destroy from a stream that never answers it', async () => {
    const clock = new VirtualClock()
    const stream = new Driven({ destroy: () => {} })
    const { channel, seen } = watch(stream, clock)
    channel.destroy()
    await clock.advance(999)
    expect(seen.closes).toEqual([])
    await clock.advance(1)
    expect([seen.closes, clock.timers]).toEqual([[undefined], []])
  })

  test('leaves no timer behind', async () => {
    const clock = new VirtualClock()
    const { channel, seen } = watch(new Driven(), clock)
    channel.destroy()
    await closed(seen)
    expect(clock.timers).toEqual([])
  })

  test('by an error brings the first one, and later ones take nothing down', async () => {
    const stream = new Driven()
    stream.removeAllListeners('error')
    const { seen } = watch(stream)
    const error = new Error('first')
    stream.destroy(error)
    await closed(seen)
    for (const text of ['late', 'later']) expect(stream.emit('error', new Error(text))).toBe(true)
    expect(seen.closes).toEqual([error])
  })
})

describe('a stream that was in use before', () => {
  test('gives what was read and put back, and what waited while it was paused', async () => {
    const stream = new Driven()
    stream.push('hello world')
    stream.pause()
    const head = stream.read() as Buffer
    stream.unshift(head.subarray(5))
    const { seen } = watch(stream)
    await until('the rest', () => seen.data === ' world')
  })

  test('tells the end that came before', async () => {
    const stream = new Driven({ autoDestroy: false })
    stream.resume().push(null)
    await until('the end', () => stream.readableEnded)
    const { channel, seen } = watch(stream)
    expect(seen.ends).toBe(0)
    await endOfTick()
    expect(seen.ends).toBe(1)
    channel.end()
    await closed(seen)
    expect(seen).toMatchObject({ ends: 1, closes: [undefined] })
  })

  test('closes with CONNECTION_CLOSED when it was destroyed or its writable side has ended', async () => {
    const [destroyed, ended] = [new Driven(), new Driven()]
    destroyed.destroy()
    ended.end()
    await turn()
    for (const stream of [destroyed, ended]) {
      const { channel, seen } = watch(stream)
      expect(channel.write([bytes('a')])).toBe(false)
      await closed(seen)
      expect(seen.closes).toMatchObject([{ code: 'CONNECTION_CLOSED' }])
    }
  })

  test('closes with its error when it had one', async () => {
    const stream = new Driven()
    const error = new Error('before')
    stream.destroy(error)
    await turn()
    const { seen } = watch(stream)
    await closed(seen)
    expect(seen.closes).toEqual([error])
  })
})

describe('refuses', () => {
  test.each<[string, DuplexOptions]>([
    ['readable', { readableObjectMode: true }],
    ['writable', { writableObjectMode: true }],
  ])('object mode of the %s side', (_, options) => {
    const error = new TypeError('a stream in object mode carries objects, not bytes')
    expect(() => new DuplexChannel(new Driven(options), systemClock)).toThrow(error)
  })

  test('text instead of bytes, whenever it is asked for', async () => {
    const stream = new PassThrough().setEncoding('utf8')
    const error = new TypeError("a stream with setEncoding('utf8') gives text, not bytes")
    expect(() => new DuplexChannel(stream, systemClock)).toThrow(error)
    const later = new Driven()
    const { seen } = watch(later)
    later.setEncoding('utf8')
    later.push('a')
    await closed(seen)
    expect(seen.closes).toMatchObject([{ message: 'a stream of bytes gave a chunk of type string' }])
  })

  test("a stream that a 'readable' listener reads", () => {
    const stream = new Driven().on('readable', () => {})
    expect(() => new DuplexChannel(stream, systemClock)).toThrow("read by a 'readable' listener")
  })
})

test('a stream whose code throws out of a write is lost with that error, and nothing is thrown', async () => {
  const stream = new Duplex({
    read() {},
    write() {
      throw new Error('mine')
    },
  })
  const { channel, seen } = watch(stream)
  expect(channel.write([message(0, 10)])).toBe(false)
  await closed(seen)
  expect(seen).toMatchObject({ drains: 0, closes: [{ message: 'mine' }] })
})

test('a slow reader slows the stream down, and gets every byte', async () => {
  const stream = new PassThrough()
  const { channel } = watch(stream)
  let received = 0
  channel.onData = (chunk) => {
    received += chunk.length
    channel.pause()
    setImmediate(() => channel.resume())
  }
  let sent = 0
  while (sent < 100) {
    sent++
    if (!channel.write([message(sent, 64 * KiB)])) {
      expect(channel.bufferedLength).toBeGreaterThan(0)
      await until('drain', () => channel.bufferedLength === 0)
    }
  }
  await until('all bytes', () => received === 100 * 64 * KiB)
})
