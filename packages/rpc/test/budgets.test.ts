import { quiet, rejection, until } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { contract, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { cancel, FLAG, frame, GOAWAY, goaway, open, ping, TYPE, u32 } from './frames.ts'
import { puppetClient, puppetServer, startServer } from './peers.ts'
import type { Puppet } from './puppet.ts'

// What costs a peer little and this side more is bounded in number. Each test sends exactly the last that is taken, sees
// that the connection lives, and then one more.

const work = contract('work', {
  echo: unary<number, number>(),
  hold: unary<void, void>(),
  feed: serverStream<void, number>(),
})

async function start(): Promise<{ puppet: Puppet }> {
  const service = implement(work, {
    echo: (value) => value,
    hold: (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    async *feed(_, { signal }) {
      yield 1
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  })
  const server = await startServer({ services: [service], limits: { maxStreams: 10_000 } })
  return { puppet: await puppetClient(server) }
}

const pings = (count: number): Buffer[] => Array.from({ length: count }, () => ping(Buffer.from('12345678')))
const countOf = ({ received }: Puppet, type: number): number => received.filter((each) => each.type === type).length

test('10 PINGs in MIN_PING_INTERVAL are answered, one more is too many', async () => {
  const { puppet } = await start()
  puppet.write(...pings(10))
  await until('10 answers', () => countOf(puppet, TYPE.ping) === 10)
  puppet.write(...pings(1))
  expect(await puppet.goaway()).toMatchObject({
    reason: GOAWAY.calm,
    text: 'more than 10 pings within 10000 ms',
  })
})

test.each<[string, (index: number) => Buffer]>([
  ['PING answers', () => ping(Buffer.alloc(8), FLAG.last)],
  ['ignorable frames', () => frame(0x80, 0, 0)],
  ['late CANCELs', () => cancel(1, 1)],
  ['late CREDITs', () => frame(TYPE.credit, 0, 1, u32(1))],
])('1,000 %s are taken, and one more is too many', async (_, make) => {
  const { puppet } = await start()
  puppet.write(open(1, 'work.echo', '1'))
  await puppet.next(TYPE.data)
  puppet.write(...Array.from({ length: 1_000 }, (_each, index) => make(index)))
  puppet.write(open(3, 'work.echo', '2'))
  await puppet.next(TYPE.data)
  puppet.write(make(0), make(0), make(0)) // two were bought by the two calls
  expect(await puppet.goaway()).toMatchObject({
    reason: GOAWAY.calm,
    text: 'more than 1000 control frames within 10000 ms',
  })
})

test('GOAWAY counts, too', async () => {
  const { puppet } = await start()
  puppet.write(...Array.from({ length: 1_001 }, () => goaway(0, GOAWAY.drain)))
  expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.calm })
})

test('200 cancelled calls that were not done are taken, and one more is too many: open and cancel, fast', async () => {
  const { puppet } = await start()
  const both = (id: number): Buffer[] => [open(id, 'work.hold', '', { flags: FLAG.last | FLAG.none }), cancel(id, 1)]
  const ids = Array.from({ length: 200 }, (_, index) => 2 * index + 1)
  puppet.write(...ids.flatMap(both), ...pings(1))
  await puppet.next(TYPE.ping)
  puppet.write(...both(401))
  const text = 'more than 200 cancelled calls that were not done within 10000 ms'
  expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.calm, text })
})

test('calls that are answered pay for those that are cancelled', async () => {
  const { puppet } = await start()
  for (let id = 1; id < 2_000; id += 4) {
    puppet.write(
      open(id, 'work.hold', '', { flags: FLAG.last | FLAG.none }),
      cancel(id, 1),
      open(id + 2, 'work.echo', '1'),
    )
  }
  await until('all answers', () => countOf(puppet, TYPE.data) === 500)
  puppet.write(...pings(1))
  await puppet.next(TYPE.ping)
})

test('leaving a stream after its first message is no offence, nor is one CREDIT for each message', async () => {
  const { puppet } = await start()
  for (let id = 1; id < 1_200; id += 2) {
    puppet.write(open(id, 'work.feed', '', { flags: FLAG.last | FLAG.none }))
    await until('a message', () => puppet.received.at(-1)?.id === id)
    puppet.write(frame(TYPE.credit, 0, id, u32(1)), cancel(id, 1))
  }
  puppet.write(...pings(1))
  await puppet.next(TYPE.ping)
})

test('a side that is told to calm down fails its calls with UNAVAILABLE', async () => {
  const { peer, puppet } = await puppetServer()
  const call = quiet(peer.call('work.echo', 1))
  await puppet.next(TYPE.open)
  puppet.write(goaway(0, GOAWAY.calm, 'too many pings'))
  const error = await rejection(call)
  expect(error).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
  expect(error).toMatchObject({ message: 'the peer goes away (enhance your calm): too many pings' })
})
