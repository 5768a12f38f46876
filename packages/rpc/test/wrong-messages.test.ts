import { quiet } from '@framewire/testkit'
import { expect } from 'vitest'
import { cancel, credit, data, end, FLAG, open, readEnd, TYPE } from './frames.ts'
import { type Case, testRules } from './rules.ts'
import { openBytes, openHold, openStall, openTake, work } from './rules-service.ts'
import type { Side } from './sides.ts'

// What PROTOCOL.md says of messages and their pieces, of their length, and of credit, on both sides.

const { last, more, none } = FLAG
const part = (bytes: number): Buffer => Buffer.alloc(bytes, 'x')

const sends = (name: string, make: (ids: Side['ids']) => readonly Uint8Array[], text?: RegExp): Case => ({
  name,
  ...(text === undefined ? {} : { text }),
  act: ({ puppet, ids }) => puppet.write(...make(ids)),
})
/** Calls of the peer's, each of another kind, that the puppet answers with this. */
const replies = (name: string, make: (id: number) => readonly Uint8Array[], kinds = ['unary', 'stream']): Case[] =>
  kinds.map((kind) => ({
    name: `${name}: a ${kind} reply`,
    async act({ peer, puppet }) {
      const api = peer.client(work)
      const call: Promise<unknown> = quiet<unknown>(
        kind === 'unary' ? api.bytes(Buffer.of(1)) : drained(api.feed(Buffer.of(1))),
      )
      puppet.write(...make((await puppet.next(TYPE.open)).id))
      return { call }
    },
  }))
const both = (name: string, frames: (id: number) => readonly Uint8Array[], text?: RegExp): Case[] => [
  sends(`${name}: to a stream`, ({ puppet }) => [openTake(puppet), ...frames(puppet)], text),
  ...replies(name, frames),
]
const limited = (limits: object, cases: readonly Case[], text: RegExp): Case[] =>
  cases.map((each) => ({ ...each, limits, text }))

async function drained(messages: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0
  for await (const message of messages) bytes += message.length
  return bytes
}

const TOO_LONG = /^message of \d+ bytes or more exceeds maxMessage 2000$/
const TOO_MUCH = /^messages hold \d+ bytes, \d+ more exceed maxBuffered 65536$/
const BAD = ['{', '"\xff"', '{"__pr\\u006fto__":1}', '[{"a":{"__proto__":1}}]', ''].map((text) =>
  Buffer.from(text, 'latin1'),
)
const small = { maxMessage: 2_000 }
const tight = { maxBuffered: 65_536 }

testRules({
  R46: [
    sends('LAST', ({ puppet }) => [openBytes(puppet, part(1), more | last)], /^OPEN of stream \d with MORE and LAST/),
    sends(
      'NONE',
      ({ puppet }) => [openBytes(puppet, part(1), more | none)],
      /^OPEN of stream \d with MORE and LAST, NONE/,
    ),
    sends('no byte', ({ puppet }) => [openBytes(puppet, part(0), more)], /or an empty message$/),
    sends(
      'no byte, to nobody',
      ({ puppet }) => [open(puppet, 'work.none', '', { flags: more })],
      /or an empty message$/,
    ),
  ],
  R47: both('one byte', (id) => [data(id, 'x', more | last)], /^DATA of stream \d with LAST and MORE$/),
  R48: [
    ...both('at first', (id) => [data(id, '', more)], /^DATA of stream \d with MORE is empty$/),
    ...both('inside a message', (id) => [data(id, 'x', more), data(id, '', more)], /with MORE is empty$/),
    ...both('with NONE', (id) => [data(id, 'x', more | none)], /with MORE is empty$/),
    sends(
      'late',
      ({ puppet }) => [openStall(puppet), cancel(puppet, 1), data(puppet, '', more)],
      /with MORE is empty$/,
    ),
  ],
  R49: [
    ...both('NONE', (id) => [data(id, '', none)], /without LAST is empty$/),
    ...both('NONE and bytes', (id) => [data(id, 'x', none)], /without LAST is empty$/),
    sends('no byte: to a stream', ({ puppet }) => [openTake(puppet), data(puppet, '', 0)], /without LAST is empty$/),
    ...replies('no byte', (id) => [data(id, '', 0)], ['stream']),
    ...replies('no byte, a second time', (id) => [data(id, 'x', 0), data(id, '', 0)], ['unary']),
  ],
  R50: [
    ...both('LAST with NONE', (id) => [data(id, 'x', more), data(id, '', last | none)], /ends inside a message$/),
    sends('LAST with NONE: to a call with one message', ({ puppet }) => [
      openBytes(puppet, part(1), more),
      data(puppet, '', last | none),
    ]),
    ...replies('END', (id) => [data(id, 'x', more), end(id, 0)]),
  ],
  R51: [
    sends('of a unary call', ({ puppet }) => [openHold(puppet), data(puppet, 'x')], /^DATA of stream \d after LAST$/),
    sends('of a stream', ({ puppet }) => [openStall(puppet), data(puppet, 'x'), data(puppet, 'x')], /after LAST$/),
    sends('said twice', ({ puppet }) => [openStall(puppet), data(puppet, '', 9), data(puppet, '', 9)], /after LAST$/),
  ],
  R52: limited(
    small,
    [
      sends('in one frame', ({ puppet }) => [openBytes(puppet, part(2_001))]),
      sends('in one frame, of a stream', ({ puppet }) => [
        open(puppet, 'work.take', part(2_001), { flags: 0, encoding: 0 }),
      ]),
      sends('in its first piece', ({ puppet }) => [openBytes(puppet, part(2_001), more), data(puppet, 'x')]),
      sends('in pieces', ({ puppet }) => [
        openBytes(puppet, part(2_000), more),
        data(puppet, 'x', more),
        data(puppet, 'x'),
      ]),
      sends('in its last piece', ({ puppet }) => [openBytes(puppet, part(2_000), more), data(puppet, 'x')]),
    ],
    TOO_LONG,
  ),
  R53: limited(
    small,
    [
      sends('in one frame', ({ puppet }) => [openTake(puppet), data(puppet, part(2_001))]),
      sends('in one frame, to who does not read', ({ puppet }) => [openStall(puppet), data(puppet, part(2_001), 0)]),
      sends('in pieces', ({ puppet }) => [openTake(puppet), data(puppet, part(2_000), more), data(puppet, 'x', more)]),
      sends('in its last piece', ({ puppet }) => [
        openTake(puppet),
        data(puppet, part(2_000), more),
        data(puppet, 'x'),
      ]),
    ],
    TOO_LONG,
  ),
  R54: limited(
    small,
    [
      ...replies('in one frame', (id) => [data(id, part(2_001), 0)]),
      ...replies('in pieces', (id) => [data(id, part(2_000), more), data(id, 'x', more), data(id, 'x')]),
    ],
    TOO_LONG,
  ),
  R55: limited(
    small,
    [
      ...replies('in one frame', (id) => [data(id, part(2_001))]),
      ...replies('in its last piece', (id) => [data(id, part(2_000), more), data(id, 'x')]),
    ],
    TOO_LONG,
  ),
  R56: [
    {
      name: 'of a unary call',
      limits: tight,
      text: TOO_MUCH,
      act({ puppet, ids: { puppet: id } }) {
        puppet.write(openBytes(id, part(60_000), more), openBytes(id + 2, part(10_000), more), data(id + 2, 'late'))
        return { id: id + 2 }
      },
    },
    {
      name: 'of a stream, which gives its place back',
      limits: { ...tight, maxStreams: 2 },
      text: TOO_MUCH,
      async act({ puppet, ids: { puppet: id } }) {
        const openWith = (at: number) => open(id + at, 'work.stall', part(10_000), { flags: 0, encoding: 0 })
        puppet.write(openBytes(id, part(60_000), more), openWith(2), openWith(4), openWith(6))
        expect((await puppet.next(TYPE.end)).id).toBe(id + 2)
        expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ text: expect.stringMatching(TOO_MUCH) })
        return { id: id + 6 }
      },
    },
  ],
  R57: [
    {
      name: 'of a stream',
      limits: tight,
      text: TOO_MUCH,
      act({ puppet, ids: { puppet: id } }) {
        puppet.write(openStall(id), data(id, part(60_000), more), data(id, part(10_000), more), data(id, 'late'))
      },
    },
  ],
  R58: limited(
    tight,
    replies('of 70,000 bytes', (id) => [data(id, part(60_000), more), data(id, part(10_000), more), data(id, 'x')]),
    TOO_MUCH,
  ),
  R59: BAD.map((message) => sends(`"${message}"`, ({ puppet }) => [open(puppet, 'work.echo', message)])),
  R60: BAD.map((message) => ({
    name: `"${message}"`,
    text: /^reply of work.echo: (malformed|JSON with)/,
    async act({ peer, puppet }) {
      const call = quiet(peer.client(work).echo(1))
      puppet.write(data((await puppet.next(TYPE.open)).id, message))
      return { call }
    },
  })),
  R61: replies('at once', (id) => [data(id, '1', 0), data(id, '2', 0)], ['unary']).map((each) => ({
    ...each,
    text: /^work.bytes was answered with more than one message$/,
  })),
  R62: [
    sends(
      'to a stream that nobody reads',
      ({ puppet }) => [
        openStall(puppet),
        data(puppet, part(60_000), 0),
        data(puppet, part(5_536), 0),
        data(puppet, 'x'),
      ],
      /^a new message with a credit of 0 bytes$/,
    ),
    sends(
      'overdrawn',
      ({ puppet }) => [
        openStall(puppet),
        data(puppet, part(65_530), 0),
        data(puppet, part(60_000), 0),
        data(puppet, 'x', 0),
      ],
      /credit of -59994 bytes$/,
    ),
    {
      name: 'in answer',
      async act({ peer, puppet }: Side) {
        const messages = peer.client(work).feed(Buffer.of(1))
        const first = messages.next()
        const { id } = await puppet.next(TYPE.open)
        puppet.write(data(id, part(10), 0))
        await first
        puppet.write(data(id, part(65_526), 0), data(id, 'x'))
      },
    },
  ].map((each) => ({ ...each, limits: { streamCredit: 65_536 } })),
  R63: [
    ...[0x7fff_ffff, 0xffff_ffff].map((bytes) => ({
      name: `${bytes} at once`,
      text: /^credit of \d+ bytes$/,
      async act({ puppet, ids: { puppet: id } }: Side) {
        puppet.write(open(id, 'work.feed', '1', { encoding: 0 }))
        await puppet.next(TYPE.data)
        puppet.write(credit(id, bytes))
      },
    })),
    {
      name: 'in portions, to who sends a stream',
      async act({ peer, puppet }) {
        const call = quiet(peer.client(work).take([part(1)]))
        const { id } = await puppet.next(TYPE.open)
        puppet.write(credit(id, 0x4000_0000), credit(id, 0x4000_0000))
        return { call }
      },
    },
  ],
})
