import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { rejection, until, within } from '@framewire/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { rawConnect } from '../test/raw-sockets.ts'
import { connect } from './connect.ts'
import { listen } from './server.ts'

function hear(name: string): unknown[] {
  const heard: unknown[] = []
  const note = (message: unknown): void => void heard.push(message)
  subscribe(name, note)
  onTestFinished(() => void unsubscribe(name, note))
  return heard
}

test('tells of connections that open and close, at both ends, and why', async () => {
  const [opened, closed] = [hear('framewire:connection:open'), hear('framewire:connection:close')]
  await using server = await listen('tcp://127.0.0.1:0')
  const client = await connect(server.addresses[0] as { port: number })
  await until('both are open', () => opened.length === 2)
  const info = await client.close()
  await until('both are closed', () => closed.length === 2)
  expect(opened).toContainEqual({ connection: client })
  expect(closed).toContainEqual({ connection: client, info })
})

test('tells of sockets that a server drops', async () => {
  const drops = hear('framewire:server:drop')
  await using server = await listen('tcp://127.0.0.1:0', { maxConnections: 1 })
  const target = server.addresses[0] as { host: string; port: number }
  const first = await connect(target)
  const second = await rawConnect(target)
  await until('dropped', () => drops.length === 1)
  expect(drops[0]).toMatchObject({ server, reason: { code: 'TOO_MANY_CONNECTIONS' }, remote: { host: '127.0.0.1' } })
  second.destroy()
  first.destroy()
})

test('traces connecting, with the connection or the error', async () => {
  const events: [string, object][] = []
  const channel = tracingChannel('framewire:connect')
  const note = (name: string) => (message: object) => void events.push([name, { ...message }])
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  channel.subscribe(subscribers)
  onTestFinished(() => void channel.unsubscribe(subscribers))
  const server = await listen('tcp://127.0.0.1:0')
  const target = server.addresses[0] as { host: string; port: number }
  const address = `tcp://127.0.0.1:${target.port}`
  const connection = await connect(target)
  expect(events.map(([name]) => name)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
  expect(events[0]?.[1]).toEqual({ address })
  expect(events[2]?.[1]).toMatchObject({ address, result: connection })
  connection.destroy()
  await within('server closed', server.close())
  events.length = 0
  const error = await rejection(connect(target))
  expect(events.map(([name]) => name)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  expect(events[2]?.[1]).toMatchObject({ address, error })
})
