import { describe, expect, test } from 'vitest'
import { raw } from '../src/codec.ts'
import { contract, oneway, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Limits } from '../src/limits.ts'
import { RpcError } from '../src/rpc-error.ts'
import { connectTo, startServer } from './peers.ts'
import { rejection } from './waiting.ts'

const sizes = contract('sizes', {
  text: unary<{ pad: string; reply: number }, string>(),
  bytes: unary<Uint8Array, Uint8Array>({ codec: raw }),
  tell: oneway<string>(),
  fail: unary<number, void>(),
})

async function clientWith(server: Limits, client: Limits) {
  const service = implement(sizes, {
    text: ({ reply }) => 'r'.repeat(reply),
    bytes: async (bytes) => bytes,
    tell: () => {},
    fail: (length) => {
      throw new RpcError('ABORTED', 'with details', { appName: 'BIG', details: 'd'.repeat(length) })
    },
  })
  const peer = await connectTo(await startServer({ services: [service], limits: server }), { limits: client })
  const api = peer.client(sizes)
  await api.text({ pad: '', reply: 0 }) // from here on the limits of the other side are known
  return api
}

const tooLong = (message: number, frame: number, limit: number) => ({
  code: 'RESOURCE_EXHAUSTED',
  message: `message of ${message} bytes makes a frame of ${frame} bytes, the limit is maxFrame ${limit}`,
})

describe('a message over the other side`s maxFrame', () => {
  test('fails its call alone, with the numbers: a request', async () => {
    const api = await clientWith({ maxFrame: 4_096 }, {})
    const around = [api.text({ pad: '', reply: 1 }), api.text({ pad: '', reply: 2 })]
    const error = await rejection(api.bytes(new Uint8Array(4_096)))
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject(tooLong(4_096, 4_096 + 6 + 7 + 1 + 'sizes.bytes'.length, 4_096))
    expect(await rejection(api.tell('x'.repeat(5_000)))).toMatchObject(tooLong(5_002, 5_002 + 14 + 10, 4_096))
    expect(await Promise.all(around)).toEqual(['r', 'rr'])
    expect(await api.bytes(new Uint8Array(4_071))).toHaveLength(4_071)
  })

  test('fails its call alone, with the numbers: a reply', async () => {
    const api = await clientWith({}, { maxFrame: 4_096 })
    const around = api.text({ pad: '', reply: 1 })
    expect(await rejection(api.text({ pad: '', reply: 5_000 }))).toMatchObject(tooLong(5_002, 5_008, 4_096))
    expect(await around).toBe('r')
    expect(await api.text({ pad: '', reply: 4_088 })).toHaveLength(4_088)
    expect(await rejection(api.text({ pad: '', reply: 4_089 }))).toMatchObject(tooLong(4_091, 4_097, 4_096))
  })

  test('loses its details when they are those of an error, not the error', async () => {
    const api = await clientWith({}, { maxFrame: 4_096 })
    const short = { code: 'ABORTED', message: 'with details', appName: 'BIG', details: 'd'.repeat(3_000) }
    expect(await rejection(api.fail(3_000))).toMatchObject(short)
    expect(await rejection(api.fail(5_000))).toMatchObject({ ...short, details: undefined })
  })
})

// What one side takes need not be what the other one does: the lower of the two holds for what is sent, and going over
// it is the fault of a message, never the end of the connection.
describe.each<[string, Limits, Limits]>([
  ['the server takes more', { maxFrame: 1_048_576 }, {}],
  ['the client takes more', {}, { maxFrame: 1_048_576 }],
  ['both take little', { maxFrame: 1_024 }, { maxFrame: 2_048 }],
])('when %s', (_, server, client) => {
  test('a message that is too long fails its call, in either direction', async () => {
    const api = await clientWith(server, client)
    const around = api.text({ pad: '', reply: 1 })
    expect(await rejection(api.bytes(new Uint8Array(100_000)))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect(await rejection(api.text({ pad: '', reply: 100_000 }))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect(await rejection(api.fail(100_000))).toMatchObject({ code: 'ABORTED', details: undefined })
    expect(await around).toBe('r')
    // Text that could be too long, were its letters others, passes.
    expect(await api.text({ pad: 'x'.repeat(800), reply: 900 })).toHaveLength(900)
  })
})

test('where both take more, more can be sent', async () => {
  const api = await clientWith({ maxFrame: 4_194_304 }, { maxFrame: 4_194_304 })
  const bytes = new Uint8Array(4_000_000).fill(7)
  expect(Buffer.compare(await api.bytes(bytes), bytes)).toBe(0)
  expect(await api.text({ pad: '\u20ac'.repeat(1_000_000), reply: 2_000_000 })).toHaveLength(2_000_000)
})
