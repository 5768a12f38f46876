import { expect, test } from 'vitest'
import { LatencyRecorder } from './latency.ts'

test('percentiles are within a thousandth of the true ones', () => {
  const recorder = new LatencyRecorder()
  for (let value = 1; value <= 10_000; value++) recorder.record(value / 1_000)
  const { count, p50, p99, p999, max } = recorder.summary() ?? expect.fail()
  expect(count).toBe(10_000)
  for (const [found, right] of [
    [p50, 5],
    [p99, 9.9],
    [p999, 9.99],
    [max, 10],
  ] as const) {
    expect(Math.abs(found / right - 1)).toBeLessThan(0.0011)
  }
})

test('without a call there are no percentiles', () => {
  expect(new LatencyRecorder().summary()).toBeUndefined()
})

test('what takes longer than a minute counts as a minute', () => {
  const recorder = new LatencyRecorder()
  recorder.record(3_600_000)
  expect(recorder.summary()?.count).toBe(1)
})
