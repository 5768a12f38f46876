import { rejection, turn, until, within } from '@framewire/testkit'
import { expect, test } from 'vitest'
import type { Peer } from '../src/peer.ts'
import { all, endless, from, start, work } from './stream-service.ts'

test('a server stream gives all messages in order, then ends', async () => {
  const { api, log } = await start()
  expect(await all(api.count({ from: 0, to: 1_000 }))).toEqual(Array.from({ length: 1_000 }, (_, index) => index))
  expect(log.events.slice(-2)).toEqual(['end', 'finally'])
  expect(await all(api.count({ from: 0, to: 0 }))).toEqual([])
})

test('a client stream takes an iterable or an async iterable and resolves with the reply', async () => {
  const { api } = await start()
  expect(await api.sum(from([1, 2, 3]))).toBe(6)
  expect(await api.sum([1, 2, 3, 4])).toBe(10)
  expect(await api.sum([])).toBe(0)
})

test('bidi answers while it is asked', async () => {
  const { api } = await start()
  expect(await all(api.upper(from(['a', 'b', 'c'])))).toEqual(['A', 'B', 'C'])
  const asked: string[] = []
  const lines = (async function* () {
    for (const line of ['one', 'two']) {
      asked.push(line)
      yield line
    }
  })()
  const answers = api.upper(lines)
  expect(await answers.next()).toEqual({ done: false, value: 'ONE' })
  expect(await answers.next()).toEqual({ done: false, value: 'TWO' })
  expect(await answers.next()).toEqual({ done: true, value: undefined })
  expect(asked).toEqual(['one', 'two'])
})

test('streams of both directions and unary calls go side by side on one connection', async () => {
  const { peer, server } = await start()
  const [other] = server.peers as Set<Peer>
  const both = [peer.client(work), (other as Peer).client(work)]
  const results = await Promise.all(
    both.flatMap((api) => [
      all(api.count({ from: 0, to: 200 })),
      all(api.upper(from(['x', 'y']))),
      api.sum(from(Array.from({ length: 100 }, () => 1))),
      api.add([1, 2]),
    ]),
  )
  for (const offset of [0, 4]) {
    expect(results[offset]).toHaveLength(200)
    expect(results.slice(offset + 1, offset + 4)).toEqual([['X', 'Y'], 100, 3])
  }
})

test('messages of megabytes go in streams, too', async () => {
  const { api } = await start()
  const big = new Uint8Array(1_500_000).fill(7)
  expect(Buffer.from(await api.size([big, big, Buffer.of(1)])).toString()).toBe('3000001')
  let count = 0
  for await (const message of api.bytes(Buffer.from('1000000'))) {
    expect(message).toHaveLength(1_000_000)
    if (++count === 5) break
  }
})

test('a handler that answers before its input has ended leaves it, and the connection goes on', async () => {
  const { api, log } = await start()
  const input = (async function* () {
    try {
      yield 5
      yield 0
      for (;;) {
        yield 1
        await turn()
      }
    } finally {
      log.add('input left')
    }
  })()
  expect(await api.sum(input)).toBe(5)
  await until('the input is left', () => log.events.includes('input left'))
  expect(await all(api.upper(endless('stop', log)))).toEqual([])
  expect(await api.add([2, 2])).toBe(4)
})

test('a drain lets streams end, and takes no new ones', async () => {
  const { api, peer } = await start()
  const lines = api.upper(['a', 'b', 'c'])
  expect(await lines.next()).toEqual({ done: false, value: 'A' })
  const closing = peer.close()
  expect(await rejection(api.count({ from: 0, to: 1 }).next())).toMatchObject({
    code: 'UNAVAILABLE',
    notProcessed: true,
  })
  expect(await all(lines)).toEqual(['B', 'C'])
  await within('close', closing)
})
