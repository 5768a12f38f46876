import { rejection, until } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { raw } from '../src/codec.ts'
import { contract, oneway, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Limits } from '../src/limits.ts'
import { RpcError } from '../src/rpc-error.ts'
import { data, end, FLAG, type Frame, hello, open, readEnd, TYPE } from './frames.ts'
import { connectTo, puppetClient, puppetServer, startServer } from './peers.ts'
import type { Puppet } from './puppet.ts'

const sizes = contract('sizes', {
  text: unary<{ pad: string; reply: number }, string>(),
  bytes: unary<Uint8Array, Uint8Array>({ codec: raw }),
  tell: oneway<string>(),
  fail: unary<number, void>(),
})

let told = ''
const service = implement(sizes, {
  text: ({ reply }) => 'r'.repeat(reply),
  bytes: async (bytes) => bytes,
  tell: (text) => {
    told = text
  },
  fail: (length) => {
    throw new RpcError('ABORTED', 'with details', { appName: 'BIG', details: 'd'.repeat(length) })
  },
})

async function clientWith(server: Limits, client: Limits) {
  const peer = await connectTo(await startServer({ services: [service], limits: server }), { limits: client })
  const api = peer.client(sizes)
  await api.text({ pad: '', reply: 0 }) // from here on the limits of the other side are known
  return api
}

/** Bytes that show where each of them stood. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index ^ (index >>> 8) ^ (index >>> 16))
}

// What one side takes need not be what the other one does: what is sent is cut at the lower of the two.
describe.each<[string, Limits, Limits]>([
  ['frames of 64 KiB', {}, {}],
  ['short frames at the server', { maxFrame: 1_024 }, {}],
  ['short frames at the client', {}, { maxFrame: 4_096 }],
  ['long frames', { maxFrame: 4_194_304 }, { maxFrame: 4_194_304 }],
])('with %s', (_, server, client) => {
  test.each([0, 1, 1_000, 65_500, 65_536, 300_000, 4_194_304])('%i bytes go there and back', async (length) => {
    const api = await clientWith(server, client)
    const bytes = pattern(length)
    expect(Buffer.compare(await api.bytes(bytes), bytes)).toBe(0)
  })

  test('many long messages go there and back at a time, with short ones between', async () => {
    const api = await clientWith(server, client)
    const long = Array.from({ length: 10 }, (_, index) => pattern(200_000 + index))
    const calls = long.flatMap((bytes) => [api.bytes(bytes), api.bytes(bytes.subarray(0, 7))])
    for (const [index, bytes] of (await Promise.all(calls)).entries()) {
      const sent = long[index >> 1] as Uint8Array
      expect(Buffer.compare(bytes, index % 2 === 0 ? sent : sent.subarray(0, 7))).toBe(0)
    }
  })

  test('text is not cut between the bytes of a letter', async () => {
    const api = await clientWith(server, client)
    const text = '\u20ac\ud83d\ude00'.repeat(40_000)
    expect(await api.text({ pad: text, reply: 150_000 })).toHaveLength(150_000)
    await api.tell(text)
    await until('the message', () => told.length > 0)
    expect(told).toBe(text)
    told = ''
  })

  test('the details of an error that do not fit one frame are left out, the error is not', async () => {
    const api = await clientWith(server, client)
    expect(await rejection(api.fail(900))).toMatchObject({ code: 'ABORTED', details: 'd'.repeat(900) })
    const error = await rejection(api.fail(5_000_000))
    expect(error).toMatchObject({ code: 'ABORTED', message: 'with details', appName: 'BIG', details: undefined })
  })
})

describe('a message over maxMessage', () => {
  const text = (length: number, limit: number) => `message of ${length} bytes, the peer takes ${limit}`

  test('fails its call alone, before it is sent: a request', async () => {
    const api = await clientWith({ maxMessage: 100_000 }, {})
    const around = [api.text({ pad: '', reply: 1 }), api.text({ pad: '', reply: 2 })]
    const error = { code: 'RESOURCE_EXHAUSTED', message: text(100_001, 100_000), notProcessed: true }
    expect(await rejection(api.bytes(new Uint8Array(100_001)))).toMatchObject(error)
    expect(await rejection(api.tell('x'.repeat(100_000)))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    expect(await Promise.all(around)).toEqual(['r', 'rr'])
    expect(await api.bytes(new Uint8Array(100_000))).toHaveLength(100_000)
  })

  test('fails its call alone, before it is sent: a reply', async () => {
    const api = await clientWith({}, { maxMessage: 100_000 })
    const around = api.text({ pad: '', reply: 1 })
    const error = { code: 'RESOURCE_EXHAUSTED', message: text(100_001, 100_000), notProcessed: false }
    expect(await rejection(api.text({ pad: '', reply: 99_999 }))).toMatchObject(error)
    expect(await around).toBe('r')
    expect(await api.text({ pad: '', reply: 99_998 })).toHaveLength(99_998)
  })

  test('from a peer that does not care is refused when it gets too long, and its rest is dropped', async () => {
    const puppet = await puppetClient(await startServer({ services: [service], limits: { maxMessage: 2_000 } }))
    const part = Buffer.alloc(1_000)
    puppet.write(open(1, 'sizes.bytes', part, { encoding: 0, flags: FLAG.more }), data(1, part, FLAG.more))
    puppet.write(data(1, part, FLAG.more), data(1, part), open(3, 'sizes.text', '{"pad":"","reply":2}'))
    const refusal = await puppet.next(TYPE.end)
    expect(refusal.id).toBe(1)
    expect(readEnd(refusal)).toMatchObject({
      code: 8,
      bits: 1,
      text: 'message of 3000 bytes or more exceeds maxMessage 2000',
    })
    expect(await puppet.next(TYPE.data)).toMatchObject({ id: 3, body: Buffer.from('"rr"') })
  })

  test('in reply, from a peer that does not care, fails its call and is cancelled', async () => {
    const { peer, puppet } = await puppetServer({ limits: { maxMessage: 2_000 } })
    const call = peer.client(sizes).bytes(Buffer.of(1))
    const { id } = await puppet.next(TYPE.open)
    const part = Buffer.alloc(1_500)
    puppet.write(data(id, part, FLAG.more), data(id, part, FLAG.more), data(id, part))
    const message = 'message of 3000 bytes or more exceeds maxMessage 2000'
    expect(await rejection(call)).toMatchObject({ code: 'RESOURCE_EXHAUSTED', notProcessed: false, message })
    expect(await puppet.next(TYPE.cancel)).toMatchObject({ id, body: Buffer.of(8) })
  })
})

describe('messages that are not whole', () => {
  const opening = (id: number, size: number) =>
    open(id, 'sizes.bytes', Buffer.alloc(size), { encoding: 0, flags: FLAG.more })

  test('hold maxBuffered together at most: the stream that grows is refused, the others go on', async () => {
    const puppet = await puppetClient(await startServer({ services: [service], limits: { maxBuffered: 65_536 } }))
    puppet.write(opening(1, 30_000), opening(3, 30_000), opening(5, 10_000))
    const refusal = await puppet.next(TYPE.end)
    const text = 'messages hold 60000 bytes, 10000 more exceed maxBuffered 65536'
    expect(readEnd(refusal)).toMatchObject({ code: 8, text })
    expect(refusal.id).toBe(5)
    puppet.write(data(1, Buffer.from('end')), data(3, Buffer.from('end')))
    expect((await puppet.next(TYPE.data)).body).toHaveLength(30_003)
    puppet.write(opening(7, 50_000), data(7, 'end'))
    expect((await puppet.next(TYPE.data)).body).toHaveLength(30_003)
    expect((await puppet.next(TYPE.data)).body).toHaveLength(50_003)
  })

  test('take their place under maxStreams, and give it back when they are cancelled', async () => {
    const puppet = await puppetClient(await startServer({ services: [service], limits: { maxStreams: 1 } }))
    puppet.write(opening(1, 10), opening(3, 10))
    expect(await puppet.next(TYPE.end)).toMatchObject({ id: 3 })
    puppet.write(Buffer.from('0000000707000000000101', 'hex'), opening(5, 10), data(5, 'end'))
    expect((await puppet.next(TYPE.data)).id).toBe(5)
  })
})

describe('while a long message is on its way', () => {
  test('short ones need not wait for it: each stream has a fragment a turn', async () => {
    const server = await startServer({ services: [service] })
    const puppet = await puppetClient(server, hello({ settings: [[1, 1_024]] }))
    puppet.stopReading()
    const long = (id: number) => open(id, 'sizes.text', '{"pad":"","reply":4000000}')
    puppet.write(long(1), long(3), open(5, 'sizes.text', '{"pad":"","reply":1}'))
    const other = await connectTo(server)
    for (let turns = 0; turns < 20; turns++) await other.client(sizes).text({ pad: '', reply: 1 })
    puppet.goOnReading()
    const isLast = ({ type, flags }: Frame) => type === TYPE.data && (flags & FLAG.last) !== 0
    await until('the answers', () => puppet.received.filter(isLast).length === 3)
    expect(puppet.received.filter(isLast).map(({ id }) => id)).toEqual([5, 1, 3])
    expectTurns(puppet)
  })

  test('its cancelling ends it at once, and what was cancelled is not sent', async () => {
    const { peer, puppet } = await puppetServer()
    await until('HELLO', () => peer.state === 'ready')
    puppet.stopReading()
    const controller = new AbortController()
    const calls = Array.from({ length: 5 }, () =>
      peer.client(sizes).bytes(new Uint8Array(4_000_000), { signal: controller.signal }),
    )
    controller.abort()
    for (const call of calls) expect(await rejection(call)).toMatchObject({ code: 'CANCELLED' })
    puppet.goOnReading()
    const next = peer.client(sizes).text({ pad: '', reply: 1 })
    await until('the next call', () => puppet.received.some(({ body }) => body.includes('sizes.text')))
    puppet.write(data(puppet.received.at(-1)?.id as number, '"x"'))
    expect(await next).toBe('x')
    expect(puppet.received.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThan(4_000_000)
  })

  test('of a call that was cancelled no byte is read any more: they are the caller`s again', async () => {
    const { peer, puppet } = await puppetServer()
    await until('HELLO', () => peer.state === 'ready')
    const bytes = pattern(4_000_000)
    const controller = new AbortController()
    const call = peer.client(sizes).bytes(bytes, { signal: controller.signal })
    controller.abort()
    bytes.fill(0)
    expect(await rejection(call)).toMatchObject({ code: 'CANCELLED' })
    await puppet.next(TYPE.cancel)
    await Promise.all([peer.close(), puppetEnds(puppet)])
    const parts = puppet.received.filter(({ type }) => type === TYPE.open || type === TYPE.data)
    expect(parts.map(({ flags }) => flags)).toEqual(parts.map(() => FLAG.more))
    const sent = Buffer.concat(parts.map(({ body }) => body)).subarray(8 + 'sizes.bytes'.length)
    expect(Buffer.compare(sent, pattern(4_000_000).subarray(0, sent.length))).toBe(0)
    expect(sent.length).toBeGreaterThan(0)
  })

  test('its answer may come before it has left', async () => {
    const { peer, puppet } = await puppetServer()
    await until('HELLO', () => peer.state === 'ready')
    puppet.stopReading()
    const call = peer.client(sizes).bytes(new Uint8Array(4_000_000))
    puppet.write(end(1, 5, { message: 'no need for the rest' }))
    expect(await rejection(call)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await Promise.race([peer.close({ drainMs: 5_000 }), puppetEnds(puppet)])).toBe('ended')
  })
})

/** While two long messages wait, neither has two fragments more than the other. */
function expectTurns(puppet: Puppet): void {
  const parts = puppet.received.filter(({ type, id }) => type === TYPE.data && id !== 5).map(({ id }) => id)
  const both = parts.slice(parts.indexOf(3), parts.lastIndexOf(1))
  const firsts = both.filter((id) => id === 1).length
  expect(Math.abs(both.length - 2 * firsts)).toBeLessThanOrEqual(2)
}

async function puppetEnds(puppet: Puppet): Promise<string> {
  puppet.goOnReading()
  await puppet.goaway()
  puppet.fin()
  return 'ended'
}
