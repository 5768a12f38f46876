import { expect, test } from 'vitest'
import { turn } from './deadline.ts'
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

test('renew after a connection that was young waits first, ever longer: a server that turns all away is not stormed', async () => {
  const { reconnector, connects, clock } = setUpReconnector()
  for (const delayMs of [100, 200, 400]) {
    await connects.accept()
    reconnector.renew()
    expect(reconnector.state).toBe('waiting')
    expect(clock.timers.map(({ at }) => at - clock.now())).toContain(delayMs)
    await clock.advance(delayMs)
    expect(reconnector.state).toBe('connecting')
  }
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
