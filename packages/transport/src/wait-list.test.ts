import { getEventListeners } from 'node:events'
import { endOfTick, rejection } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { TransportError } from './transport-error.ts'
import { WaitList } from './wait-list.ts'

const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = () => {
    settled = true
  }
  promise.then(note, note)
  await endOfTick()
  return settled
}

test('resolves at the first check at which the condition holds, and not before', async () => {
  const waits = new WaitList()
  let isMet = false
  const wait = waits.add('flush', () => isMet, undefined)
  waits.check()
  expect(await isSettled(wait)).toBe(false)
  isMet = true
  expect(await isSettled(wait)).toBe(false)
  waits.check()
  await wait
})

test('resolves only those whose condition holds', async () => {
  const waits = new WaitList()
  const yes = waits.add('flush', () => true, undefined)
  const no = waits.add('flush', () => false, undefined)
  waits.check()
  await yes
  expect(await isSettled(no)).toBe(false)
})

test('asks no condition again after its promise has settled', () => {
  const waits = new WaitList()
  let asked = 0
  void waits.add('flush', () => ++asked > 0, undefined)
  waits.check()
  waits.check()
  expect(asked).toBe(1)
})

test('rejects all that wait, each with the error, and nobody who comes later', async () => {
  const waits = new WaitList()
  const before = [waits.add('flush', () => false, undefined), waits.add('drained', () => false, undefined)]
  const error = new TransportError('CONNECTION_CLOSED', 'over')
  waits.fail(error)
  for (const wait of before) expect(await rejection(wait)).toBe(error)
  expect(await isSettled(waits.add('flush', () => false, undefined))).toBe(false)
})

test('an abort rejects with ABORTED, the action in the message and the reason as cause', async () => {
  const waits = new WaitList()
  const controller = new AbortController()
  const aborted = waits.add('drained', () => false, controller.signal)
  const other = waits.add('drained', () => false, undefined)
  controller.abort('enough')
  expect(await rejection(aborted)).toMatchObject({
    code: 'ABORTED',
    message: 'drained was aborted',
    cause: 'enough',
    retryable: false,
  })
  expect(await isSettled(other)).toBe(false)
})

test('a signal that has aborted before rejects at once', async () => {
  const waits = new WaitList()
  const signal = AbortSignal.abort('before')
  expect(await rejection(waits.add('flush', () => true, signal))).toMatchObject({ code: 'ABORTED', cause: 'before' })
  expect(listenersOf(signal)).toBe(0)
})

test('leaves no listener on the signal, however it settles', async () => {
  const waits = new WaitList()
  const { signal } = new AbortController()
  const resolved = waits.add('flush', () => true, signal)
  expect(listenersOf(signal)).toBe(1)
  waits.check()
  await resolved
  expect(listenersOf(signal)).toBe(0)
  const rejected = waits.add('flush', () => false, signal)
  waits.fail(new Error('over'))
  await rejection(rejected)
  expect(listenersOf(signal)).toBe(0)
  const controller = new AbortController()
  const aborted = waits.add('flush', () => false, controller.signal)
  controller.abort()
  await rejection(aborted)
  expect(listenersOf(controller.signal)).toBe(0)
})
