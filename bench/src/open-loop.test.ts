import { expect, test } from 'vitest'
import type { Caller, Value } from './contender.ts'
import { type OpenLoad, openLoop } from './open-loop.ts'

const load: OpenLoad = { work: 'bytes', payloadBytes: 32, callsPerSecond: 1_000, warmupMs: 0, measureMs: 100 }

const callerOf = (call: (value: Uint8Array) => Promise<unknown>): Caller => ({
  call: (value: Value) => call(value as Uint8Array),
  close: async () => {},
})

test('makes as many calls as are due, and records each', async () => {
  let calls = 0
  const { count } = await openLoop(
    callerOf(async (value) => {
      calls++
      return value
    }),
    load,
  )
  expect([calls, count]).toEqual([100, 100])
})

test('calls of the warm-up are made and not recorded', async () => {
  const { count } = await openLoop(
    callerOf(async (value) => value),
    { ...load, warmupMs: 40 },
  )
  expect(count).toBe(100)
})

test('a stall delays every call that was due meanwhile, and all of them say so', async () => {
  const STALL_MS = 60
  let calls = 0
  const caller = callerOf(async (value) => {
    const begin = performance.now()
    // The whole process stands still, the loop that begins the calls too.
    if (++calls === 10) while (performance.now() - begin < STALL_MS);
    return value
  })
  const { p50, max } = await openLoop(caller, load)
  // Counted from when they began, all calls but one would have taken no time: p50 would be about zero.
  expect(max).toBeGreaterThan(STALL_MS * 0.9)
  expect(p50).toBeGreaterThan(5)
})

test('fails when calls pile up beyond the bound', async () => {
  const caller = callerOf(() => new Promise(() => {}))
  await expect(openLoop(caller, { ...load, maxInFlight: 20 })).rejects.toThrow(
    'it does not keep 1000 calls/s: 20 calls are in flight',
  )
})

test('fails on a wrong echo', async () => {
  const caller = callerOf(async (value) => value.map((byte) => ~byte))
  await expect(openLoop(caller, load)).rejects.toThrow('wrong echo')
})

test('fails when calls do not come back', async () => {
  let calls = 0
  const caller = callerOf((value) => (++calls === 50 ? new Promise(() => {}) : Promise.resolve(value)))
  await expect(openLoop(caller, { ...load, patienceMs: 20 })).rejects.toThrow('still in flight')
})
