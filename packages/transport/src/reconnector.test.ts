import { getEventListeners } from 'node:events'
import { rejection, turn, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { setUpReconnector as setUp } from '../test/fake-connects.ts'
import { Connection } from './connection.ts'
import { createReconnector, Reconnector, type ReconnectorOptions } from './reconnector.ts'
import { TransportError } from './transport-error.ts'

const mistake = new Error('mine')
const fail = () => {
  throw mistake
}

describe('connecting', () => {
  test('starts at once, and ready resolves after the listeners for connect have run', async () => {
    const { reconnector, connects, events } = setUp()
    expect([reconnector.state, reconnector.connection, connects.attempts.length]).toEqual(['connecting', undefined, 1])
    const ready = reconnector.ready().then((connection) => {
      events.push('ready')
      return connection
    })
    const connection = await connects.accept()
    expect(await within('ready', ready)).toBe(connection)
    expect([reconnector.state, reconnector.connection]).toEqual(['ready', connection])
    expect(await reconnector.ready()).toBe(connection)
    expect(events).toEqual(['connect', 'ready'])
  })

  test('goes on after every failure, with delays that double up to 10 s', async () => {
    const { reconnector, connects, clock, delays, events } = setUp()
    for (let count = 0; count < 9; count++) {
      await connects.refuse()
      expect([reconnector.state, clock.timers.length]).toEqual(['waiting', 1])
      await clock.advance(10_000)
      expect(reconnector.state).toBe('connecting')
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
    expect(new Set(events)).toEqual(new Set(['failure CONNECT_REFUSED']))
    await connects.accept()
    expect(reconnector.state).toBe('ready')
  })

  test('takes several addresses in turn, and the one that served first of all', async () => {
    const { connects, clock } = setUp({}, ['tcp://a:1', 'tcp://b:2', 'unix:/c'])
    for (let count = 0; count < 4; count++) {
      await connects.refuse()
      await clock.advance(10_000)
    }
    await connects.accept()
    await connects.bring()
    await connects.lose()
    await clock.advance(10_000)
    await connects.accept()
    await connects.lose()
    await clock.advance(10_000)
    const tried = connects.attempts.map(({ address }) => address)
    const [a, b, c] = ['tcp://a:1', 'tcp://b:2', 'unix:/c']
    expect(tried).toEqual([a, b, c, a, b, b, c])
  })

  test('passes on the options of connect, and a signal of its own', async () => {
    const seen: unknown[] = []
    const { connects } = setUp()
    const options = { connectTimeoutMs: 5, sendHighWaterMark: 9, attempts: 3, clock: connects.clock }
    const reconnector = new Reconnector('tcp://a:1', options, (address, given) => {
      seen.push(address, given)
      return Promise.reject(new TransportError('CONNECT_REFUSED', 'no'))
    })
    const signal = expect.any(AbortSignal)
    expect(seen).toEqual(['tcp://a:1', { connectTimeoutMs: 5, sendHighWaterMark: 9, clock: connects.clock, signal }])
    await reconnector.close()
  })
})

describe('a lost connection', () => {
  test('is followed by another one after a delay', async () => {
    const { reconnector, connects, clock, events, delays } = setUp()
    const first = await connects.accept()
    await connects.bring()
    await connects.lose()
    expect([reconnector.state, reconnector.connection]).toEqual(['waiting', undefined])
    const ready = reconnector.ready()
    await clock.advance(99)
    expect(connects.attempts).toHaveLength(1)
    await clock.advance(1)
    const second = await connects.accept()
    expect(await within('ready', ready)).toBe(second)
    expect(second).not.toBe(first)
    expect(events).toEqual(['connect', 'disconnect CONNECTION_RESET', 'connect'])
    expect(delays).toEqual([100])
  })

  test('is replaced whoever ended it', async () => {
    const { connects, clock, events } = setUp()
    const connection = await connects.accept()
    connection.destroy()
    await turn()
    await clock.advance(100)
    expect(connects.attempts).toHaveLength(2)
    expect(events).toEqual(['connect', 'disconnect clean'])
  })

  test('counts as a failure when it brought nothing and stood for less than 10 s', async () => {
    const { connects, clock, delays } = setUp()
    for (let count = 0; count < 4; count++) {
      await connects.accept()
      await clock.advance(9_999)
      await connects.lose()
      await clock.advance(10_000)
    }
    expect(delays).toEqual([100, 200, 400, 800])
  })

  test.each<[string, (rig: ReturnType<typeof setUp>) => Promise<void>]>([
    ['a message', ({ connects }) => connects.bring()],
    ['10 s', ({ clock }) => clock.advance(10_000)],
  ])('begins at the first delay again after %s', async (_, prove) => {
    const rig = setUp()
    const { connects, clock, delays } = rig
    for (let count = 0; count < 3; count++) {
      await connects.refuse()
      await clock.advance(10_000)
    }
    await connects.accept()
    await prove(rig)
    await connects.lose()
    expect(delays).toEqual([100, 200, 400, 100])
  })

  test.each<[string, (end: () => void) => void]>([
    ['in its listener', (end) => end()],
    ['right behind its listener', (end) => queueMicrotask(end)],
  ])('that ends before those who waited for it have run, %s, is not handed to them', async (_, soon) => {
    const { reconnector, connects, clock } = setUp()
    reconnector.once('connect', (connection) => soon(() => connection.destroy()))
    const ready = reconnector.ready()
    await connects.accept()
    await clock.advance(100)
    const second = await connects.accept()
    expect(await within('ready', ready)).toBe(second)
  })
})

describe('giving up', () => {
  test('after so many attempts in a row, with the last error', async () => {
    const { reconnector, connects, clock, events, delays } = setUp({ attempts: 3 })
    await connects.refuse()
    await clock.advance(100)
    await connects.accept()
    await connects.lose()
    await clock.advance(200)
    const ready = rejection(reconnector.ready())
    await connects.refuse('CONNECT_TIMEOUT')
    const cause = expect.objectContaining({ code: 'CONNECT_TIMEOUT' })
    expect(await ready).toMatchObject({ code: 'CONNECTION_CLOSED', cause })
    expect(events).toEqual([
      'failure CONNECT_REFUSED',
      'connect',
      'disconnect CONNECTION_RESET',
      'failure CONNECT_TIMEOUT',
      'close CONNECT_TIMEOUT',
    ])
    expect(delays).toEqual([100, 200, undefined])
    expect([reconnector.state, clock.timers.length]).toEqual(['closed', 0])
    const message = 'the reconnector is closed: no: CONNECT_TIMEOUT'
    expect(await rejection(reconnector.ready())).toMatchObject({ code: 'CONNECTION_CLOSED', message, cause })
    expect(await reconnector.close()).toEqual({ error: cause })
  })

  test('does not count what was good, nor what came before', async () => {
    const { reconnector, connects, clock } = setUp({ attempts: 2 })
    for (let count = 0; count < 5; count++) {
      await connects.refuse()
      await clock.advance(10_000)
      await connects.accept()
      await connects.bring()
      await connects.lose()
      await clock.advance(10_000)
    }
    expect(reconnector.state).toBe('connecting')
  })

  test('at an error that another attempt does not change, once every address has answered with one', async () => {
    const { reconnector, connects, clock, events } = setUp({}, ['tcp://a:1', 'tcp://b:2'])
    const codes = ['TLS_ERROR', 'CONNECT_REFUSED', 'TLS_ERROR', 'CONNECT_FAILED', 'TLS_ERROR'] as const
    for (const code of codes) {
      await connects.refuse(code)
      await clock.advance(10_000)
      expect(reconnector.state).toBe('connecting')
    }
    await connects.refuse('TLS_ERROR')
    expect(reconnector.state).toBe('closed')
    expect(events.slice(-2)).toEqual(['failure TLS_ERROR', 'close TLS_ERROR'])
  })

  test('at a mistake in the options, at once', async () => {
    const { connects, events, reconnector } = setUp({}, ['tcp://a:1', 'tcp://b:2'])
    const wrong = new TypeError('no such option')
    await connects.refuse(wrong)
    expect(events).toEqual(['failure ABORTED', 'close ABORTED'])
    expect(await reconnector.close()).toMatchObject({ error: { message: 'no such option', cause: wrong } })
  })

  test('at chance that throws', async () => {
    const { connects, reconnector } = setUp({ random: fail })
    await connects.refuse()
    expect(await reconnector.close()).toMatchObject({ error: { code: 'ABORTED', cause: mistake } })
  })
})

describe('close', () => {
  test('while connecting gives the attempt up', async () => {
    const { reconnector, connects, events, clock } = setUp()
    const ready = rejection(reconnector.ready())
    const closed = reconnector.close()
    expect(reconnector.state).toBe('closed')
    expect(await within('close', closed)).toEqual({ error: undefined })
    expect(await ready).toMatchObject({ code: 'CONNECTION_CLOSED', message: 'the reconnector is closed' })
    expect([connects.pending.size, clock.timers.length, events]).toEqual([0, 0, ['close']])
  })

  test('while connecting ends a connection that is made nevertheless, and tells nobody of it', async () => {
    const { reconnector, connects, events } = setUp()
    const accepted = connects.accept()
    const closed = reconnector.close()
    const connection = await accepted
    await within('close', closed)
    expect([connection.state, events]).toEqual(['closed', ['close']])
  })

  test('while waiting clears the timer', async () => {
    const { reconnector, connects, clock, events } = setUp()
    await connects.refuse()
    const ready = rejection(reconnector.ready())
    await within('close', reconnector.close())
    expect(await ready).toMatchObject({ code: 'CONNECTION_CLOSED' })
    await clock.advance(60_000)
    expect([connects.attempts.length, clock.timers.length]).toEqual([1, 0])
    expect(events).toEqual(['failure CONNECT_REFUSED', 'close'])
  })

  test('while ready closes the connection in good order, within its deadline', async () => {
    const { reconnector, connects, clock, events, delays } = setUp()
    const connection = await connects.accept()
    const closed = reconnector.close({ timeoutMs: 70 })
    expect([connection.state, connects.channel?.hasEnded, reconnector.connection]).toEqual(['closing', true, undefined])
    await clock.advance(70)
    expect(await within('close', closed)).toEqual({ error: undefined })
    expect([events, delays]).toEqual([['connect', 'disconnect clean', 'close'], [undefined]])
  })

  test('gives the same answer however often it is asked, and from within any listener', async () => {
    for (const event of ['connect', 'failure', 'disconnect', 'close'] as const) {
      const { reconnector, connects, clock, events } = setUp()
      const answers: Promise<unknown>[] = []
      reconnector.on(event, () => void answers.push(reconnector.close({ timeoutMs: 5 })))
      await connects.refuse()
      await clock.advance(100)
      if (event !== 'failure') await connects.accept()
      if (event !== 'failure') await connects.lose()
      answers.push(reconnector.close(), reconnector.close())
      for (const answer of await within(event, Promise.all(answers))) expect(answer).toEqual({ error: undefined })
      await clock.advance(60_000)
      expect(events.filter((name) => name === 'close')).toHaveLength(1)
      expect([clock.timers.length, connects.pending.size]).toEqual([0, 0])
    }
  })

  test('is what `await using` does', async () => {
    const { reconnector } = setUp()
    await within('dispose', reconnector[Symbol.asyncDispose]())
    expect(reconnector.state).toBe('closed')
  })

  test('refuses a time that no timer can wait', async () => {
    const { reconnector } = setUp()
    expect(() => reconnector.close({ timeoutMs: 0 })).toThrow(RangeError)
    expect(reconnector.state).toBe('connecting')
  })
})

test('ready rejects on its signal and leaves no listener on it', async () => {
  const { reconnector, connects } = setUp()
  const controller = new AbortController()
  const { signal } = new AbortController()
  const waits = [rejection(reconnector.ready({ signal: controller.signal })), reconnector.ready({ signal })] as const
  controller.abort(mistake)
  expect(await waits[0]).toMatchObject({ code: 'ABORTED', message: 'ready was aborted', cause: mistake })
  expect(await rejection(reconnector.ready({ signal: controller.signal }))).toMatchObject({ code: 'ABORTED' })
  await connects.accept()
  await within('ready', waits[1])
  for (const each of [signal, controller.signal]) expect(getEventListeners(each, 'abort')).toHaveLength(0)
})

test('the connection keeps the process alive, until unref', async () => {
  const { reconnector, connects, clock } = setUp()
  const calls: string[] = []
  const watch = (connection: { ref(): void; unref(): void }) => {
    connection.ref = () => void calls.push('ref')
    connection.unref = () => void calls.push('unref')
  }
  watch(await connects.accept())
  reconnector.unref()
  reconnector.ref()
  expect(calls).toEqual(['unref', 'ref'])
  reconnector.unref()
  await connects.lose()
  await clock.advance(100)
  const spy = vi.spyOn(Connection.prototype, 'unref')
  await connects.accept()
  expect(spy).toHaveBeenCalledOnce()
  spy.mockRestore()
})

test('waiting keeps the process alive, until unref', async () => {
  const { reconnector, connects, clock } = setUp()
  await connects.refuse()
  expect(clock.timers).toMatchObject([{ isRef: true }])
  reconnector.unref()
  expect(clock.timers).toMatchObject([{ isRef: false }])
  await clock.advance(100)
  await connects.refuse()
  expect(clock.timers).toMatchObject([{ isRef: false }])
  reconnector.ref()
  expect(clock.timers).toMatchObject([{ isRef: true }])
})

describe('a listener that throws', () => {
  test.each([
    ['at once', fail],
    ['later', async () => fail()],
  ])('for connect, %s, ends its connection only, and another one follows', async (_, listener) => {
    const { reconnector, connects, clock, events } = setUp()
    reconnector.once('connect', listener)
    await connects.accept()
    await turn()
    expect(events).toEqual(['connect', 'disconnect ABORTED'])
    await clock.advance(100)
    await connects.accept()
    expect(reconnector.state).toBe('ready')
  })

  test.each([
    ['at once', fail],
    ['later', async () => fail()],
  ])('for any other event, %s, is a warning', async (_, listener) => {
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => spy.mockRestore())
    const { reconnector, connects, clock, events } = setUp()
    for (const event of ['failure', 'disconnect', 'close'] as const) reconnector.on(event, listener)
    await connects.refuse()
    await clock.advance(100)
    await connects.accept()
    await connects.lose()
    await within('close', reconnector.close())
    await turn()
    expect(events).toEqual(['failure CONNECT_REFUSED', 'connect', 'disconnect CONNECTION_RESET', 'close'])
    expect(spy.mock.calls.map(([warning]) => warning)).toMatchObject(new Array(3).fill({ cause: mistake }))
  })
})

test.each<[unknown, ReconnectorOptions, string]>([
  [[], {}, 'a reconnector needs at least one address, got none'],
  ['nowhere', {}, 'address must look like'],
  [['tcp://a:1', { port: -1 }], {}, 'port must be an integer from 0 to 65535, got -1'],
  ['tcp://a:1', { attempts: 0 }, 'attempts must be an integer of at least 1, or Infinity; got 0'],
  ['tcp://a:1', { attempts: 1.5 }, 'attempts must be an integer of at least 1, or Infinity; got 1.5'],
  ['tcp://a:1', { stableAfterMs: 0 }, 'stableAfterMs must be above 0'],
  ['tcp://a:1', { connectTimeoutMs: 0 }, 'connectTimeoutMs must be above 0'],
  ['tcp://a:1', { handshakeTimeoutMs: 0 }, 'handshakeTimeoutMs must be above 0'],
  ['tcp://a:1', { tls: { cert: 'no certificate' } }, 'tls: '],
  ['tcp://a:1', { minDelayMs: 0 }, 'minDelayMs must be above 0'],
  ['tcp://a:1', { sendHighWaterMark: 0 }, 'sendHighWaterMark must be'],
])('refuses %j with %j at the call', (address, options, message) => {
  expect(() => createReconnector(address as never, options)).toThrow(message)
})
