import { quiet, turn, until } from '@framewire/testkit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { RpcError } from '../src/rpc-error.ts'
import {
  cancel,
  credit,
  data,
  end,
  entry,
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
import { puppetClient, startServer } from './peers.ts'
import { type Case, testRules, titleOf } from './rules.ts'
import { openBytes, openStall, service, told, work } from './rules-service.ts'
import { expectGoaway, expectIgnored, SIDES, type Side } from './sides.ts'

// What PROTOCOL.md says of frames and of the handshake, on both sides.

type Make = (ids: Side['ids']) => Uint8Array

/** A case that is bytes and no more. */
const sends = (name: string, make: Make, text?: RegExp): Case => ({
  name,
  ...(text === undefined ? {} : { text }),
  act: ({ puppet, ids }) => puppet.write(make(ids)),
})
const truncated = (bytes: Buffer, length: number): Buffer => Buffer.concat([u32(length), bytes.subarray(4, 4 + length)])
const longer = (bytes: Buffer, more: string): Buffer =>
  Buffer.concat([u32(bytes.length - 4 + more.length), bytes.subarray(4), Buffer.from(more)])
const everyCut = (name: string, whole: (ids: Side['ids']) => Buffer, least: number, text: RegExp): Case[] =>
  Array.from({ length: least }, (_, index) =>
    sends(`${name} of ${6 + index} bytes`, (ids) => truncated(whole(ids), 6 + index), text),
  )
/** On an OPEN of the puppet's, and on an END that answers a call of the peer's. */
const withMeta = (name: string, meta: Uint8Array, text: RegExp): Case[] => [
  sends(`OPEN, ${name}`, ({ puppet }) => open(puppet, 'work.tell', '1', { meta }), text),
  { ...endsCall(`END, ${name}`, (id) => end(id, 0, { meta })), text },
  { name: `HELLO, ${name}`, opening: hello({ meta }), text, act: () => {} },
]
/** A call of the peer's that the puppet answers with this. */
const endsCall = (name: string, make: (id: number) => Uint8Array): Case => ({
  name,
  async act({ peer, puppet }) {
    const call = quiet(peer.client(work).echo(1))
    puppet.write(make((await puppet.next(TYPE.open)).id))
    return { call }
  },
})
/** In either state of the handshake. */
const early = (name: string, bytes: Uint8Array, text: RegExp): Case[] => [
  { name: `${name}, as the first bytes`, opening: bytes, text, act: () => {} },
  sends(`${name}, behind HELLO`, () => bytes, text),
]

testRules({
  R1: [0, 1, 5].flatMap((length) =>
    early(`${length} bytes`, Buffer.concat([u32(length), Buffer.alloc(length)]), /bytes, the least is 6/),
  ),
  R2: [0x2_0001, 0x00ff_ffff].flatMap((length) =>
    early(`${length} bytes announced`, u32(length), /^frame of \d+ bytes exceeds maxFrameLength 131072/),
  ),
  R3: [
    ...early('HTTP', Buffer.from('GET / HTTP/1.1\r\n'), /HTTP/),
    ...early('an HTTP answer', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), /HTTP/),
    ...early('TLS', Buffer.from('16030100c8010000c40303aabb', 'hex'), /TLS/),
    ...early('garbage', Buffer.alloc(64, 0xa5), /^frame of 2779096485 bytes exceeds maxFrameLength 131072/),
    ...early('all bits', u32(0xffff_ffff), /^frame of 4294967295 bytes exceeds maxFrameLength 131072/),
  ],
  R4: [0, 9, 0x7f].map((type) => sends(`type ${type}`, () => frame(type, 0, 0), /frame type \d+ is unknown/)),
  R5: [0x80, 0xff].map((type) => sends(`type ${type}`, () => frame(type, 0xff, 7, Buffer.alloc(100)))),
  R6: [
    {
      name: 'OPEN, DATA',
      async act({ puppet, peer, ids }) {
        puppet.write(open(ids.puppet, 'work.echo', '"here"', { flags: FLAG.last | 0xe0 }))
        expect((await puppet.next(TYPE.data)).body.toString()).toBe('"here"')
        const call = peer.client(work).echo(1)
        puppet.write(data((await puppet.next(TYPE.open)).id, '2', FLAG.last | FLAG.oneway | 0xe0))
        expect(await call).toBe(2)
      },
    },
    {
      name: 'END, CANCEL, CREDIT, PING, GOAWAY',
      async act({ puppet, peer, ids }) {
        const call = peer.client(work).echo(1)
        puppet.write(frame(TYPE.end, 0xff, (await puppet.next(TYPE.open)).id, end(0, 0).subarray(10)))
        expect(await call).toBe(undefined)
        puppet.write(openStall(ids.puppet), frame(TYPE.credit, 0xff, ids.puppet, u32(1)))
        puppet.write(frame(TYPE.cancel, 0xff, ids.puppet, u8(1)), ping(Buffer.alloc(8), 0xff))
        puppet.write(frame(TYPE.goaway, 0xff, 0, u32(0), u8(0)))
      },
    },
  ],
  R7: [
    sends('OPEN', ({ puppet }) => open(puppet, 'work.tell', '1', { flags: FLAG.last | FLAG.compressed }), /compressed/),
    sends('DATA', ({ puppet }) => Buffer.concat([openStall(puppet), data(puppet, 'x', FLAG.compressed)]), /compressed/),
    endsCall('a reply', (id) => data(id, '1', FLAG.last | FLAG.compressed)),
  ],
  R8: [
    { name: 'HELLO', opening: frame(TYPE.hello, 0, 1, hello().subarray(10)), text: /HELLO on a stream/, act: () => {} },
    sends('PING', () => frame(TYPE.ping, 0, 1, Buffer.alloc(8)), /frame type 2 on stream 1/),
    sends('PING with bit 31', () => frame(TYPE.ping, 0, 0x8000_0000, Buffer.alloc(8)), /frame type 2 on stream/),
    sends('GOAWAY', () => frame(TYPE.goaway, 0, 2, u32(0), u8(0)), /frame type 3 on stream 2/),
  ],
  R9: [
    sends('OPEN', () => open(0, 'work.tell', '1'), /OPEN with stream id 0 after 0/),
    ...[data(0, '1'), end(0, 0), cancel(0, 1), credit(0, 1)].map((bytes) =>
      sends(`type ${bytes[4]}`, () => bytes, /frame on stream 0, which was never opened/),
    ),
  ],
  R10: [
    sends('OPEN', ({ puppet }) => open(0x8000_0000 + puppet, 'work.tell', '1'), /OPEN with stream id 21474836\d\d/),
    ...[data(1, 'x'), end(1, 0), cancel(1, 1), credit(1, 1)].map((bytes) =>
      sends(
        `type ${bytes[4]}`,
        ({ puppet }) =>
          Buffer.concat([openStall(puppet), frame(bytes[4] ?? 0, 1, 0x8000_0000 + puppet, bytes.subarray(10))]),
        /which was never opened/,
      ),
    ),
  ],
  R11: [
    ...everyCut('OPEN', ({ puppet }) => open(puppet, 'work.tell', '1'), 17, /OPEN frame of \d+ bytes is shorter than/),
    ...everyCut('END', ({ puppet }) => end(puppet, 5, { message: 'gone', name: 'GONE' }), 0, /./),
    ...everyCut('GOAWAY', () => goaway(0, 0), 5, /GOAWAY shorter than its fields/),
    ...everyCut('CANCEL', ({ puppet }) => cancel(puppet, 1), 1, /CANCEL without a code/),
    ...everyCut('CREDIT', ({ puppet }) => credit(puppet, 1), 4, /CREDIT of \d bytes, not 4/),
    ...[0, 7, 9].map((length) => sends(`PING of ${length}`, () => ping(Buffer.alloc(length)), /PING of \d bytes, not/)),
    ...Array.from({ length: 19 }, (_, index) => ({
      name: `HELLO of ${6 + index} bytes`,
      opening: truncated(hello({ settings: [[1, 70_000]], meta: Buffer.from('abc') }), 6 + index),
      text: /HELLO frame of \d+ bytes is shorter than its own fields say/,
      act: () => {},
    })),
    ...Array.from({ length: 15 }, (_, index) =>
      endsCall(`END of ${6 + index} bytes`, (id) =>
        truncated(end(id, 5, { message: 'gone', name: 'GONE' }), 6 + index),
      ),
    ),
    sends('a method longer than its OPEN', ({ puppet }) => frame(4, 1, puppet, u32(0), u8(1), u8(255)), /shorter/),
    sends(
      'metadata longer than its OPEN',
      ({ puppet }) => frame(4, 1, puppet, u32(0), u8(1), u8(0), u16(1)),
      /shorter/,
    ),
  ],
  R12: [
    { name: 'HELLO', opening: longer(hello(), 'later'), act: () => {} },
    {
      name: 'CREDIT, END, OPEN and DATA with NONE',
      async act({ puppet, peer, ids }) {
        const call = peer.client(work).echo(1)
        const { id } = await puppet.next(TYPE.open)
        puppet.write(openStall(ids.puppet), longer(credit(ids.puppet, 1), 'later'))
        puppet.write(open(ids.puppet + 2, 'work.echo', '{no JSON', { flags: FLAG.last | FLAG.none }))
        expect(await puppet.next(TYPE.data)).toMatchObject({ flags: FLAG.last | FLAG.none, id: ids.puppet + 2 })
        puppet.write(longer(end(id, 0), 'later'))
        expect(await call).toBe(undefined)
        const next = peer.client(work).echo(1)
        puppet.write(data((await puppet.next(TYPE.open)).id, '{no JSON', FLAG.last | FLAG.none))
        expect(await next).toBe(undefined)
      },
    },
  ],
  R13: [
    sends('GOAWAY', () => goaway(0, 0, Buffer.of(0xff)), /malformed UTF-8 in the text of a frame/),
    endsCall('the text of END', (id) => end(id, 5, { message: Buffer.of(0x61, 0xc3) })),
    endsCall('the name of END', (id) => end(id, 5, { name: Buffer.of(0xc3) })),
  ],
  R14: [
    sends('0xff', ({ puppet }) => Buffer.concat([openStall(puppet), frame(TYPE.cancel, 0, puppet, u8(1), u8(0xff))])),
  ],
  R15: [
    ...withMeta('a key in capitals', entry('Key', 'v'), /metadata has a malformed key/),
    ...withMeta('an empty key', entry('', 'v'), /metadata has a malformed key/),
    ...withMeta('a colon inside a key', entry('a:b', 'v'), /metadata has a malformed key/),
    ...withMeta('a key past the end', u8(9), /metadata is shorter than its own fields say/),
    ...withMeta('a value past the end', Buffer.concat([u8(1), u8(0x61), u16(2), u8(1)]), /metadata is shorter than/),
    ...withMeta('bytes behind the last', Buffer.concat([entry('a', 'b'), u8(1)]), /metadata is shorter than/),
  ],
  R16: [
    ...withMeta('8,193 bytes', entry('a', Buffer.alloc(8_189)), /metadata of 8193 bytes, the limit is 8192/),
    ...withMeta('65 entries', Buffer.concat(Array(65).fill(entry('a', ''))), /metadata has more than 64 entries/),
  ],
  R17: [
    {
      name: '101 bytes where 100 are taken',
      limits: { maxMeta: 100 },
      text: /^metadata of 101 bytes exceeds maxMeta 100$/,
      async act({ puppet, ids }) {
        const meta = (length: number): Buffer => entry('a', Buffer.alloc(length - 4))
        puppet.write(open(ids.puppet, 'work.echo', '1', { meta: meta(100) }))
        await puppet.next(TYPE.data)
        puppet.write(open(ids.puppet + 2, 'work.echo', '1', { meta: meta(101) }))
        return { id: ids.puppet + 2 }
      },
    },
  ],
  R18: [
    {
      ...endsCall('101 bytes where 100 are taken', (id) => end(id, 0, { meta: entry('a', Buffer.alloc(97)) })),
      limits: { maxMeta: 100 },
      text: /^metadata of 101 bytes exceeds maxMeta 100$/,
    },
  ],
  R19: [
    sends('OPEN', ({ puppet }) => open(puppet, 'work.tell', '1', { meta: entry(':path', '/') })),
    endsCall('END', (id) => end(id, 0, { meta: entry(':status', '1') })),
    { name: 'HELLO', opening: hello({ meta: entry(':x', '') }), act: () => {} },
  ],
  R21: [
    {
      name: 'FIN',
      text: /./,
      act({ puppet, ids }) {
        puppet.write(open(ids.puppet, 'work.tell', '1').subarray(0, 12))
        puppet.fin()
      },
    },
  ],
  R22: [
    ...[0x80, 0xff, 0, 9].map((type) => frame(type, 0, 0)),
    open(1, 'work.tell', '1'),
    ping(Buffer.alloc(8)),
    goaway(0, 0),
    data(1, 'x'),
  ].map((opening) => ({
    name: `type ${opening[4]}`,
    opening,
    text: /^first frame has type \d+, not HELLO$/,
    act: () => {},
  })),
  R23: [{ name: 'FWP2', opening: hello({ magic: 'FWP2' }), text: /HELLO without the magic "FWP1"/, act: () => {} }],
  R24: [{ name: '0', opening: hello({ major: 0 }), text: /major version 0, this side speaks 1/, act: () => {} }],
  R25: [2, 255].map((major) => ({ name: `${major}`, opening: hello({ major }), act: () => {} })),
  R27: [sends('at once', () => hello(), /a second HELLO/)],
  R28: [
    {
      name: 'ids 0, 9, 65535',
      opening: hello({
        settings: [
          [0, 1],
          [9, 1],
          [0xffff, 1],
        ],
      }),
      act: () => {},
    },
    {
      name: 'IDLE_TIMEOUT 1, all COMPRESSIONS',
      opening: hello({
        settings: [
          [6, 1],
          [7, 0xffff_ffff],
        ],
      }),
      act: () => {},
    },
    {
      name: 'so many that no more fit',
      opening: hello({ settings: Array.from({ length: 10_000 }, (_, id) => [id + 9, 7]) }),
      act: () => {},
    },
  ],
  R29: [
    {
      name: 'MAX_MESSAGE',
      opening: hello({
        settings: [
          [2, 1],
          [2, 5],
        ],
      }),
      async act({ puppet, ids }) {
        puppet.write(openBytes(ids.puppet, Buffer.alloc(5)), openBytes(ids.puppet + 2, Buffer.alloc(6)))
        expect((await puppet.next(TYPE.data)).body).toHaveLength(5)
        expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 8 })
      },
    },
  ],
  R30: [
    {
      name: 'both',
      opening: hello({
        settings: [
          [1, 0],
          [3, 0],
        ],
      }),
      async act({ peer, puppet, ids }) {
        puppet.write(openBytes(ids.puppet, Buffer.alloc(2_000)))
        expect((await puppet.next(TYPE.data)).body).toHaveLength(1_024 - 6)
        const calls = [peer.client(work).echo(1), peer.client(work).echo(2)]
        puppet.write(data((await puppet.next(TYPE.open)).id, '1'))
        puppet.write(data((await puppet.next(TYPE.open)).id, '2'))
        expect(await Promise.all(calls)).toEqual([1, 2])
      },
    },
  ],
  R31: [2 ** 31, 2 ** 32 - 1].map((bytes) => ({
    name: `${bytes}`,
    opening: hello({ settings: [[4, bytes]] }),
    text: /^INITIAL_CREDIT of \d+ bytes$/,
    act: () => {},
  })),
})

describe.each(SIDES)('%s', (_, against) => {
  afterEach(() => void vi.useRealTimers())

  /** Lets time pass once the peer is there; sockets are real. */
  const later = async (opening: Uint8Array, act: (side: Side) => Promise<void>, ms: number): Promise<Side> => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const side = await against(service, opening, { pingIntervalMs: Number.POSITIVE_INFINITY })
    await side.puppet.next(TYPE.hello)
    await act(side)
    vi.advanceTimersByTime(ms - 1)
    for (let turns = 0; turns < 10; turns++) await turn()
    expect(side.puppet.received.filter(({ type }) => type === TYPE.goaway)).toEqual([])
    vi.advanceTimersByTime(1)
    vi.useRealTimers()
    return side
  }

  test(`${titleOf('R26')}; nothing comes`, async () => {
    const side = await later(Buffer.of(), async () => {}, 5_000)
    await expectGoaway(side, GOAWAY.handshake, 'no HELLO within 5000 ms')
  })

  test(`${titleOf('R26')}; it comes byte by byte`, async () => {
    const trickle = async ({ puppet }: Side): Promise<void> => {
      for (const byte of hello().subarray(0, -1)) {
        puppet.write(Buffer.of(byte))
        await turn()
      }
    }
    const side = await later(Buffer.of(), trickle, 5_000)
    await expectGoaway(side, GOAWAY.handshake, 'no HELLO within 5000 ms')
  })

  test(titleOf('R20'), async () => {
    const begin = async ({ puppet, ids }: Side): Promise<void> => {
      // One chunk: when the first call is answered, the part of the second has been read.
      puppet.write(open(ids.puppet, 'work.echo', '1'), open(ids.puppet + 2, 'work.tell', '1').subarray(0, 9))
      await puppet.next(TYPE.data)
    }
    const { puppet } = await later(hello(), begin, 30_000)
    expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.protocol, text: expect.stringMatching(/30000/) })
    expect(told).toEqual([])
  })

  test('waits no longer once HELLO has come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const side = await against(service, Buffer.of())
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

describe(titleOf('R32'), () => {
  test.each<[string, () => unknown, RegExp]>([
    ['answers false', () => false, /the peer was refused/],
    ['throws an RpcError', () => Promise.reject(new RpcError('UNAUTHENTICATED', 'no token')), /no token/],
    ['throws something else, which stays here', () => Promise.reject(new Error('a secret')), /^the peer was refused$/],
  ])('authenticate %s', async (_, authenticate, text) => {
    const server = await startServer({ services: [service], authenticate, onError: () => {} })
    const puppet = await puppetClient(server, Buffer.concat([hello(), open(1, 'work.tell', '1')]))
    const said = await puppet.goaway()
    expect(said).toMatchObject({ reason: GOAWAY.unauthenticated, lastId: 0 })
    expect(said.text).toMatch(text)
    expect(told).toEqual([])
  })
})
