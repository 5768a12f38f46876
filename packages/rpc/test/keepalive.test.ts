import { defer, quiet, rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../transport/test/virtual-clock.ts'
import { Keepalive } from '../src/keepalive.ts'
import { RpcError } from '../src/rpc-error.ts'
import { FLAG, GOAWAY, hello, ping, TYPE } from './frames.ts'
import { puppetClient, puppetServer, startServer } from './peers.ts'

const fast = { pingIntervalMs: 40, pingTimeoutMs: 60 }
const often = hello({ settings: [[5, 1]] })

describe.each(['client', 'server'] as const)('a %s', (side) => {
  const against = async (limits: object, opening = often) => {
    if (side === 'client') return puppetServer({ limits }, opening)
    const server = await startServer({ services: [], limits })
    const puppet = await puppetClient(server, opening)
    await until('the peer', () => server.peers.size === 1)
    const [peer] = server.peers
    return { peer: peer as NonNullable<typeof peer>, puppet }
  }

  test('asks a silent peer, and lives as long as it is answered', async () => {
    const { peer, puppet } = await against(fast)
    for (let round = 0; round < 3; round++) {
      const { flags, body } = await puppet.next(TYPE.ping)
      expect(flags).toBe(0)
      puppet.write(ping(body, FLAG.last))
    }
    expect(peer.state).toBe('ready')
  })

  test('destroys a connection whose peer does not answer, and settles its calls', async () => {
    const { peer, puppet } = await against(fast)
    const call = quiet(peer.call('work.do', 1))
    const begun = performance.now()
    const { error } = await within('the end', peer.closed)
    expect(performance.now() - begun).toBeGreaterThan(60)
    expect(error).toMatchObject({ message: expect.stringMatching(/silent for \d+ ms and answers no PING/) })
    const text = expect.stringMatching(/^the connection ended \(the peer has been silent/)
    expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: false, message: text })
    await within('the cut', puppet.over)
  })

  test('does not ask more often than the peer wants', async () => {
    const { peer, puppet } = await against(fast, hello({ settings: [[5, 100_000]] }))
    const begun = performance.now()
    await until('three intervals', () => performance.now() - begun > 3 * fast.pingIntervalMs)
    expect(peer.state).toBe('ready')
    expect(puppet.received.filter(({ type }) => type === TYPE.ping)).toEqual([])
  })
})

test('a peer whose authenticate takes its time is not silent: nothing of it is read meanwhile', async () => {
  const gate = defer<boolean>()
  const begun = performance.now()
  const server = await startServer({ services: [], limits: fast, authenticate: () => gate.promise })
  const puppet = await puppetClient(server, often)
  await until('the peer', () => server.peers.size === 1)
  await until('more than its time', () => performance.now() - begun > 5 * (fast.pingIntervalMs + fast.pingTimeoutMs))
  const [peer] = server.peers
  expect(peer?.state).toBe('connecting')
  gate.resolve(false)
  expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.unauthenticated })
})

test('ping() tells how long the way there and back takes', async () => {
  const { peer, puppet } = await puppetServer({}, hello())
  const asked = [peer.ping(), peer.ping()]
  const { body } = await puppet.next(TYPE.ping)
  await turn()
  puppet.write(ping(body, FLAG.last))
  for (const time of await Promise.all(asked)) {
    expect(time).toBeGreaterThan(0)
    expect(time).toBeLessThan(5_000)
  }
  expect(puppet.received.filter(({ type }) => type === TYPE.ping)).toHaveLength(1)
})

test('ping() stops before the peer has had too many, and when the connection ends', async () => {
  const { peer, puppet } = await puppetServer({}, hello())
  for (let count = 0; count < 8; count++) {
    const asked = peer.ping()
    puppet.write(ping((await puppet.next(TYPE.ping)).body, FLAG.last))
    await asked
  }
  const text = 'more than 8 pings within 10000 ms, the peer takes no more'
  expect(await rejection(peer.ping())).toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: text })
  const other = await puppetServer({}, hello())
  const asked = quiet(other.peer.ping())
  other.puppet.destroy()
  expect(await rejection(asked)).toMatchObject({ code: 'UNAVAILABLE' })
  expect(await rejection(other.peer.ping())).toMatchObject({ code: 'UNAVAILABLE' })
})

test('a timer that is late proves nothing: what arrived meanwhile is read first', async () => {
  let asked = 0
  let lost = 0
  const send = (): void => {
    asked++
    // This process stands still until long after the answer was due. It has arrived: it is read in the next poll, which
    // comes after the late timer and before the immediate that this sets.
    const end = performance.now() + 120
    while (performance.now() < end);
    setTimeout(() => setImmediate(() => keepalive.onFrame()), 0)
  }
  const keepalive = new Keepalive({ intervalMs: 20, timeoutMs: 30, send, onLost: () => void lost++ }, 1)
  await until('three questions', () => asked === 3 || lost > 0)
  keepalive.stop(new RpcError('UNAVAILABLE', 'the test is over'))
  expect(lost).toBe(0)
})

test('a peer that takes what was sent before the PING is not lost; one that takes no more is', async () => {
  const clock = new VirtualClock()
  let left: number | undefined = 1
  const lost: number[] = []
  const onLost = (): void => void lost.push(clock.now())
  const options = { intervalMs: 1_000, timeoutMs: 500, send: () => {}, onLost, leaving: () => left, clock }
  const keepalive = new Keepalive(options, 1)
  for (let step = 0; step < 100; step++) {
    await clock.advance(100)
    left++
  }
  expect(lost).toEqual([])
  await clock.advance(1_000)
  await turn()
  expect(lost).toHaveLength(1)
  keepalive.stop(new RpcError('UNAVAILABLE', 'the test is over'))
})

test('what is with the kernel proves nothing: a half-open connection takes it', async () => {
  const clock = new VirtualClock()
  let lost = 0
  const options = {
    intervalMs: 1_000,
    timeoutMs: 500,
    send: () => {},
    onLost: () => void lost++,
    leaving: () => undefined,
    clock,
  }
  const keepalive = new Keepalive(options, 1)
  await clock.advance(2_000)
  await turn()
  expect(lost).toBe(1)
  keepalive.stop(new RpcError('UNAVAILABLE', 'the test is over'))
})
