import { lengthField } from '@framewire/codec'
import { describe, expect, test } from 'vitest'
import { systemClock } from './clock.ts'
import { type ConnectionOptions, checkMilliseconds, checkOptions, DEFAULTS } from './options.ts'

const KiB = 1024
const MiB = 1024 * KiB

test('fills in the documented defaults', () => {
  const { framing, ...numbers } = checkOptions({})
  expect(framing.maxFrameLength).toBe(MiB)
  expect(numbers).toEqual({
    sendHighWaterMark: 256 * KiB,
    sendLowWaterMark: 64 * KiB,
    maxSendBuffer: 16 * MiB,
    maxQueuedMessages: 1024,
    maxQueuedBytes: MiB,
    closeTimeoutMs: 5_000,
    lingerTimeoutMs: 1_000,
    frameTimeoutMs: 30_000,
    sendStallTimeoutMs: 10_000,
    idleTimeoutMs: Number.POSITIVE_INFINITY,
    heartbeat: undefined,
    allowHalfOpen: false,
    farewell: undefined,
    busyPollMicros: 0,
    clock: systemClock,
  })
  expect(Object.isFrozen(DEFAULTS)).toBe(true)
})

test('takes undefined as not given', () => {
  const untyped = { sendHighWaterMark: undefined, framing: undefined, closeTimeoutMs: undefined } as object
  expect(checkOptions(untyped)).toEqual(checkOptions({}))
})

test('keeps what was given', () => {
  const framing = lengthField({ maxFrameLength: 10 })
  const options = {
    framing,
    sendHighWaterMark: 2,
    sendLowWaterMark: 1,
    maxSendBuffer: 20,
    maxQueuedMessages: 3,
    maxQueuedBytes: 4,
    closeTimeoutMs: 5,
    lingerTimeoutMs: 6,
    frameTimeoutMs: 7,
    sendStallTimeoutMs: 8,
    idleTimeoutMs: 9,
    heartbeat: { intervalMs: 10, timeoutMs: 11, message: new Uint8Array(1) },
    allowHalfOpen: true,
    farewell: () => undefined,
    busyPollMicros: 12,
    clock: { ...systemClock },
  }
  expect(checkOptions(options)).toEqual(options)
})

describe('maxSendBuffer', () => {
  test('is by default at least two of the longest frames', () => {
    expect(checkOptions({ framing: lengthField({ maxFrameLength: 9 * MiB }) }).maxSendBuffer).toBe(18 * MiB)
  })

  test('is refused when the longest frame fits less than twice', () => {
    const framing = lengthField({ maxFrameLength: 10 })
    const error = new RangeError('maxSendBuffer 19 must be at least 2 x maxFrameLength, 20')
    expect(() => checkOptions({ framing, maxSendBuffer: 19 })).toThrow(error)
  })

  test('may be without limit, and so may the framing', () => {
    const framing = lengthField({ lengthFieldLength: 8, maxFrameLength: Number.POSITIVE_INFINITY })
    expect(checkOptions({ framing, maxSendBuffer: Number.POSITIVE_INFINITY }).maxSendBuffer).toBe(
      Number.POSITIVE_INFINITY,
    )
    expect(checkOptions({ framing }).maxSendBuffer).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('a limit', () => {
  const names = ['sendHighWaterMark', 'maxSendBuffer', 'maxQueuedMessages', 'maxQueuedBytes'] as const

  test.each(names)('%s is no number that cannot be meant, and 0 is not "unlimited"', (name) => {
    for (const value of [0, -1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, '5' as never, null as never]) {
      const options: ConnectionOptions = { [name]: value }
      expect(() => checkOptions(options)).toThrow(RangeError)
      expect(() => checkOptions(options)).toThrow(`${name} must be an integer of at least 1, or Infinity; got ${value}`)
    }
  })

  test.each(names)('%s may be turned off with Infinity', (name) => {
    expect(checkOptions({ [name]: Number.POSITIVE_INFINITY })[name]).toBe(Number.POSITIVE_INFINITY)
  })
})

test('a framing or a clock that lacks a method is refused here, and not where the first bytes arrive', () => {
  const framing = lengthField()
  for (const wrong of [{}, { ...framing }, { ...framing, measure: framing.measure.bind(framing) }, 'lengthField']) {
    expect(() => checkOptions({ framing: wrong as never, maxSendBuffer: 2 ** 24 })).toThrow(
      /^framing has no \w+: a preset/,
    )
  }
  const { setImmediate: _, ...lame } = systemClock
  for (const [wrong, missing] of [
    [{}, 'now'],
    [lame, 'setImmediate'],
  ] as const) {
    expect(() => checkOptions({ clock: wrong as never })).toThrow(new TypeError(`clock has no ${missing}`))
  }
})

test('the low watermark stands below the high one', () => {
  const options = { sendHighWaterMark: 10 }
  expect(checkOptions({ ...options, sendLowWaterMark: 9 }).sendLowWaterMark).toBe(9)
  expect(checkOptions({ ...options, sendLowWaterMark: 0 }).sendLowWaterMark).toBe(0)
  for (const sendLowWaterMark of [10, 11, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => checkOptions({ ...options, sendLowWaterMark })).toThrow(
      new RangeError(`sendLowWaterMark ${sendLowWaterMark} must be below sendHighWaterMark 10`),
    )
  }
})

test('a time is one that a timer can wait', () => {
  for (const value of [0.5, 1, 0x7fff_ffff, Number.POSITIVE_INFINITY]) expect(checkMilliseconds('x', value)).toBe(value)
  for (const value of [0, -1, 0x8000_0000, Number.NaN, '1' as never]) {
    expect(() => checkMilliseconds('closeTimeoutMs', value)).toThrow(
      new RangeError(`closeTimeoutMs must be above 0 and at most 2147483647 ms, or Infinity; got ${value}`),
    )
  }
  expect(() => checkOptions({ closeTimeoutMs: 0 })).toThrow('closeTimeoutMs must be above 0')
})
