import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { contract, oneway, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Peer } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import {
  CODE,
  cancel,
  data,
  end,
  FLAG,
  frame,
  GOAWAY,
  goaway,
  hello,
  open,
  ping,
  readEnd,
  TYPE,
  u8,
  u16,
  u32,
} from './frames.ts'
import { connectTo, puppetClient, puppetServer, startServer } from './peers.ts'
import type { Puppet } from './puppet.ts'
import { quiet, rejection, until, within } from './waiting.ts'

// A puppet on a bare socket sends what no honest peer sends, to a server and to a client. It must get the reason, the
// process must live, and other connections must not notice.

const work = contract('work', { echo: unary<unknown, unknown>(), hold: unary<void, void>(), tell: oneway<unknown>() })

let told: unknown[] = []
const service = implement(work, {
  echo: (value) => value,
  hold: () => new Promise<void>(() => {}),
  tell: (value) => void told.push(value),
})

interface Side {
  puppet: Puppet
  /** The peer under test. */
  peer: Peer
  /** An honest connection of the same process. */
  other: Peer
  /** The id the puppet may open first, and the one that the peer under test would. */
  ids: { puppet: number; peer: number }
}

async function puppetAgainstServer(opening: Uint8Array): Promise<Side> {
  const server = await startServer({ services: [service] })
  const other = await connectTo(server)
  await until('the other peer', () => server.peers.size === 1)
  const [known] = server.peers
  const puppet = await puppetClient(server, opening)
  await until('the puppet`s peer', () => server.peers.size === 2)
  const peer = [...server.peers].find((each) => each !== known) as Peer
  return { puppet, peer, other, ids: { puppet: 1, peer: 2 } }
}

async function puppetAgainstClient(opening: Uint8Array): Promise<Side> {
  const other = await connectTo(await startServer({ services: [service] }))
  return { ...(await puppetServer({ services: [service] }, opening)), other, ids: { puppet: 2, peer: 1 } }
}

/** The peer ends the connection with this reason and text, in good order; nothing else has suffered. */
async function expectGoaway({ puppet, peer, other }: Side, reason: number, text: string | RegExp): Promise<void> {
  const said = await puppet.goaway()
  expect(said.reason).toBe(reason)
  expect(said.text).toMatch(text)
  expect(await within('the end', puppet.over)).toBe('end')
  puppet.fin()
  await within('the peer`s end', peer.closed)
  expect(await other.client(work).echo('still here')).toBe('still here')
}

/** The connection still works, and nothing was said about what the puppet sent. */
async function expectIgnored({ puppet, peer }: Side, answers = 0): Promise<void> {
  puppet.write(ping(Buffer.from('12345678')))
  expect(await puppet.next(TYPE.ping)).toMatchObject({ flags: FLAG.last, body: Buffer.from('12345678') })
  expect(peer.state).toBe('ready')
  expect(puppet.received).toHaveLength(2 + answers) // HELLO, what was expected, PING
}

const BAD_PART = /^OPEN of stream \d with MORE and LAST, NONE or an empty message$/
const truncated = (bytes: Buffer, length: number): Buffer => Buffer.concat([u32(length), bytes.subarray(4, 4 + length)])

beforeEach(() => {
  told = []
})

describe.each([
  ['a server', puppetAgainstServer],
  ['a client', puppetAgainstClient],
] as const)('%s', (_side, against) => {
  describe('cuts off a peer that', () => {
    const maxFrame = 65_536

    test.each<[string, Uint8Array, string]>([
      ['sends garbage', Buffer.alloc(64, 0xa5), 'frame of 2779096485 bytes exceeds maxFrameLength 65536'],
      ['speaks HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'HTTP'],
      ['speaks TLS', Buffer.from('16030100c8010000c40303aabb', 'hex'), 'TLS'],
      ['announces a frame above maxFrame', u32(maxFrame + 1), 'frame of 65537 bytes exceeds maxFrameLength 65536'],
      ['announces the most', u32(0xffff_ffff), 'frame of 4294967295 bytes exceeds maxFrameLength 65536'],
    ])('%s, before and after HELLO', async (_name, bytes, message) => {
      for (const opening of [Buffer.of(), hello()]) {
        const side = await against(opening)
        side.puppet.write(bytes)
        await within('the cut', side.puppet.over)
        const { error } = await within('the end', side.peer.closed)
        expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE', message: expect.stringContaining(message) })
        expect(side.puppet.received.filter(({ type }) => type !== TYPE.hello)).toEqual([])
        expect(await side.other.client(work).echo(1)).toBe(1)
      }
    })

    test('ends in the middle of a frame', async () => {
      const side = await against(hello())
      side.puppet.write(open(side.ids.puppet, 'work.tell', '1').subarray(0, 12))
      side.puppet.fin()
      expect((await within('the end', side.peer.closed)).error).toMatchObject({ code: 'FRAME_TRUNCATED' })
      expect(await side.other.client(work).echo(1)).toBe(1)
    })
  })

  test('takes a frame of exactly maxFrame', async () => {
    const side = await against(hello())
    const empty = open(side.ids.puppet, 'work.echo', '""')
    side.puppet.write(open(side.ids.puppet, 'work.echo', `"${'x'.repeat(65_536 + 4 - empty.length)}"`))
    expect((await side.puppet.next(TYPE.data)).body.length).toBe(65_536 + 6 - empty.length + 0)
  })

  describe('refuses an opening', () => {
    const first = (type: number) => new RegExp(`^first frame has type ${type}, not HELLO$`)

    test.each<[string, Buffer, number, string | RegExp]>([
      ['with another magic', hello({ magic: 'FWP2' }), GOAWAY.protocol, 'HELLO without the magic "FWP1"'],
      ['of an older version', hello({ major: 0 }), GOAWAY.version, 'major version 0, this side speaks 1'],
      ['that is a call', open(1, 'work.tell', '1'), GOAWAY.protocol, first(4)],
      ['that is a PING', ping(Buffer.alloc(8)), GOAWAY.protocol, first(2)],
      ['that is of an ignorable type', frame(0x80, 0, 0), GOAWAY.protocol, first(128)],
      [
        'that is too short for a frame',
        Buffer.from('00000000', 'hex'),
        GOAWAY.protocol,
        'frame of 0 bytes, the least is 6',
      ],
    ])('%s', async (_name, opening, reason, text) => {
      const side = await against(opening)
      expect(await side.puppet.next(TYPE.hello)).toBeDefined()
      await expectGoaway(side, reason, text)
      expect(told).toEqual([])
    })

    test('that is cut off in any of its fields', async () => {
      const whole = hello({ settings: [[1, 70_000]], meta: Buffer.from('abc') })
      for (let length = 6; length < whole.length - 4; length++) {
        const side = await against(truncated(whole, length))
        await expectGoaway(side, GOAWAY.protocol, `HELLO frame of ${length} bytes is shorter than its own fields say`)
      }
    })

    test('that has settings, bytes or a version of later days: takes it', async () => {
      const settings = [1, 3, 9, 0xffff].map((id) => [id, 100_000] as const)
      const longer = Buffer.concat([
        hello({ major: 9, settings, meta: Buffer.from('\x01a\x00\x01b', 'latin1') }).subarray(4),
        Buffer.from('later'),
      ])
      await expectIgnored(await against(Buffer.concat([u32(longer.length), longer])))
    })
  })

  describe('that gets no HELLO', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
    afterEach(() => void vi.useRealTimers())

    test('says so after 5 s', async () => {
      const side = await against(Buffer.of())
      await side.puppet.next(TYPE.hello)
      vi.advanceTimersByTime(4_999)
      expect(side.peer.state).toBe('connecting')
      vi.advanceTimersByTime(1)
      vi.useRealTimers()
      await expectGoaway(side, GOAWAY.handshake, 'no HELLO within 5000 ms')
    })

    test('waits no longer once it has come', async () => {
      const side = await against(Buffer.of())
      await until('the other', () => side.other.state === 'ready')
      const before = vi.getTimerCount()
      side.puppet.write(hello())
      await until('HELLO', () => side.peer.state === 'ready')
      expect(vi.getTimerCount()).toBe(before - 1)
      vi.advanceTimersByTime(60_000)
      vi.useRealTimers()
      await expectIgnored(side)
    })
  })

  describe('says what is wrong with', () => {
    type Make = (ids: Side['ids']) => Buffer
    const tooShort = (type: string) => new RegExp(`^${type} frame of \\d+ bytes is shorter than its own fields say$`)

    test.each<[string, Make, string | RegExp]>([
      ['a second HELLO', () => hello(), 'a second HELLO'],
      ...[0, 1, 5].map((length): [string, Make, string] => [
        `a frame of ${length} bytes`,
        () => Buffer.concat([u32(length), Buffer.alloc(length)]),
        `frame of ${length} bytes, the least is 6`,
      ]),
      ['an unknown type', () => frame(0x09, 0, 0), 'frame type 9 is unknown'],
      ['an unknown type just below those to ignore', () => frame(0x7f, 0, 0), 'frame type 127 is unknown'],
      [
        'an OPEN with an id of the other parity',
        ({ peer }) => open(peer, 'work.tell', '1'),
        /^OPEN with stream id \d after 0$/,
      ],
      ['an OPEN with id 0', () => open(0, 'work.tell', '1'), 'OPEN with stream id 0 after 0'],
      [
        'an OPEN with bit 31',
        ({ puppet }) => open(0x8000_0000 + puppet, 'work.tell', '1'),
        /^OPEN with stream id 21474836\d\d after 0$/,
      ],
      [
        'an OPEN with a repeated id',
        ({ puppet }) => Buffer.concat([open(puppet + 2, 'work.echo', '1'), open(puppet + 2, 'work.tell', '1')]),
        /^OPEN with stream id (\d) after \1$/,
      ],
      [
        'an OPEN with a lower id',
        ({ puppet }) => Buffer.concat([open(puppet + 4, 'work.echo', '1'), open(puppet + 2, 'work.tell', '1')]),
        /^OPEN with stream id [34] after [56]$/,
      ],
      ['an OPEN in parts that is the last', ({ puppet }) => open(puppet, 'work.tell', '1', { flags: 3 }), BAD_PART],
      ['an OPEN in parts that has none', ({ puppet }) => open(puppet, 'work.tell', '', { flags: 2 }), BAD_PART],
      ['an OPEN in parts without message', ({ puppet }) => open(puppet, 'work.tell', '1', { flags: 10 }), BAD_PART],
      [
        'a DATA for an id that was never opened',
        ({ peer }) => data(peer, '1'),
        /^frame on stream \d, which was never opened$/,
      ],
      ['a DATA for an id of its own', ({ puppet }) => data(puppet, '1'), 'which was never opened'],
      ['a DATA for the connection', () => data(0, '1'), 'frame on stream 0, which was never opened'],
      ['an END for an id that was never opened', ({ peer }) => end(peer + 2, 0), 'which was never opened'],
      ['a CANCEL without a code', ({ puppet }) => frame(TYPE.cancel, 0, puppet), 'CANCEL without a code'],
      ['a PING of 7 bytes', () => ping(Buffer.alloc(7)), 'PING of 7 bytes, not 8'],
      ['a PING of 9 bytes', () => ping(Buffer.alloc(9), FLAG.last), 'PING of 9 bytes, not 8'],
      ['a PING of no bytes', () => ping(Buffer.of()), 'PING of 0 bytes, not 8'],
      ['a GOAWAY cut short', () => frame(TYPE.goaway, 0, 0, u32(0)), 'GOAWAY shorter than its fields'],
      ['a GOAWAY with malformed UTF-8', () => goaway(0, 0, Buffer.of(0xff)), 'malformed UTF-8 in the text of a frame'],
      [
        'an OPEN whose name is longer than it',
        ({ puppet }) => frame(4, 1, puppet, u32(0), u8(1), u8(255)),
        tooShort('OPEN'),
      ],
      [
        'an OPEN whose metadata is longer than it',
        ({ puppet }) => frame(4, 1, puppet, u32(0), u8(1), u8(0), u16(1)),
        tooShort('OPEN'),
      ],
    ])('%s', async (_name, make, text) => {
      const side = await against(hello())
      side.puppet.write(make(side.ids))
      await expectGoaway(side, GOAWAY.protocol, text)
      expect(told).toEqual([])
    })

    test('an OPEN that is cut off in any of its fields', async () => {
      for (let length = 6; length < 6 + 8 + 9; length++) {
        const side = await against(hello())
        side.puppet.write(truncated(open(side.ids.puppet, 'work.tell', '1'), length))
        await expectGoaway(side, GOAWAY.protocol, `OPEN frame of ${length} bytes is shorter than its own fields say`)
      }
      expect(told).toEqual([])
    })

    test('an END that is cut off in any of its fields, or with malformed UTF-8', async () => {
      const whole = (id: number) => end(id, CODE.notFound, { message: 'gone', name: 'GONE' })
      const cut = Array.from(
        { length: whole(1).length - 10 },
        (_, index) => (id: number) => truncated(whole(id), 6 + index),
      )
      const text = /^END frame of \d+ bytes is shorter|^malformed UTF-8/
      for (const make of [...cut, (id: number) => end(id, CODE.notFound, { message: Buffer.of(0x61, 0xc3) })]) {
        const side = await against(hello())
        const call = quiet(side.peer.client(work).echo(1))
        side.puppet.write(make((await side.puppet.next(TYPE.open)).id))
        await expectGoaway(side, GOAWAY.protocol, text)
        expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: false })
      }
    })
  })

  describe('ignores', () => {
    test.each<[string, (ids: Side['ids']) => Buffer]>([
      ['unknown types with bit 7', () => Buffer.concat([frame(0x80, 0xff, 0), frame(0xff, 0, 7, Buffer.alloc(100))])],
      [
        'CANCEL for an id that is not there',
        ({ puppet, peer }) => Buffer.concat([cancel(puppet, 1), cancel(peer, 1), cancel(0, 1)]),
      ],
      ['PING answers that nobody asked for', () => ping(Buffer.alloc(8), FLAG.last)],
    ])('%s', async (_name, make) => {
      const side = await against(hello())
      side.puppet.write(make(side.ids))
      await expectIgnored(side)
    })

    test('DATA and END that come late for a call that is over', async () => {
      const side = await against(hello())
      const call = side.peer.client(work).echo(1)
      const { id } = await side.puppet.next(TYPE.open)
      side.puppet.write(data(id, '"first"'), data(id, '"second"'), end(id, CODE.internal), data(id, '', 0x09))
      expect(await call).toBe('first')
      await expectIgnored(side, 1)
    })

    test('metadata and unknown flags of a call', async () => {
      const side = await against(hello())
      const meta = Buffer.from('\x02:x\x00\x01a\x01k\x00\x01v', 'latin1')
      side.puppet.write(open(side.ids.puppet, 'work.echo', '"here"', { meta, flags: FLAG.last | 0xe0 }))
      expect((await side.puppet.next(TYPE.data)).body.toString()).toBe('"here"')
    })
  })

  test('hears nothing more from a peer that broke the rules, but tells it why, although it goes on sending', async () => {
    const side = await against(hello())
    const pending = quiet(side.peer.client(work).echo(1))
    await side.puppet.next(TYPE.open)
    const calls = Array.from({ length: 500 }, (_, index) =>
      open(side.ids.puppet + 2 * index, 'work.tell', `"${'x'.repeat(2_000)}"`),
    )
    side.puppet.write(hello(), ...calls, goaway(0, GOAWAY.drain))
    const message = 'the connection ended (protocol error: a second HELLO)'
    const error = await rejection(pending)
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject({ code: 'UNAVAILABLE', notProcessed: false, message })
    await expectGoaway(side, GOAWAY.protocol, 'a second HELLO')
    expect(side.peer.state).toBe('closed')
    expect(told).toEqual([])
  })

  test('refuses what is more than maxStreams calls at a time: RESOURCE_EXHAUSTED, not processed', async () => {
    const side = await against(hello())
    const ids = Array.from({ length: 1_000 }, (_, index) => side.ids.puppet + 2 * index)
    side.puppet.write(...ids.map((id) => open(id, 'work.hold', '', { flags: FLAG.last | FLAG.none })))
    for (const id of ids.slice(128)) {
      const refusal = await side.puppet.next(TYPE.end)
      expect(refusal.id).toBe(id)
      const text = '128 calls are running, the limit is maxStreams 128'
      expect(readEnd(refusal)).toEqual({ code: CODE.exhausted, bits: 1, text, name: '', details: '' })
    }
    expect(await side.other.client(work).echo(1)).toBe(1)
  })

  test('drops oneway calls above maxStreams without a word, as it answers none', async () => {
    const side = await against(hello())
    const ids = Array.from({ length: 129 }, (_, index) => side.ids.puppet + 2 * index)
    const none = FLAG.last | FLAG.none
    side.puppet.write(...ids.slice(0, 128).map((id) => open(id, 'work.hold', '', { flags: none })))
    side.puppet.write(open(ids[128] as number, 'work.tell', '1', { flags: FLAG.last | FLAG.oneway }))
    await expectIgnored(side)
    expect(told).toEqual([])
  })

  test('answers a message that is malformed to that call alone', async () => {
    const side = await against(hello())
    const first = side.ids.puppet
    const bad = ['{', '"\xff"', '{"__pr\\u006fto__":1}', ''].map((text) => Buffer.from(text, 'latin1'))
    side.puppet.write(...bad.map((message, index) => open(first + 2 * index, 'work.echo', message)))
    for (const [index] of bad.entries()) {
      const refusal = await side.puppet.next(TYPE.end)
      expect(refusal.id).toBe(first + 2 * index)
      expect(readEnd(refusal)).toMatchObject({ code: 3, bits: 0 })
    }
    side.puppet.write(open(first + 8, 'work.echo', '"well"'))
    expect((await side.puppet.next(TYPE.data)).body.toString()).toBe('"well"')
  })
})
