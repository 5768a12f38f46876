import { expect, test } from 'vitest'
import { closedLoop, type Load } from './closed-loop.ts'
import type { Caller, Value } from './contender.ts'
import { LatencyRecorder } from './latency.ts'

const load: Load = { work: 'bytes', payloadBytes: 32, inFlight: 4, warmupMs: 5, measureMs: 40 }

function callerOf(echo: (payload: Uint8Array, call: number) => Uint8Array | Promise<Uint8Array>): Caller {
  let call = 0
  // A turn of the event loop a call, or the timers that end the run would starve.
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return {
    call: async (value) => turn().then(() => echo(value as Uint8Array, call++)),
    close: async () => {},
  }
}

function changed(payload: Uint8Array, at: number): Uint8Array {
  const copy = payload.slice()
  copy[at] = ~(copy[at] as number)
  return copy
}

test('counts the calls that came back right', async () => {
  let echoes = 0
  const caller = callerOf((payload) => {
    echoes++
    return payload.slice()
  })
  const { callsPerSecond, calls } = await closedLoop(caller, load)
  expect(calls).toBe(echoes)
  expect(callsPerSecond).toBeGreaterThan(0)
})

test('times calls that were begun while it counted', async () => {
  const recorder = new LatencyRecorder()
  const caller = callerOf(async (payload) => new Promise((resolve) => setTimeout(() => resolve(payload), 2)))
  const { calls } = await closedLoop(caller, load, recorder)
  const latency = recorder.summary()
  expect(latency?.count).toBeLessThanOrEqual(calls)
  expect(latency?.p50).toBeGreaterThan(1)
})

test('echoes of JSON are compared by their content', async () => {
  const json: Load = { ...load, work: 'json' }
  const call = async (value: Value): Promise<unknown> => {
    await new Promise((resolve) => setImmediate(resolve))
    return JSON.parse(JSON.stringify(value))
  }
  const caller: Caller = { call, close: async () => {} }
  expect((await closedLoop(caller, json)).callsPerSecond).toBeGreaterThan(0)
  const liar = { ...caller, call: async (value: Value) => ({ ...((await call(value)) as object), name: 'nobody' }) }
  await expect(closedLoop(liar, json)).rejects.toThrow('wrong echo after 0 right ones')
})

test('keeps exactly the asked number of calls in flight', async () => {
  let inFlight = 0
  let most = 0
  const caller = callerOf((payload) => payload)
  const call = async (payload: Value): Promise<unknown> => {
    most = Math.max(most, ++inFlight)
    return caller.call(payload).finally(() => inFlight--)
  }
  await closedLoop({ ...caller, call }, load)
  expect([most, inFlight]).toEqual([4, 0])
})

test('several callers share the calls in flight', async () => {
  const seen = [0, 0]
  const callers = [0, 1].map((index) =>
    callerOf((payload) => {
      seen[index] = (seen[index] ?? 0) + 1
      return payload
    }),
  )
  const { calls } = await closedLoop(callers, { ...load, inFlight: 2 })
  expect((seen[0] ?? 0) + (seen[1] ?? 0)).toBe(calls)
  expect(Math.min(...seen)).toBeGreaterThan(0)
})

test('fails on an echo of the wrong length, however late', async () => {
  const caller = callerOf((payload, call) => (call === 50 ? payload.subarray(0, 31) : payload))
  await expect(closedLoop(caller, load)).rejects.toThrow(/wrong echo .* got 31 B/)
})

test('fails on the echo of another call', async () => {
  const caller = callerOf((payload, call) => (call === 50 ? changed(payload, 3) : payload))
  await expect(closedLoop(caller, load)).rejects.toThrow(/wrong echo after 50 right ones/)
})

test('finds a wrong byte anywhere by its samples', async () => {
  const caller = callerOf((payload) => changed(payload, 31))
  await expect(closedLoop(caller, load)).rejects.toThrow('wrong echo')
})

test('fails when a call fails', async () => {
  const caller = callerOf((payload, call) => (call === 9 ? Promise.reject(new Error('refused')) : payload))
  await expect(closedLoop(caller, load)).rejects.toThrow('refused')
})

test('fails when no call comes back', async () => {
  const caller = callerOf(() => new Promise(() => {}))
  await expect(closedLoop(caller, { ...load, patienceMs: 20 })).rejects.toThrow(
    'calls still in flight 20 ms after the run',
  )
})

test('waits out a stall longer than the measured time, and counts it', async () => {
  const stall = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 150))
  const caller = callerOf(async (payload) => stall().then(() => payload))
  const { callsPerSecond } = await closedLoop(caller, { ...load, measureMs: 20 })
  expect(callsPerSecond).toBeGreaterThan(0)
  expect(callsPerSecond).toBeLessThan(load.inFlight / 0.1)
})
