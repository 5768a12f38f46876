// A puppet against a peer of ours, in both roles: it has connected to our server, or our client has connected to it. What
// PROTOCOL.md says of a receiver is tried on either.

import { until, within } from '@framewire/testkit'
import { expect } from 'vitest'
import type { Service } from '../src/implement.ts'
import type { Limits } from '../src/limits.ts'
import type { Peer } from '../src/peer.ts'
import { FLAG, ping, TYPE } from './frames.ts'
import { connectTo, puppetClient, puppetServer, startServer } from './peers.ts'
import type { Puppet } from './puppet.ts'

export interface Side {
  puppet: Puppet
  /** The peer under test. */
  peer: Peer
  /** An honest connection of the same process. */
  other: Peer
  /** The id the puppet may open first, and the one that the peer under test would. */
  ids: { puppet: number; peer: number }
}

export type Against = (service: Service, opening: Uint8Array, limits?: Limits) => Promise<Side>

async function puppetAgainstServer(service: Service, opening: Uint8Array, limits: Limits = {}): Promise<Side> {
  const server = await startServer({ services: [service], limits })
  const other = await connectTo(server)
  await until('the other peer', () => server.peers.size === 1)
  const [known] = server.peers
  const puppet = await puppetClient(server, opening)
  let peer: Peer | undefined
  await until('the puppet`s peer', () => {
    peer ??= [...server.peers].find((each) => each !== known)
    return peer !== undefined
  })
  return { puppet, peer: peer as unknown as Peer, other, ids: { puppet: 1, peer: 2 } }
}

async function puppetAgainstClient(service: Service, opening: Uint8Array, limits: Limits = {}): Promise<Side> {
  const other = await connectTo(await startServer({ services: [service] }))
  return { ...(await puppetServer({ services: [service], limits }, opening)), other, ids: { puppet: 2, peer: 1 } }
}

export const SIDES: readonly [name: string, against: Against][] = [
  ['a server', puppetAgainstServer],
  ['a client', puppetAgainstClient],
]

/** The peer ends the connection with this reason and text, in good order; nothing else has suffered. */
export async function expectGoaway(side: Side, reason: number, text: string | RegExp): Promise<void> {
  const { puppet, peer, other } = side
  const said = await puppet.goaway()
  expect(said.text).toMatch(text)
  expect(said.reason).toBe(reason)
  expect(await within('the end', puppet.over)).toBe('end')
  expect(puppet.received.at(-1)?.type).toBe(TYPE.goaway)
  puppet.fin()
  await within('the peer`s end', peer.closed)
  expect(peer.state).toBe('closed')
  await expectAlive(other)
}

/** The process lives, and other connections have noticed nothing. */
async function expectAlive(other: Peer): Promise<void> {
  expect(await within('a PING', other.ping())).toBeGreaterThan(0)
}

/** The connection still works, and nothing was said about what the puppet sent but `answers` frames. */
export async function expectIgnored({ puppet, peer }: Side, answers = 0): Promise<void> {
  await expectTaken({ puppet })
  expect(peer.state).toBe('ready')
  expect(puppet.received).toHaveLength(2 + answers) // HELLO, what was expected, PING
}

/** The connection works, and all that the puppet has sent was read. */
export async function expectTaken({ puppet }: Pick<Side, 'puppet'>): Promise<void> {
  puppet.write(ping(Buffer.from('12345678')))
  expect(await puppet.next(TYPE.ping)).toMatchObject({ flags: FLAG.last, body: Buffer.from('12345678') })
}
