import { rejection, within } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { contract, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { UNCUT } from './memory-channel.ts'
import { memoryPeers } from './memory-peers.ts'

const work = contract('work', { echo: unary<number, number>(), count: serverStream<number, number>() })
const service = implement(work, {
  echo: (value) => value,
  async *count(to) {
    for (let number = 0; number < to; number++) yield number
  },
})

test('when the ids run out, calls that need one are UNAVAILABLE, surely not processed; those that have one go on', async () => {
  const [near] = memoryPeers({ cut: UNCUT, services: [service], firstIds: [0x7fff_fefd, 0x7fff_fefe] })
  const api = near.peer.client(work)
  const messages = api.count(3)
  expect(await messages.next()).toEqual({ done: false, value: 0 })
  expect(await api.echo(1)).toBe(1)
  const error = { code: 'UNAVAILABLE', notProcessed: true, message: 'stream ids are used up' }
  expect(await rejection(api.echo(2))).toMatchObject(error)
  expect(await rejection(api.count(1).next())).toMatchObject(error)
  expect(await messages.next()).toEqual({ done: false, value: 1 })
  expect(await messages.next()).toEqual({ done: false, value: 2 })
  expect(await messages.next()).toEqual({ done: true, value: undefined })
  await within('close', near.peer.close())
})

test('the accepting side has even ids up to the same end', async () => {
  const [, far] = memoryPeers({ cut: UNCUT, services: [service], firstIds: [1, 0x7fff_ff00] })
  expect(await far.peer.client(work).echo(1)).toBe(1)
  expect(await rejection(far.peer.client(work).echo(2))).toMatchObject({ message: 'stream ids are used up' })
})
