// The second of the promises of semantics.test.ts, which takes a file of its own.

import { aborted, rejection, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import type { Ctx, Peer } from '../src/peer.ts'
import { all, endless, from, type Log, start, work } from './stream-service.ts'

describe('2. streams are pulled:', () => {
  test('nothing is asked before the first next()', async () => {
    const { api, log } = await start()
    const messages = api.count({ from: 0, to: 3 })
    const lines = api.upper(from(['a'], log))
    await api.add([1, 1])
    expect(log.events).toEqual([])
    expect(await messages.return(undefined)).toEqual({ done: true, value: undefined })
    expect(await lines.return(undefined)).toEqual({ done: true, value: undefined })
    expect(await messages.next()).toEqual({ done: true, value: undefined })
    await api.add([1, 1])
    expect(log.events).toEqual([])
  })

  test('`yield` waits for credit: a caller that takes nothing costs no more than its window', async () => {
    const { api, log } = await start({ limits: { streamCredit: 65_536 } })
    const messages = api.count({ from: 100_000, to: 200_000 })
    expect(await messages.next()).toEqual({ done: false, value: 100_000 })
    for (let turns = 0; turns < 20; turns++) await api.add([1, 1])
    const yielded = log.events.length - 1
    expect(yielded).toBeLessThanOrEqual(65_536 / 6 + 2)
    expect(yielded).toBeGreaterThan(65_536 / 6 - 2)
    await messages.return(undefined)
    await until('the generator has ended', () => log.events.at(-1) === 'finally')
    expect(log.events.length).toBe(yielded + 2)
  })

  test('a caller`s input is pulled as the handler takes it', async () => {
    const { api } = await start({ limits: { streamCredit: 65_536 } })
    let pulled = 0
    const input = (function* () {
      for (;;) {
        pulled++
        yield pulled <= 3 ? `line ${pulled}` : 'x'.repeat(1_000)
      }
    })()
    const lines = api.upper(input)
    for (let turns = 0; turns < 20; turns++) await api.add([1, 1])
    expect(pulled).toBe(0)
    expect(await lines.next()).toEqual({ done: false, value: 'LINE 1' })
    for (let turns = 0; turns < 20; turns++) await api.add([1, 1])
    // The windows of both directions are full, and that is all.
    expect(pulled).toBeLessThan(2 * 66 + 10)
    await lines.return(undefined)
  })
})

describe.each<[string, (api: ReturnType<typeof endlessly>) => Promise<unknown>]>([
  [
    'break',
    async ({ messages }) => {
      for await (const _ of messages) break
    },
  ],
  [
    'return()',
    async ({ messages }) => {
      await messages.next()
      await messages.return(undefined)
    },
  ],
  [
    'throw()',
    async ({ messages }) => {
      await messages.next()
      expect(await rejection(messages.throw(new Error('enough')))).toMatchObject({ message: 'enough' })
    },
  ],
  [
    'return() while a message is waited for',
    async ({ messages, controller: _ }) => {
      for (let count = 0; count < 3; count++) await messages.next()
      await messages.return(undefined)
    },
  ],
  [
    'an aborted signal',
    async ({ messages, controller }) => {
      await messages.next()
      controller.abort('enough')
      expect(await rejection(messages.next())).toMatchObject({ code: 'CANCELLED', cause: 'enough' })
    },
  ],
  [
    'a lost connection',
    async ({ messages, peer }) => {
      await messages.next()
      await peer.close({ drainMs: 0 })
      await rejection(all(messages))
    },
  ],
])('2. a stream is left by %s', (_, leave) => {
  test.each(['count', 'upper'] as const)('ends the handler of %s: its signal, and its finally runs', async (method) => {
    const { peer, log, errors } = await start()
    const controller = new AbortController()
    await leave(endlessly(method, peer, controller, log))
    const { signal } = log.ctx as Ctx
    expect(await within('the signal', aborted(signal))).toMatchObject({ name: 'RpcError' })
    await until('finally', () => log.events.includes('finally'))
    if (method === 'upper') await until('the input is left', () => log.events.includes('input left'))
    expect(errors).toEqual([])
  })
})

test('2. a stream is left by a deadline: it ends at both ends', async () => {
  const { api, log } = await start()
  let messages = api.count({ from: 0, to: 0 })
  // A machine that is slow may let the deadline pass before the first message has come.
  for (let timeoutMs = 30, isOpen = false; !isOpen; timeoutMs *= 2) {
    messages = api.count({ from: 0, to: Number.MAX_SAFE_INTEGER }, { timeoutMs })
    isOpen = await messages.next().then(
      () => true,
      () => false,
    )
  }
  expect(await rejection(all(messages))).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await until('finally', () => log.events.at(-1) === 'finally')
  expect((log.ctx as Ctx).signal.aborted).toBe(true)
  expect(await messages.next()).toEqual({ done: true, value: undefined })
})

function endlessly(method: 'count' | 'upper', peer: Peer, controller: AbortController, log: Log) {
  const { signal } = controller
  const api = peer.client(work)
  const messages =
    method === 'count'
      ? api.count({ from: 0, to: Number.MAX_SAFE_INTEGER }, { signal })
      : api.upper(endless('x', log), { signal })
  return { messages: messages as AsyncGenerator<unknown, undefined, undefined>, controller, peer }
}
