import { defer, quiet, rejection, turn, within } from '@framewire/testkit'
import { expect, test, vi } from 'vitest'
import { Outbound } from './outbound.ts'
import { RpcError } from './rpc-error.ts'
import type { Scheduler } from './scheduler.ts'

test('a message that can not be sent fails its stream, and not whoever says that there is room again', async () => {
  const tooLong = new RpcError('RESOURCE_EXHAUSTED', 'too long')
  const scheduler = {
    isBlocked: false,
    wait: () => {},
    drop: () => {},
    data: () => {
      throw tooLong
    },
  }
  async function* source(): AsyncGenerator<string> {
    scheduler.isBlocked = true // while it was asked
    yield 'message'
  }
  const options = { source: source(), encode: String, onMessage: () => {}, isKept: false }
  const outbound = new Outbound(scheduler as unknown as Scheduler, 1, 100, options)
  const sent = outbound.sendAll()
  sent.catch(() => {})
  await turn()
  scheduler.isBlocked = false
  outbound.onUnblocked()
  expect(await rejection(sent)).toBe(tooLong)
})

test('the end of a stream that is sent again waits for its last message', async () => {
  const scheduler = { isBlocked: false, wait: () => {}, drop: vi.fn(), data: () => true }
  const options = { source: ['message'].values(), encode: String, onMessage: () => {}, isKept: true }
  const outbound = new Outbound(scheduler as unknown as Scheduler, 1, 100, options)
  expect(await outbound.sendAll()).toBe(true)
  outbound.park()
  expect(scheduler.drop).toHaveBeenCalledWith(1)
  scheduler.data = () => false // some of it waits
  outbound.bind(scheduler as unknown as Scheduler, 3, 1)
  let hasEnded = false
  const sent = outbound.sendAll().then(() => {
    hasEnded = true
  })
  await turn()
  expect(hasEnded).toBe(false)
  outbound.onSent()
  await within('the end', sent)
})

test('a message that the next connection does not take fails its stream, not whoever binds it there', async () => {
  const tooLong = new RpcError('RESOURCE_EXHAUSTED', 'too long')
  const scheduler = { isBlocked: false, wait: () => {}, drop: () => {}, data: () => true }
  const asked = defer()
  async function* source(): AsyncGenerator<string> {
    yield 'message'
    await asked.promise
    yield 'another'
  }
  const options = { source: source(), encode: String, onMessage: () => {}, isKept: true }
  const outbound = new Outbound(scheduler as unknown as Scheduler, 1, 100, options)
  const sent = quiet(outbound.sendAll())
  await turn()
  outbound.park()
  scheduler.data = () => {
    throw tooLong
  }
  outbound.bind(scheduler as unknown as Scheduler, 3, 100)
  asked.resolve()
  expect(await rejection(sent)).toBe(tooLong)
})

test('what is sent again on a connection that takes no more goes on when that does, whatever the source is at', async () => {
  const waiting = new Set<Outbound>()
  const sent: unknown[] = []
  const scheduler = {
    isBlocked: false,
    wait: (stream: Outbound) => waiting.add(stream),
    drop: () => {},
    data: (_id: number, _flags: number, message: unknown) => {
      sent.push(message)
      return true
    },
  }
  async function* source(): AsyncGenerator<string> {
    yield* ['a', 'b', 'c']
    await defer().promise // for an answer to these
  }
  const options = { source: source(), encode: String, onMessage: () => {}, isKept: true }
  const outbound = new Outbound(scheduler as unknown as Scheduler, 1, 100, options)
  quiet(outbound.sendAll())
  await turn()
  expect(sent.splice(0)).toEqual(['a', 'b', 'c'])
  outbound.park()
  scheduler.isBlocked = true
  outbound.bind(scheduler as unknown as Scheduler, 3, 100)
  expect([sent, waiting.has(outbound)]).toEqual([[], true])
  scheduler.isBlocked = false
  outbound.onUnblocked()
  expect(sent).toEqual(['a', 'b', 'c'])
})
