import { type Deferred, defer, rejection, turn, until } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { raw } from '../src/codec.ts'
import { bidi, clientStream, contract, serverStream } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { data, FLAG, frame, GOAWAY, hello, open, readEnd, TYPE, u32 } from './frames.ts'
import { puppetClient, puppetServer, startServer } from './peers.ts'
import type { Puppet } from './puppet.ts'

const flow = contract('flow', {
  fill: serverStream<Uint8Array, Uint8Array>({ codec: raw }),
  take: clientStream<Uint8Array, Uint8Array>({ codec: raw }),
  both: bidi<Uint8Array, Uint8Array>({ codec: raw }),
})

const credit = (id: number, bytes: number): Buffer => frame(TYPE.credit, 0, id, u32(bytes))
const RAW = { encoding: 0 } as const
const limits = { streamCredit: 65_536 }

/** A server whose handlers take a message each time the test lets them. */
async function start(opening = hello()) {
  const gates: Deferred<void>[] = []
  const sizes: number[] = []
  let yielded = 0
  const service = implement(flow, {
    async *fill(size) {
      for (;;) {
        yielded++
        yield new Uint8Array(Number(Buffer.from(size).toString()))
      }
    },
    async take(chunks) {
      for await (const chunk of chunks) {
        sizes.push(chunk.length)
        const gate = defer<void>()
        gates.push(gate)
        await gate.promise
      }
      return new Uint8Array()
    },
    async *both(chunks) {
      for await (const chunk of chunks) yield chunk
    },
  })
  const server = await startServer({ services: [service], limits })
  const puppet = await puppetClient(server, opening)
  return { puppet, server, gates, sizes, yielded: () => yielded }
}

const bytesOf = ({ received }: Puppet): number =>
  received.filter(({ type }) => type === TYPE.data).reduce((sum, { body }) => sum + body.length, 0)

async function settle(puppet: Puppet): Promise<void> {
  const before = puppet.received.filter(({ type }) => type === TYPE.ping).length
  puppet.write(frame(TYPE.ping, 0, 0, Buffer.from('settling')))
  await until('the answer', () => puppet.received.filter(({ type }) => type === TYPE.ping).length > before)
}

describe('a sender', () => {
  test('starts a message while there is credit, may overdraw it, then waits until there is credit again', async () => {
    const { puppet, yielded } = await start()
    puppet.write(open(1, 'flow.fill', '40000', RAW))
    await until('two messages', () => bytesOf(puppet) === 80_000)
    await settle(puppet)
    expect(bytesOf(puppet)).toBe(80_000)
    expect(yielded()).toBe(2)
    puppet.write(credit(1, 80_000 - 65_536)) // 0 now: not above it
    await settle(puppet)
    expect(bytesOf(puppet)).toBe(80_000)
    puppet.write(credit(1, 1))
    await until('a third', () => bytesOf(puppet) === 120_000)
    await settle(puppet)
    expect(yielded()).toBe(3)
  })

  test('gets to know the window by HELLO, for streams that are open already too', async () => {
    const { puppet } = await start(Buffer.of())
    puppet.write(hello({ settings: [[4, 200_000]] }), open(1, 'flow.fill', '50000', RAW))
    await until('four messages', () => bytesOf(puppet) === 200_000)
    await settle(puppet)
    expect(bytesOf(puppet)).toBe(200_000)
    const { peer, puppet: callee } = await puppetServer({}, Buffer.of())
    let pulled = 0
    const chunks = (function* () {
      for (;;) {
        pulled++
        yield new Uint8Array(50_000)
      }
    })()
    void peer
      .client(flow)
      .take(chunks)
      .catch(() => {})
    await until('the assumed window', () => pulled === 2)
    callee.write(hello({ settings: [[4, 200_000]] }))
    await until('the announced one', () => pulled === 4)
    await turn()
    expect(pulled).toBe(4)
  })

  test('needs no credit for a first message, however little the window is', async () => {
    const { puppet } = await start(hello({ settings: [[4, 0]] }))
    puppet.write(open(1, 'flow.fill', '100000', RAW))
    await until('one message', () => bytesOf(puppet) === 100_000)
    await settle(puppet)
    expect(bytesOf(puppet)).toBe(100_000)
  })

  test('that waits is woken by CANCEL, and its connection by nothing', async () => {
    const { puppet, server } = await start()
    puppet.write(open(1, 'flow.fill', '70000', RAW))
    await until('one message', () => bytesOf(puppet) === 70_000)
    puppet.write(frame(TYPE.cancel, 0, 1, Buffer.of(1)), credit(1, 1_000_000))
    await settle(puppet)
    expect(bytesOf(puppet)).toBe(70_000)
    expect(server.peers.size).toBe(1)
  })

  test.each([0x7fff_ffff, 0xffff_ffff])('given more credit than there can be (%i) says so', async (bytes) => {
    const { puppet } = await start()
    puppet.write(open(1, 'flow.fill', '10', RAW), credit(1, bytes))
    expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.flowControl })
  })
})

describe('a receiver', () => {
  const openTake = open(1, 'flow.take', '', { ...RAW, flags: FLAG.none })

  test('grants what the application has taken, when it is half a window', async () => {
    const { puppet, gates, sizes } = await start()
    puppet.write(openTake, data(1, Buffer.alloc(20_000), 0), data(1, Buffer.alloc(20_000), 0))
    await until('the first', () => sizes.length === 1)
    await settle(puppet)
    expect(puppet.received.filter(({ type }) => type === TYPE.credit)).toEqual([])
    gates[0]?.resolve()
    const granted = await puppet.next(TYPE.credit)
    expect(granted).toMatchObject({ id: 1, body: u32(40_000) })
  })

  test('takes what was started with credit, and says GOAWAY to a message that was not', async () => {
    const { puppet, sizes } = await start()
    puppet.write(openTake, data(1, Buffer.alloc(1), 0)) // taken by the handler at once
    await until('the first', () => sizes.length === 1)
    puppet.write(data(1, Buffer.alloc(30_000), 0), data(1, Buffer.alloc(35_534), 0)) // 1 left
    puppet.write(data(1, Buffer.alloc(60_000), FLAG.more), data(1, Buffer.alloc(60_000), FLAG.more), data(1, 'x', 0))
    await settle(puppet)
    puppet.write(data(1, 'x', 0))
    const goaway = await puppet.goaway()
    expect(goaway.reason).toBe(GOAWAY.flowControl)
    expect(goaway.text).toBe('a new message with a credit of -120000 bytes')
  })

  test('says the same of a reply', async () => {
    const { peer, puppet } = await puppetServer({ limits })
    const stream = peer.client(flow).fill(Buffer.of(1))
    const first = stream.next()
    const { id } = await puppet.next(TYPE.open)
    puppet.write(data(id, Buffer.alloc(10), 0))
    expect((await first).value).toHaveLength(10)
    puppet.write(data(id, Buffer.alloc(65_526), 0), data(id, 'x', 0))
    expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.flowControl })
    expect((await stream.next()).value).toHaveLength(65_526)
    expect(await rejection(stream.next())).toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('one slow stream costs the others nothing', async () => {
    const { puppet } = await start()
    puppet.write(openTake)
    for (let count = 0; count < 3; count++) puppet.write(data(1, Buffer.alloc(30_000), 0))
    puppet.write(open(3, 'flow.both', '', { ...RAW, flags: FLAG.none }))
    for (let round = 0; round < 20; round++) {
      puppet.write(data(3, Buffer.alloc(30_000), 0))
      expect((await puppet.next(TYPE.data)).body).toHaveLength(30_000)
      puppet.write(credit(3, 30_000))
    }
  })
})

describe('DATA is a protocol error', () => {
  const taking = open(1, 'flow.take', '', { ...RAW, flags: FLAG.none })

  test.each<[string, Buffer[], RegExp]>([
    ['without LAST and without a byte', [data(1, '', 0)], /without LAST is empty/],
    ['without LAST and without a message', [data(1, '', FLAG.none)], /without LAST is empty/],
    ['with MORE and without a byte', [data(1, '', FLAG.more)], /with MORE is empty/],
    ['with MORE and LAST', [data(1, 'x', FLAG.more | FLAG.last)], /with LAST and MORE/],
    ['after LAST', [data(1, 'x', 0), data(1, 'x'), data(1, 'x')], /after LAST/],
  ])('%s', async (_, frames, text) => {
    const { puppet } = await start()
    puppet.write(taking, ...frames)
    const goaway = await puppet.goaway()
    expect(goaway.reason).toBe(GOAWAY.protocol)
    expect(goaway.text).toMatch(text)
  })

  test('after the only message of a call that runs', async () => {
    const { puppet } = await start()
    puppet.write(open(1, 'flow.fill', '70000', RAW), data(1, 'x'))
    expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.protocol, text: 'DATA of stream 1 after LAST' })
  })
})

test('CREDIT shorter than 4 bytes, or for an id that was never used, is a protocol error', async () => {
  for (const wrong of [frame(TYPE.credit, 0, 1, Buffer.alloc(3)), credit(3, 1), credit(2, 1), credit(0, 1)]) {
    const { puppet } = await start()
    puppet.write(open(1, 'flow.fill', '70000', RAW), wrong)
    expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.protocol })
  }
})

test('a method called as one of another kind is UNIMPLEMENTED, surely not processed, and what follows is late', async () => {
  const { puppet } = await start()
  puppet.write(open(1, 'flow.fill', '10', { ...RAW, flags: 0 }), data(1, 'x', 0), data(1, 'x'))
  const refusal = await puppet.next(TYPE.end)
  const text = 'flow.fill is of kind serverStream and was called as another'
  expect(readEnd(refusal)).toMatchObject({ code: 12, bits: 1, text })
  puppet.write(open(3, 'flow.take', '10', { ...RAW, flags: FLAG.last | FLAG.oneway }))
  await settle(puppet)
})

test('more than one message in answer to a unary call is INTERNAL for it, and cancelled', async () => {
  const { peer, puppet } = await puppetServer()
  const call = peer.call('flow.any', 1)
  const { id } = await puppet.next(TYPE.open)
  puppet.write(data(id, '1', 0), data(id, '2', 0))
  const message = 'flow.any was answered with more than one message'
  expect(await rejection(call)).toMatchObject({ code: 'INTERNAL', message })
  expect(await puppet.next(TYPE.cancel)).toMatchObject({ id })
})
