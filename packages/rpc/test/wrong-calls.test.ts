import { quiet, rejection, until, within } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { cancel, credit, data, end, FLAG, frame, GOAWAY, goaway, hello, open, ping, TYPE } from './frames.ts'
import { puppetServer } from './peers.ts'
import { type Case, testRules, titleOf } from './rules.ts'
import { openHold, openStall, openTake, told, work } from './rules-service.ts'
import type { Side } from './sides.ts'

// What PROTOCOL.md says of calls, their ids, their ends, of PING and of GOAWAY, on both sides.

const sends = (name: string, make: (ids: Side['ids']) => Uint8Array, text?: RegExp): Case => ({
  name,
  ...(text === undefined ? {} : { text }),
  act: ({ puppet, ids }) => puppet.write(make(ids)),
})
const ONEWAY = FLAG.last | FLAG.oneway
const pings = (count: number): Buffer[] => Array.from({ length: count }, () => ping(Buffer.from('12345678')))
/** Stands in for names that could be found on any object. */
const NAMES = ['', 'work.none', 'work', '__proto__', 'constructor', 'work.__proto__', 'work.then', 'toString']
const UNUSED: readonly (readonly [string, (id: number) => Buffer])[] = [
  ['DATA', (id) => data(id, '1')],
  ['END', (id) => end(id, 0)],
  ['CREDIT', (id) => credit(id, 1)],
  ['CANCEL', (id) => cancel(id, 1)],
]
testRules({
  R33: [sends('the receiver`s own', ({ peer }) => open(peer, 'work.tell', '1'), /^OPEN with stream id \d after 0$/)],
  R34: [
    sends(
      'the same id',
      ({ puppet }) => Buffer.concat([open(puppet + 2, 'work.none', '1'), open(puppet + 2, 'work.tell', '1')]),
      /^OPEN with stream id (\d) after \1$/,
    ),
    sends(
      'a lower id',
      ({ puppet }) => Buffer.concat([open(puppet + 4, 'work.none', '1'), open(puppet + 2, 'work.tell', '1')]),
      /^OPEN with stream id [34] after [56]$/,
    ),
  ],
  R35: NAMES.map((name) => sends(`"${name}"`, ({ puppet }) => open(puppet, name, '1'), /^there is no method "/)),
  R36: [0, 2, 127, 128, 255].map((encoding) =>
    sends(
      `${encoding}`,
      ({ puppet }) => open(puppet, 'work.echo', '1', { encoding }),
      /^work.echo takes encoding 1 \(json\)/,
    ),
  ),
  R37: ['echo', 'feed'].map((name) =>
    sends(
      name,
      ({ puppet }) => open(puppet, `work.${name}`, '1', { flags: 0, encoding: name === 'feed' ? 0 : 1 }),
      /was called as another$/,
    ),
  ),
  R38: [
    {
      name: '129 calls',
      text: /^128 calls are running, the limit is maxStreams 128$/,
      act({ puppet, ids }) {
        for (let index = 0; index < 129; index++) puppet.write(openHold(ids.puppet + 2 * index))
        return { id: ids.puppet + 256 }
      },
    },
  ],
  R40: [
    sends('a method that is not there', ({ puppet }) => open(puppet, 'work.none', '1', { flags: ONEWAY })),
    sends('another encoding', ({ puppet }) => open(puppet, 'work.tell', '1', { flags: ONEWAY, encoding: 9 })),
    sends('a stream', ({ puppet }) => open(puppet, 'work.take', '1', { flags: ONEWAY, encoding: 0 })),
    sends('malformed JSON', ({ puppet }) => open(puppet, 'work.tell', '{', { flags: ONEWAY })),
    {
      name: 'above MAX_STREAMS',
      limits: { maxStreams: 1 },
      act({ puppet, ids }) {
        puppet.write(openHold(ids.puppet), open(ids.puppet + 2, 'work.tell', '1', { flags: ONEWAY }))
      },
    },
  ],
  R41: [
    {
      name: 'a call of the peer`s: DATA, END, CREDIT',
      async act({ peer, puppet }) {
        const call = peer.client(work).echo(1)
        const { id } = await puppet.next(TYPE.open)
        puppet.write(data(id, '"first"'))
        expect(await call).toBe('first')
        puppet.write(data(id, '"second"'), data(id, '', 0), end(id, 13), credit(id, 0xffff_ffff), data(id, '', 0x09))
        return { answers: 1 }
      },
    },
    {
      name: 'a call of the puppet`s: DATA, CANCEL, CREDIT',
      async act({ puppet, ids: { puppet: id } }) {
        puppet.write(open(id, 'work.echo', '1'))
        await puppet.next(TYPE.data)
        puppet.write(data(id, 'late', 0), cancel(id, 1), credit(id, 0xffff_ffff), data(id, '', 0x09))
        return { answers: 1 }
      },
    },
    {
      name: 'a call that was refused, and one that was cancelled: twice',
      async act({ puppet, ids: { puppet: id } }) {
        puppet.write(openTake(id), cancel(id, 1), cancel(id, 1), data(id, 'late', 0), data(id, 'later'))
        puppet.write(open(id + 2, 'work.none', '', { flags: FLAG.none }), data(id + 2, 'late', 0), cancel(id + 2, 1))
        await puppet.next(TYPE.end)
        return { answers: 1 }
      },
    },
    {
      name: 'a call that the peer has cancelled',
      async act({ peer, puppet }) {
        const call = quiet(peer.client(work).echo(1, { signal: AbortSignal.timeout(1) }))
        const { id } = await puppet.next(TYPE.open)
        await puppet.next(TYPE.cancel)
        puppet.write(data(id, '1', FLAG.more), data(id, '2', 0), end(id, 0), end(id, 5))
        expect(await rejection(call)).toMatchObject({ code: 'CANCELLED' })
        return { answers: 2 }
      },
    },
  ],
  R42: UNUSED.flatMap(([name, make]) => [
    sends(`${name}, an id the puppet might open`, ({ puppet }) => make(puppet), /which was never opened$/),
    sends(`${name}, an id the peer might open`, ({ peer }) => make(peer), /which was never opened$/),
    sends(`${name}, above what was opened`, ({ puppet }) => Buffer.concat([openStall(puppet), make(puppet + 2)])),
  ]),
  R43: [
    sends('END', ({ puppet }) => Buffer.concat([openStall(puppet), end(puppet, 0)]), /which was never opened$/),
    {
      name: 'CANCEL',
      async act({ peer, puppet }) {
        const call = quiet(peer.client(work).echo(1))
        puppet.write(cancel((await puppet.next(TYPE.open)).id, 1))
        return { call }
      },
    },
  ],
  R44: [17, 255].map((code) => ({
    name: `${code}`,
    text: /^odd$/,
    async act({ peer, puppet }) {
      const call = quiet(peer.client(work).echo(1))
      puppet.write(end((await puppet.next(TYPE.open)).id, code, { message: 'odd' }))
      return { call }
    },
  })),
  R45: ['{', '\xff', '{"__proto__":1}', ''].map((details) => ({
    name: `"${details}"`,
    text: /^gone$/,
    async act({ peer, puppet }) {
      const call = quiet(peer.client(work).echo(1))
      const { id } = await puppet.next(TYPE.open)
      puppet.write(end(id, 5, { message: 'gone', name: 'GONE', bits: 2, details }))
      expect(await rejection(call)).toMatchObject({ appName: 'GONE', details: undefined })
      return { call }
    },
  })),
  R64: [
    sends('a unary call', ({ puppet }) => Buffer.concat([openHold(puppet), credit(puppet, 0xffff_ffff)])),
    {
      name: 'a unary call of the peer`s',
      async act({ peer, puppet }) {
        void quiet(peer.client(work).echo(1))
        puppet.write(credit((await puppet.next(TYPE.open)).id, 0xffff_ffff))
        return { answers: 1 }
      },
    },
  ],
  R65: [sends('8 bytes', () => ping(Buffer.alloc(8), FLAG.last))],
  R66: [sends('11', () => Buffer.concat(pings(11)), /^more than 10 pings within 10000 ms$/)],
  R67: (
    [
      ['PING answers', () => ping(Buffer.alloc(8), FLAG.last)],
      ['GOAWAYs', () => goaway(0, 0)],
      ['types with bit 7', () => frame(0x80, 0, 0)],
      ['CANCELs', ({ puppet }) => cancel(puppet, 1)],
      ['CREDITs', ({ puppet }) => credit(puppet, 1)],
    ] satisfies [string, (ids: Side['ids']) => Buffer][]
  ).map(([name, make]) => ({
    name: `1,002 ${name}, one paid for by an OPEN`,
    text: /^more than 1000 control frames within 10000 ms$/,
    act({ puppet, ids }) {
      puppet.write(openStall(ids.puppet), ...Array.from({ length: 1_002 }, () => make(ids)))
    },
  })),
  R68: [
    {
      name: '201',
      limits: { maxStreams: 1_000 },
      text: /^more than 200 cancelled calls that were not done within 10000 ms$/,
      act({ puppet, ids }) {
        for (let id = ids.puppet; id < 403; id += 2) puppet.write(openHold(id), cancel(id, 1))
      },
    },
  ],
  R70: [10, 255].map((reason) => ({
    name: `${reason}`,
    async act({ peer, puppet }) {
      puppet.write(goaway(0, reason, 'odd'))
      await until('draining', () => peer.state === 'draining')
      const message = 'the peer goes away (protocol error): odd'
      expect(await rejection(peer.client(work).echo(1))).toMatchObject({ code: 'UNAVAILABLE', message })
    },
  })),
  R71: [
    {
      name: 'first all, then none',
      async act({ peer, puppet }) {
        const calls = [1, 2].map((value) => quiet(peer.client(work).echo(value)))
        const { id } = await puppet.next(TYPE.open)
        puppet.write(goaway(0x7fff_ffff, GOAWAY.drain), goaway(id, GOAWAY.drain), data(id, '1'))
        expect(await calls[0]).toBe(1)
        expect(await rejection(calls[1] as Promise<unknown>)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
      },
    },
  ],
  R39: [
    {
      name: 'a call, a call that does not exist',
      text: /^the peer is shutting down$/,
      async act({ peer, puppet, ids }) {
        puppet.write(openHold(ids.puppet), ...pings(1))
        await puppet.next(TYPE.ping)
        void peer.close({ drainMs: 10_000 })
        expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.drain, lastId: ids.puppet })
        puppet.write(open(ids.puppet + 2, 'work.tell', '1', { flags: ONEWAY }), open(ids.puppet + 4, 'work.none', '1'))
        return { id: ids.puppet + 4 }
      },
    },
  ],
})

test(titleOf('R69'), async () => {
  const limits = { pingIntervalMs: 40, pingTimeoutMs: 60 }
  const { peer, puppet } = await puppetServer({ limits }, hello({ settings: [[5, 1]] }))
  const call = quiet(peer.client(work).echo(1))
  await puppet.next(TYPE.ping)
  expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: false })
  await within('the cut', puppet.over)
  expect(puppet.received.filter(({ type }) => type === TYPE.goaway)).toEqual([])
  expect(told).toEqual([])
})
