import { getEventListeners } from 'node:events'
import { defer, quiet, rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { Meta } from '../src/meta.ts'
import type { Ctx } from '../src/peer.ts'
import { end, hello, TYPE } from './frames.ts'
import { puppetServer } from './peers.ts'
import { all, start, work } from './stream-service.ts'

describe('a deadline', () => {
  test('of 10 s is that of a client stream; server streams and bidi have none', async () => {
    const { api, log } = await start({ timeoutMs: 5_000 })
    const left = () => (log.ctx as Ctx).deadline - performance.now()
    await api.sum([1], {})
    expect(left()).toBeGreaterThan(0)
    expect(left()).toBeLessThanOrEqual(5_000)
    await all(api.count({ from: 0, to: 1 }))
    expect(left()).toBe(Number.POSITIVE_INFINITY)
    await all(api.upper(['a']))
    expect(left()).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('the input of a call', () => {
  const lines = () =>
    new ReadableStream<string>({
      start(controller) {
        controller.enqueue('a')
        controller.close()
      },
    })

  test('is not touched before the call is made: one that was given up may be made again with it', async () => {
    const { peer, puppet } = await puppetServer({}, hello({ settings: [[3, 1]] }))
    await until('HELLO', () => peer.state === 'ready')
    const api = peer.client(work)
    const before = quiet(api.upper([]).next())
    const { id } = await puppet.next(TYPE.open)
    const [first, second] = [lines(), lines()]
    expect(await rejection(api.upper(first, { timeoutMs: 10 }).next())).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    const given = api.upper(second, { signal: AbortSignal.abort() }).next()
    expect(await rejection(given)).toMatchObject({ code: 'CANCELLED' })
    expect([first.locked, second.locked]).toEqual([false, false])
    puppet.write(end(id, 0))
    await before
    void quiet(api.upper(first).next())
    await puppet.next(TYPE.open)
    expect((await puppet.next(TYPE.data)).body.toString()).toBe('"a"')
  })

  /** Opening it is code of the application. */
  const opened = (onOpen: () => unknown): Iterable<string> => ({
    [Symbol.iterator]() {
      onOpen()
      return ['a'][Symbol.iterator]()
    },
  })

  test('may call, abort and close when it is opened', async () => {
    const { peer, api } = await start()
    const controller = new AbortController()
    const { signal } = controller
    let inner: Promise<string[]> | undefined
    const calling = opened(() => {
      inner = all(api.upper(['inner']))
    })
    expect(await all(api.upper(calling))).toEqual(['A'])
    expect(await inner).toEqual(['INNER'])
    const aborting = all(
      api.upper(
        opened(() => controller.abort()),
        { signal },
      ),
    )
    expect(await rejection(aborting)).toMatchObject({ code: 'CANCELLED', notProcessed: true })
    const closing: Promise<void>[] = []
    const call = all(api.upper(opened(() => closing.push(peer.close()))))
    expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
    await within('close', Promise.all(closing))
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('that somebody else reads fails its call alone', async () => {
    const { api } = await start()
    const locked = lines()
    locked.getReader()
    expect(await rejection(api.upper(locked).next())).toBeInstanceOf(TypeError)
    expect(await all(api.upper(['b']))).toEqual(['B'])
  })
})

describe('an error', () => {
  test('of the handler comes after the messages before it', async () => {
    const { api } = await start()
    const seen: string[] = []
    const error = await rejection(
      (async () => {
        for await (const line of api.upper(['a', 'b', 'fail', 'c'])) seen.push(line)
      })(),
    )
    expect(error).toMatchObject({ code: 'ABORTED', message: 'told to fail' })
    expect(seen).toEqual(['A', 'B'])
  })

  test('of the handler of a client stream leaves its input', async () => {
    const { api, log } = await start()
    const input = (async function* () {
      try {
        yield 1
        yield -1
        for (;;) {
          yield 1
          await turn()
        }
      } finally {
        log.add('input left')
      }
    })()
    expect(await rejection(api.sum(input))).toMatchObject({ code: 'INVALID_ARGUMENT', message: 'no -1' })
    await until('the input is left', () => log.events.includes('input left'))
  })

  test('of the caller`s own input cancels the call, which names it', async () => {
    const { api, log, errors } = await start()
    const mistake = new Error('disk full')
    const input = async function* () {
      yield 'a'
      throw mistake
    }
    expect(await rejection(all(api.upper(input())))).toMatchObject({ code: 'CANCELLED', cause: mistake })
    await until('finally', () => log.events.includes('finally'))
    expect(
      await rejection(
        api.sum(
          (async function* () {
            yield 1
            throw mistake
          })(),
        ),
      ),
    ).toMatchObject({ cause: mistake })
    expect(errors).toEqual([])
  })

  test('is thrown once; then the stream is over', async () => {
    const { api } = await start()
    const lines = api.upper(['fail'])
    expect(await rejection(lines.next())).toMatchObject({ code: 'ABORTED' })
    expect(await lines.next()).toEqual({ done: true, value: undefined })
  })

  test('of a message that does not match its schema names it, at the caller and at the handler', async () => {
    const { api, errors } = await start()
    expect(await all(api.checked([{ id: 1 }, { id: 2 }]))).toEqual([{ id: 1 }, { id: 2 }])
    const wrong = [{ id: 1 }, { id: '2' } as unknown as { id: number }]
    expect(await rejection(all(api.checked(wrong)))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    const text = 'message of work.checked does not match the contract: id: expected a number, got undefined'
    expect(await rejection(all(api.checked([{ id: 13 }])))).toMatchObject({ code: 'INTERNAL', message: text })
    expect(errors).toEqual([])
  })

  test('is what an input is that is no iterable', async () => {
    const { api } = await start()
    expect(await rejection(api.sum(7 as unknown as number[]))).toBeInstanceOf(TypeError)
    expect(await rejection(api.upper(null as unknown as string[]).next())).toBeInstanceOf(TypeError)
  })
})

describe('an AbortSignal', () => {
  test('that aborts while the input is asked for its first message cancels the call', async () => {
    const { puppet, peer } = await puppetServer()
    const api = peer.client(work)
    const controller = new AbortController()
    const { signal } = controller
    const input = (async function* () {
      controller.abort('no input')
      yield 1
    })()
    const parent = { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY, meta: new Meta() }
    const sum = quiet(api.sum(input, { signal, ctx: parent }))
    expect(await rejection(sum)).toMatchObject({ code: 'CANCELLED', cause: 'no input', notProcessed: false })
    quiet(api.add([1, 2]))
    await puppet.next(TYPE.open)
    await puppet.next(TYPE.open)
    expect(puppet.received.map(({ type, id }) => [type, id])).toEqual([
      [TYPE.hello, 0],
      [TYPE.open, 1],
      [TYPE.cancel, 1],
      [TYPE.open, 3],
    ])
    expect([signal, parent.signal].map((each) => getEventListeners(each, 'abort').length)).toEqual([0, 0])
  })

  test.each([0, 1, 2, 3, 4, 5])(
    'that aborts %i microtasks after the input ended: nothing follows CANCEL',
    async (count) => {
      const { puppet, peer } = await puppetServer()
      const controller = new AbortController()
      const end = defer<IteratorResult<number>>()
      const input = { [Symbol.asyncIterator]: () => ({ next: () => end.promise }) }
      const sum = quiet(peer.client(work).sum(input as AsyncIterable<number>, { signal: controller.signal }))
      await puppet.next(TYPE.open)
      end.resolve({ done: true, value: undefined })
      for (let index = 0; index < count; index++) await null
      controller.abort()
      expect(await rejection(sum)).toMatchObject({ code: 'CANCELLED' })
      quiet(peer.client(work).add([1, 2]))
      await puppet.next(TYPE.open)
      const types = puppet.received.map(({ type }) => type)
      expect(types.slice(types.indexOf(TYPE.cancel))).toEqual([TYPE.cancel, TYPE.open])
    },
  )

  test('that is none is a TypeError, and no call is made', async () => {
    const { api, log } = await start()
    const signal = new AbortController() as unknown as AbortSignal
    expect(await rejection(api.count({ from: 0, to: 1 }, { signal }).next())).toBeInstanceOf(TypeError)
    expect(await api.add([1, 2])).toBe(3)
    expect(log.events).toEqual([])
  })
})
