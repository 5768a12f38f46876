import { turn } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { setUpReconnector } from './fake-connects.ts'

const STABLE_MS = 10_000
const addresses = ['tcp://a:1', 'tcp://b:2']

test('renew makes another connection at once, to the next address, and leaves the one that stood to its user', async () => {
  const { reconnector, connects, clock, events } = setUpReconnector({}, addresses)
  const old = await connects.accept()
  const channel = connects.channel
  await clock.advance(STABLE_MS)
  reconnector.renew()
  expect([reconnector.state, reconnector.connection, old.state]).toEqual(['connecting', undefined, 'open'])
  expect(connects.attempts.map(({ address }) => address)).toEqual(addresses)
  const next = await connects.accept()
  expect(reconnector.connection).toBe(next)
  channel?.onClose(undefined)
  await turn()
  expect(reconnector.connection).toBe(next)
  expect(events).toEqual(['connect', 'connect'])
})

test('renew after a connection that was young waits first, and no longer each time', async () => {
  const { reconnector, connects, clock } = setUpReconnector({}, addresses)
  for (const address of [...addresses, ...addresses]) {
    expect(connects.attempts.at(-1)?.address).toBe(address)
    await connects.accept()
    reconnector.renew()
    expect(reconnector.state).toBe('waiting')
    expect(clock.timers.map(({ at }) => at - clock.now())).toContain(100)
    await clock.advance(100)
    expect(reconnector.state).toBe('connecting')
  }
})

test('renew after one that was of no use waits ever longer, and gives up after so many attempts', async () => {
  const { reconnector, connects, clock, events } = setUpReconnector({ attempts: 4 }, addresses)
  for (const delayMs of [100, 200, 400]) {
    await connects.accept()
    reconnector.renew({ wasGood: false })
    expect(clock.timers.map(({ at }) => at - clock.now())).toContain(delayMs)
    await clock.advance(delayMs)
  }
  expect(connects.attempts.map(({ address }) => address)).toEqual([...addresses, ...addresses])
  await connects.accept()
  reconnector.renew({ wasGood: false })
  expect(reconnector.state).toBe('closed')
  expect(events.at(-1)).toBe('close CONNECTION_CLOSED')
})

test('renew does nothing while there is no connection, and after the end', async () => {
  const { reconnector, connects } = setUpReconnector()
  reconnector.renew()
  expect([reconnector.state, connects.attempts.length]).toEqual(['connecting', 1])
  const connection = await connects.accept()
  const closing = reconnector.close()
  reconnector.renew()
  expect(reconnector.state).toBe('closed')
  connects.channel?.onClose(undefined)
  await closing
  expect([connection.state, connects.attempts.length]).toEqual(['closed', 1])
})
