import { tracingChannel } from 'node:diagnostics_channel'
import { rejection, until } from '@framewire/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { bidi, clientStream, contract, oneway, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { RpcError } from '../src/rpc-error.ts'
import { connectTo, startServer } from './peers.ts'

const work = contract('work', {
  echo: unary<string, string>(),
  fail: unary<void, void>(),
  count: serverStream<number, number>(),
  sum: clientStream<number, number>(),
  double: bidi<number, number>(),
  note: oneway<string>(),
})

const service = implement(work, {
  echo: (text) => text,
  fail: () => {
    throw new RpcError('NOT_FOUND', 'no')
  },
  async *count(to) {
    for (let value = 0; value < to; value++) yield value
  },
  async sum(values) {
    let sum = 0
    for await (const value of values) sum += value
    return sum
  },
  async *double(values) {
    for await (const value of values) yield value * 2
  },
  note: () => {},
})

interface Seen {
  method: string
  isOutgoing: boolean
  result?: { output: unknown }
  error?: unknown
}

/** Collects what a tracing channel says: its events in order, as `end work.echo out`. */
function listen(name: string, seen: (event: string, message: Seen) => void): void {
  const channel = tracingChannel(name)
  const events = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
  const subscribers = Object.fromEntries(
    events.map((event) => [event, (message: unknown) => seen(event, message as Seen)]),
  )
  channel.subscribe(subscribers as never)
  onTestFinished(() => void channel.unsubscribe(subscribers as never))
}

async function sumOf(values: AsyncIterable<number>): Promise<number> {
  let sum = 0
  for await (const value of values) sum += value
  return sum
}

test('13. framewire:rpc:call tells of every call from its start to its end, at both ends', async () => {
  const events: string[] = []
  const replies: unknown[] = []
  const server = await startServer({ services: [service] })
  const peer = await connectTo(server)
  const api = peer.client(work)
  expect(await api.echo('before')).toBe('before')
  listen('framewire:rpc:call', (event, { method, isOutgoing, result, error }) => {
    events.push(`${event} ${method} ${isOutgoing ? 'out' : 'in'}`)
    if (event === 'asyncEnd') replies.push(error instanceof RpcError ? error.code : result?.output)
  })
  expect(await api.echo('a')).toBe('a')
  const both = (method: string, ends: string[]) => [
    `start ${method} out`,
    `end ${method} out`,
    `start ${method} in`,
    `end ${method} in`,
    ...ends.map((end) => `${end} ${method} in`),
    ...ends.map((end) => `${end} ${method} out`),
  ]
  expect(events.splice(0)).toEqual(both('work.echo', ['asyncStart', 'asyncEnd']))
  expect(replies.splice(0)).toEqual(['a', 'a'])
  expect(await rejection(api.fail())).toMatchObject({ code: 'NOT_FOUND' })
  expect(events.splice(0)).toEqual(both('work.fail', ['error', 'asyncStart', 'asyncEnd']))
  expect(replies.splice(0)).toEqual(['NOT_FOUND', 'NOT_FOUND'])
  expect(await api.sum([1, 2])).toBe(3)
  expect(events.splice(0).sort()).toEqual(both('work.sum', ['asyncStart', 'asyncEnd']).sort())
  await api.note('x')
  await until('the end of the oneway', () => events.length === 8)
})

test('13. of a stream it tells the end when the stream has ended, be it left or failed', async () => {
  const ends: string[] = []
  const server = await startServer({ services: [service] })
  const peer = await connectTo(server)
  const api = peer.client(work)
  listen('framewire:rpc:call', (event, { method, isOutgoing }) => {
    if (event === 'asyncEnd') ends.push(`${method} ${isOutgoing ? 'out' : 'in'}`)
  })
  const counted = api.count(2)
  expect(await counted.next()).toEqual({ done: false, value: 0 })
  expect(ends).not.toContain('work.count out')
  expect(await sumOf(counted)).toBe(1)
  await until('both ends', () => ends.length === 2)
  expect(ends.splice(0).sort()).toEqual(['work.count in', 'work.count out'])
  expect(await sumOf(api.double([1, 2]))).toBe(6)
  await until('both ends', () => ends.length === 2)
  ends.length = 0
  for await (const value of api.count(1_000_000)) if (value === 3) break
  await until('both ends', () => ends.length === 2)
})

test('13. framewire:rpc:connection tells of every connection from the handshake to its end', async () => {
  const events: string[] = []
  listen('framewire:rpc:connection', (event, { result }) => {
    events.push(event === 'asyncEnd' ? `${event} ${(result as unknown as { initiator: string }).initiator}` : event)
  })
  const server = await startServer({ services: [service] })
  const peer = await connectTo(server)
  await peer.client(work).echo('x')
  expect(events.splice(0)).toEqual(['start', 'end', 'start', 'end'])
  await peer.close()
  await until('both ends', () => events.length === 4)
  expect(events.sort()).toEqual(['asyncEnd local', 'asyncEnd peer', 'asyncStart', 'asyncStart'])
})

test('a method that a server does not have is named to nobody there: names from the wire are no measure of anything', async () => {
  const told: string[] = []
  const server = await startServer({ services: [service] })
  const peer = await connectTo(server)
  listen('framewire:rpc:call', (_, { method, isOutgoing }) => {
    if (!isOutgoing) told.push(method)
  })
  const error = await rejection(peer.call('work.invented'))
  expect(error).toMatchObject({ code: 'UNIMPLEMENTED' })
  expect(told).toEqual([])
})
