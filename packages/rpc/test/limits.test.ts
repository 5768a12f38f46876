import { quiet, rejection } from '@framewire/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { contract, oneway, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { RpcError } from '../src/rpc-error.ts'
import { CODE, FLAG, GOAWAY, goaway, hello, open, readEnd, TYPE } from './frames.ts'
import { expectGoaway, SIDES, type Side } from './sides.ts'

// A puppet on a bare socket sends what no honest peer sends, to a server and to a client. It must get the reason, the
// process must live, and other connections must not notice.

const work = contract('work', {
  echo: unary<unknown, unknown>(),
  hold: unary<void, void>(),
  tell: oneway<unknown>(),
  keep: oneway<unknown>(),
})

let told: unknown[] = []
const service = implement(work, {
  echo: (value) => value,
  hold: () => new Promise<void>(() => {}),
  tell: (value) => void told.push(value),
  keep: (value) => {
    told.push(value)
    return new Promise<void>(() => {})
  },
})

beforeEach(() => {
  told = []
})

describe.each(SIDES)('%s', (_side, start) => {
  const against = (opening: Uint8Array): Promise<Side> => start(service, opening)

  test('takes a frame of exactly maxFrame', async () => {
    const side = await against(hello())
    const empty = open(side.ids.puppet, 'work.echo', '""')
    side.puppet.write(open(side.ids.puppet, 'work.echo', `"${'x'.repeat(65_536 + 4 - empty.length)}"`))
    expect((await side.puppet.next(TYPE.data)).body.length).toBe(65_536 + 6 - empty.length + 0)
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

  test('gives oneway calls as many places of their own, and drops those above without a word', async () => {
    const side = await against(hello())
    const ids = Array.from({ length: 258 }, (_, index) => side.ids.puppet + 2 * index)
    const oneway = FLAG.last | FLAG.oneway
    side.puppet.write(...ids.slice(0, 129).map((id) => open(id, 'work.keep', '1', { flags: oneway })))
    side.puppet.write(...ids.slice(129, 257).map((id) => open(id, 'work.hold', '', { flags: FLAG.last | FLAG.none })))
    side.puppet.write(open(ids[257] as number, 'work.echo', '1'))
    const refusal = await side.puppet.next(TYPE.end)
    expect([refusal.id, readEnd(refusal).code]).toEqual([ids[257], CODE.exhausted])
    expect(told).toEqual(new Array(128).fill(1))
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
