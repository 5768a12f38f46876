import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { rejection, turn } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { bytesOf, text } from '../test/messages.ts'
import { MessageReader } from './message-reader.ts'
import { TransportError } from './transport-error.ts'

function setUp(limits: { maxQueuedMessages?: number; maxQueuedBytes?: number } = {}) {
  const calls = { taken: 0, left: 0 }
  const reader = new MessageReader(
    { maxQueuedMessages: 1024, maxQueuedBytes: 1024 * 1024, ...limits },
    {
      onTaken: () => calls.taken++,
      onLeft: () => calls.left++,
    },
  )
  const push = (...texts: string[]) => {
    for (const text of texts) reader.push(bytesOf(text))
  }
  return { reader, calls, push }
}

async function next(iterator: AsyncIterator<Uint8Array>): Promise<string | undefined> {
  const result = await iterator.next()
  return result.done ? undefined : text(result.value)
}

const lost = new TransportError('CONNECTION_RESET', 'lost')

describe('the queue', () => {
  test('hands messages out in order, each once', () => {
    const { reader, push } = setUp()
    push('a', 'b', 'c')
    expect([reader.take(), reader.take(), reader.take()].map((message) => text(message as Uint8Array)).join('')).toBe(
      'abc',
    )
    expect(reader.take()).toBeUndefined()
    expect(reader.length).toBe(0)
  })

  test('holds no message that was taken, also while it never is empty', async () => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const { reader, push } = setUp()
    push('a', 'b')
    const taken = new WeakRef(reader.take() as Uint8Array)
    // A reference lives until the end of its tick.
    await turn()
    collect()
    expect([taken.deref(), reader.length]).toEqual([undefined, 1])
  })

  test('keeps the order over many thousand messages that come and go', () => {
    const { reader } = setUp()
    let pushed = 0
    let taken = 0
    for (let round = 0; round < 3_000; round++) {
      for (let count = 0; count < 2; count++) reader.push(Uint8Array.of(pushed++ % 251))
      if (reader.take()?.[0] !== taken++ % 251) throw new Error(`message ${taken - 1} is another`)
      if (reader.length !== pushed - taken) throw new Error(`length ${reader.length} after ${taken} of ${pushed}`)
    }
    for (; taken < pushed; taken++)
      if (reader.take()?.[0] !== taken % 251) throw new Error(`message ${taken} is another`)
    expect(reader.take()).toBeUndefined()
  })

  test('is full at maxQueuedMessages and has room again at half of it', () => {
    const { reader, push } = setUp({ maxQueuedMessages: 4 })
    push('a', 'b', 'c')
    expect([reader.isFull, reader.hasRoom]).toEqual([false, false])
    push('d')
    expect([reader.isFull, reader.hasRoom]).toEqual([true, false])
    reader.take()
    expect([reader.isFull, reader.hasRoom]).toEqual([false, false])
    reader.take()
    expect(reader.hasRoom).toBe(true)
  })

  test('is full at maxQueuedBytes, where every message costs 64 bytes more than it has', () => {
    const { reader, push } = setUp({ maxQueuedBytes: 200 })
    push('', '', '')
    expect(reader.isFull).toBe(false)
    reader.push(new Uint8Array(8))
    expect(reader.isFull).toBe(true)
    reader.take()
    reader.take()
    expect(reader.hasRoom).toBe(false)
    reader.take()
    expect(reader.hasRoom).toBe(true)
    reader.take()
    reader.push(new Uint8Array(135))
    expect(reader.isFull).toBe(false)
    reader.take()
    reader.push(new Uint8Array(136))
    expect(reader.isFull).toBe(true)
  })
})

describe('an iterator', () => {
  test('takes what waits, and says so each time', async () => {
    const { reader, calls, push } = setUp()
    push('a', 'b')
    const iterator = reader.iterate()
    // One that was made and never asked for a message takes none from the listeners.
    expect(reader.hasReaders).toBe(false)
    expect([await next(iterator), await next(iterator)]).toEqual(['a', 'b'])
    expect(reader.hasReaders).toBe(true)
    expect(calls.taken).toBe(2)
    expect(reader.length).toBe(0)
  })

  test('waits for what comes, which never enters the queue', async () => {
    const { reader, push } = setUp({ maxQueuedMessages: 1 })
    const iterator = reader.iterate()
    const waiting = [next(iterator), next(iterator)]
    push('a', 'b')
    expect([reader.length, reader.isFull]).toEqual([0, false])
    expect(await Promise.all(waiting)).toEqual(['a', 'b'])
  })

  test('shares the messages with a second one, none twice', async () => {
    const { reader, push } = setUp()
    const [one, other] = [reader.iterate(), reader.iterate()]
    const first = [next(one), next(other)]
    push('a', 'b', 'c')
    expect(await Promise.all(first)).toEqual(['a', 'b'])
    expect(await next(other)).toBe('c')
  })

  test('is its own iterator, for `for await`', async () => {
    const { reader, push } = setUp()
    push('a', 'b')
    reader.end()
    const received: string[] = []
    for await (const message of reader.iterate()) received.push(text(message))
    expect(received).toEqual(['a', 'b'])
    expect(reader.hasReaders).toBe(false)
  })

  test('left by break leaves the rest to the next one', async () => {
    const { reader, calls, push } = setUp()
    push('a', 'b')
    for await (const message of reader.iterate()) {
      expect(text(message)).toBe('a')
      break
    }
    expect([reader.hasReaders, calls.left]).toEqual([false, 1])
    expect(await next(reader.iterate())).toBe('b')
  })

  test('that is left while it waits is done, and takes no message with it', async () => {
    const { reader, push } = setUp()
    const gone = reader.iterate()
    const waiting = next(gone)
    await gone.return?.()
    push('a')
    expect(await waiting).toBeUndefined()
    expect(await next(gone)).toBeUndefined()
    expect(await next(reader.iterate())).toBe('a')
  })

  test('counts as one reader however often it is left', async () => {
    const { reader, calls, push } = setUp()
    push('a', 'b')
    const [one, other] = [reader.iterate(), reader.iterate()]
    expect([await next(one), await next(other)]).toEqual(['a', 'b'])
    await one.return?.()
    await one.return?.()
    expect([reader.hasReaders, calls.left]).toEqual([true, 0])
    await other.return?.()
    expect([reader.hasReaders, calls.left]).toEqual([false, 1])
  })
})

describe('the end', () => {
  test('comes after the messages that wait', async () => {
    const { reader, push } = setUp()
    const iterator = reader.iterate()
    push('a')
    reader.end()
    expect([await next(iterator), await next(iterator), await next(iterator)]).toEqual(['a', undefined, undefined])
  })

  test('with an error throws it, after the messages that wait, to all who wait', async () => {
    const { reader, push } = setUp()
    push('a')
    const late = reader.iterate()
    reader.end(lost)
    expect(await next(late)).toBe('a')
    expect(await rejection(late.next())).toBe(lost)
    expect(await next(late)).toBeUndefined()
    const waits = setUp()
    const [one, other] = [waits.reader.iterate().next(), waits.reader.iterate().next()]
    waits.reader.end(lost)
    expect([await rejection(one), await rejection(other)]).toEqual([lost, lost])
    expect(waits.reader.hasReaders).toBe(false)
  })

  test('keeps its first error', async () => {
    const { reader } = setUp()
    reader.end(lost)
    reader.end(new TransportError('ABORTED', 'later'))
    expect(await rejection(reader.iterate().next())).toBe(lost)
  })

  test('lets a reader go once it asks behind the last message: until then it may answer', async () => {
    const { reader, calls, push } = setUp()
    const iterator = reader.iterate()
    push('a')
    reader.end()
    expect(await next(iterator)).toBe('a')
    await turn()
    expect([reader.hasReaders, calls.left]).toEqual([true, 0])
    expect(await next(iterator)).toBeUndefined()
    expect([reader.hasReaders, calls.left]).toEqual([false, 1])
  })

  test('does not let the readers go while one of them still works on a message', async () => {
    const { reader, calls, push } = setUp()
    const [busy, waiting] = [reader.iterate(), reader.iterate()]
    push('a')
    expect(await next(busy)).toBe('a')
    const done = next(waiting)
    reader.end()
    expect(await done).toBeUndefined()
    expect([reader.hasReaders, calls.left]).toEqual([true, 0])
    expect(await next(busy)).toBeUndefined()
    expect([reader.hasReaders, calls.left]).toEqual([false, 1])
  })
})

describe('next', () => {
  test('gives one message, whether it waits or comes, and takes no more', async () => {
    const { reader, push, calls } = setUp()
    push('a')
    expect(text((await reader.next(undefined)) as Uint8Array)).toBe('a')
    const coming = reader.next(undefined)
    expect(reader.hasReaders).toBe(true)
    push('b', 'c')
    expect(text((await coming) as Uint8Array)).toBe('b')
    expect([reader.length, reader.hasReaders, calls.left]).toEqual([1, false, 2])
  })

  test('gives undefined at the end, and throws the error that ended it', async () => {
    const { reader, push } = setUp()
    push('a')
    const waiting = [reader.next(undefined), reader.next(undefined)]
    reader.end()
    expect((await waiting[0])?.length).toBe(1)
    expect(await waiting[1]).toBeUndefined()
    expect(await reader.next(undefined)).toBeUndefined()
    const broken = setUp().reader
    broken.end(lost)
    expect(await rejection(broken.next(undefined))).toBe(lost)
  })

  test('rejects on its signal, leaves no listener on it and no place in the queue', async () => {
    const { reader, push } = setUp()
    const controller = new AbortController()
    const { signal } = controller
    const waiting = rejection(reader.next(signal))
    const other = reader.next(undefined)
    controller.abort('why')
    expect(await waiting).toMatchObject({ code: 'ABORTED', message: 'next was aborted', cause: 'why' })
    push('a')
    expect(text((await other) as Uint8Array)).toBe('a')
    expect(await rejection(reader.next(signal))).toMatchObject({ code: 'ABORTED' })
    expect([getEventListeners(signal, 'abort').length, reader.hasReaders]).toEqual([0, false])
  })

  test('loses no message that came right before the signal', async () => {
    const { reader, push } = setUp()
    const controller = new AbortController()
    const waiting = reader.next(controller.signal)
    push('a')
    controller.abort()
    expect(text((await waiting) as Uint8Array)).toBe('a')
  })
})

test('whoever holds counts as a reader, takes nothing, and leaves once', async () => {
  const { reader, push, calls } = setUp()
  const release = reader.hold()
  push('a')
  expect([reader.hasReaders, reader.length]).toEqual([true, 1])
  release()
  release()
  expect([reader.hasReaders, reader.length, calls.left]).toEqual([false, 1, 1])
})
