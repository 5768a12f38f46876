import { type Deferred, defer, quiet, rejection, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { contract, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { cancel, data, end, FLAG, hello, open, readEnd, TYPE } from './frames.ts'
import { puppetClient, puppetServer, startServer } from './peers.ts'
import { openBytes, openHold, openStall, service, work } from './rules-service.ts'
import { expectTaken, SIDES } from './sides.ts'

// Attacks on other protocols, as this one would meet them. Floods stand in budgets.test.ts, memory in lost.test.ts and
// message-size.test.ts, single wrong frames in wrong-*.test.ts.

const part = (bytes: number): Buffer => Buffer.alloc(bytes, 'x')

test('MadeYouReset: a call that the callee ends for a fault of the caller keeps its place until its handler has settled', async () => {
  const slow = contract('slow', { hold: unary<number, number>() })
  const gates: Deferred<number>[] = []
  const hold = (): Promise<number> => {
    const gate = defer<number>()
    gates.push(gate)
    return gate.promise
  }
  const server = await startServer({ services: [implement(slow, { hold })], limits: { maxStreams: 2 } })
  const puppet = await puppetClient(server)
  puppet.write(open(1, 'slow.hold', '1', { timeoutMs: 1 }), open(3, 'slow.hold', '1', { timeoutMs: 1 }))
  expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 4, bits: 0 })
  expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 4, bits: 0 })
  puppet.write(open(5, 'slow.hold', '1'))
  expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 8, bits: 1 })
  expect(gates).toHaveLength(2)
  for (const gate of gates.splice(0)) gate.resolve(1)
  await expectTaken({ puppet })
  puppet.write(open(7, 'slow.hold', '1'))
  await until('the next handler', () => gates.length === 1)
})

describe.each(SIDES)('%s', (_, against) => {
  test('answers calls whose ids meet in its table', async () => {
    const { puppet, ids } = await against(service, hello())
    const all = Array.from({ length: 128 }, (_each, index) => ids.puppet + index * 65_536)
    puppet.write(...all.flatMap((id) => [openHold(id)]))
    puppet.write(...all.map((id) => cancel(id, 1)))
    await expectTaken({ puppet })
    puppet.write(open(ids.puppet + 128 * 65_536, 'work.echo', '"next"'))
    expect((await puppet.next(TYPE.data)).body.toString()).toBe('"next"')
  })

  test('survives JSON that nests as deep as a frame allows: what cannot be written again is an error of that call', async () => {
    const { puppet, ids } = await against(service, hello())
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
    const marked = `{"\\u0061":${deep}}`
    puppet.write(open(ids.puppet, 'work.echo', deep), open(ids.puppet + 2, 'work.echo', marked))
    const isAnswer = ({ type }: { type: number }): boolean => type === TYPE.data || type === TYPE.end
    await until('both answers', () => puppet.received.filter(isAnswer).length === 2)
    await expectTaken({ puppet })
  })

  test('takes names of objects for names and no more: in metadata, errors and details', async () => {
    const { peer, puppet } = await against(service, hello())
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const call = quiet(peer.client(work).echo(1))
      const { id } = await puppet.next(TYPE.open)
      puppet.write(end(id, 5, { message: 'gone', name, details: '{"__proto__":{"polluted":true}}' }))
      const error = await rejection(call)
      expect(error).toMatchObject({ code: 'NOT_FOUND', appName: name, details: undefined })
    }
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined)
  })
})

test('a call that is cancelled before its message is whole does not keep a drain waiting', async () => {
  const server = await startServer({ services: [service] })
  const puppet = await puppetClient(server)
  puppet.write(openBytes(1, part(10), FLAG.more))
  await expectTaken({ puppet })
  const closing = server.close({ drainMs: 60_000 })
  await puppet.goaway()
  puppet.write(cancel(1, 1))
  expect(await puppet.over).toBe('end')
  puppet.fin()
  await within('close', closing)
})

test('settings by the thousand, and the smallest windows, cost a peer no call', async () => {
  const settings = [
    ...Array.from({ length: 9_000 }, (_, id) => [id + 100, 7] as const),
    [1, 1] as const,
    [4, 0] as const,
  ]
  const { peer, puppet } = await puppetServer({}, hello({ settings }))
  await until('HELLO', () => peer.state === 'ready')
  const call = peer.client(work).bytes(part(5_000))
  const { id, flags } = await puppet.next(TYPE.open)
  expect(flags & FLAG.more).toBe(FLAG.more)
  puppet.write(openStall(2), data(id, part(1)))
  expect(await call).toHaveLength(1)
})
