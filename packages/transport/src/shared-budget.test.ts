import { endOfTick } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { FakeChannel } from '../test/fake-channel.ts'
import { ENDS } from '../test/fake-connection.ts'
import { message } from '../test/messages.ts'
import { Connection } from './connection.ts'
import { SharedBudget } from './shared-budget.ts'

function setUp(most: number) {
  const exceeded: number[] = []
  const budget = new SharedBudget(most, () => exceeded.push(budget.used))
  const member = (room?: number) => {
    const channel = new FakeChannel(room)
    return { channel, connection: new Connection(channel, {}, { ...ENDS, budget }) }
  }
  return { budget, exceeded, member }
}

test('what waits in all members is one number, and what leaves or is lost is taken off', async () => {
  const { budget, member } = setUp(10_000)
  const [one, other] = [member(0), member(0)]
  one.connection.send(message(0, 96))
  other.connection.send(message(0, 196))
  expect(budget.used).toBe(300)
  await endOfTick()
  one.channel.take(1_000)
  expect(budget.used).toBe(200)
  other.connection.destroy()
  await other.connection.closed
  expect(budget.used).toBe(0)
  one.connection.send(message(0, 96))
  await endOfTick()
  expect(budget.used).toBe(0)
})

test('tells whenever more than the most is used, at the message that is one too many', () => {
  const { exceeded, member } = setUp(250)
  const [one, other] = [member(0), member(0)]
  one.connection.send(message(0, 96))
  other.connection.send(message(0, 96))
  expect(exceeded).toEqual([])
  one.connection.send(message(0, 96))
  expect(exceeded).toEqual([300])
})

test('may be answered by ending a member, the one that is sending too', async () => {
  const members: Connection[] = []
  const budget = new SharedBudget(250, () => members[0]?.destroy())
  const channel = new FakeChannel(0)
  members.push(new Connection(channel, {}, { ...ENDS, budget }))
  for (let count = 0; count < 3; count++) members[0]?.send(message(0, 96))
  expect(budget.used).toBe(0)
  expect(await members[0]?.closed).toMatchObject({ unsentBytes: 300 })
})
