import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { SignalWatch } from './signal-watch.ts'

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

/** A call that notes why it was aborted. */
function call(reasons: unknown[], onAbort: () => void = () => {}) {
  return {
    abort(reason: unknown): void {
      reasons.push(reason)
      onAbort()
    },
  }
}

test('a signal that many calls share has one listener, and none after the last of them', () => {
  const watch = new SignalWatch()
  const { signal } = new AbortController()
  const calls = Array.from({ length: 100 }, () => call([]))
  for (const each of calls) watch.add(signal, each)
  expect(listeners(signal)).toBe(1)
  for (const each of calls) {
    expect(listeners(signal)).toBe(1)
    watch.delete(signal, each)
  }
  expect(listeners(signal)).toBe(0)
})

test('each signal has its own listener', () => {
  const watch = new SignalWatch()
  const [first, second] = [new AbortController(), new AbortController()]
  const reasons: unknown[] = []
  watch.add(first.signal, call(reasons))
  watch.add(second.signal, call(reasons))
  first.abort('first')
  expect(reasons).toEqual(['first'])
  expect([listeners(first.signal), listeners(second.signal)]).toEqual([0, 1])
})

test('an abort reaches every call once, with its reason, and leaves no listener', () => {
  const watch = new SignalWatch()
  const controller = new AbortController()
  const reasons: unknown[] = []
  for (let count = 0; count < 3; count++) watch.add(controller.signal, call(reasons))
  const gone = call(reasons)
  watch.add(controller.signal, gone)
  watch.delete(controller.signal, gone)
  controller.abort('why')
  controller.abort('again')
  expect(reasons).toEqual(['why', 'why', 'why'])
  expect(listeners(controller.signal)).toBe(0)
})

test('calls may leave, and others come, while the abort is on its way through them', () => {
  const watch = new SignalWatch()
  const controller = new AbortController()
  const other = new AbortController()
  const reasons: unknown[] = []
  const second = call(reasons)
  const first = call(reasons, () => {
    watch.delete(controller.signal, first)
    watch.add(other.signal, second)
  })
  watch.add(controller.signal, first)
  watch.add(controller.signal, second)
  controller.abort('why')
  expect(reasons).toEqual(['why', 'why'])
  expect(listeners(other.signal)).toBe(1)
  watch.delete(other.signal, second)
  expect(listeners(other.signal)).toBe(0)
})

test('a call that was never added, or was taken out before, takes nobody`s listener', () => {
  const watch = new SignalWatch()
  const { signal } = new AbortController()
  const [mine, other] = [call([]), call([])]
  watch.delete(signal, mine)
  watch.add(signal, mine)
  watch.delete(signal, other)
  expect(listeners(signal)).toBe(1)
  watch.delete(signal, mine)
  watch.delete(signal, mine)
  expect(listeners(signal)).toBe(0)
})

test('what is no signal is refused, and nothing of it is kept', () => {
  const watch = new SignalWatch()
  const wrong = { aborted: false } as AbortSignal
  const each = call([])
  expect(() => watch.add(wrong, each)).toThrow(TypeError)
  expect(() => watch.add(wrong, each)).toThrow(TypeError)
  expect(() => watch.delete(wrong, each)).not.toThrow()
})

test('a signal can be watched again after its calls were gone', () => {
  const watch = new SignalWatch()
  const controller = new AbortController()
  const reasons: unknown[] = []
  const each = call(reasons)
  watch.add(controller.signal, each)
  watch.delete(controller.signal, each)
  watch.add(controller.signal, each)
  controller.abort('why')
  expect(reasons).toEqual(['why'])
})
