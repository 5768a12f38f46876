import { rejection, until } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { raw } from '../src/codec.ts'
import { contract, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { RpcError } from '../src/rpc-error.ts'
import { data, hello, TYPE } from './frames.ts'
import { addressOf, causeCode, connectTo, puppetServer, startServer } from './peers.ts'
import { PuppetServer } from './puppet.ts'

const work = contract('work', { echo: unary<unknown, unknown>() })
const service = implement(work, { echo: (value) => value })

describe('connecting', () => {
  test('that is refused is UNAVAILABLE, surely not processed, with the transport`s error as its cause', async () => {
    const listening = await PuppetServer.listen()
    const { address } = listening
    await listening.close()
    const error = await rejection(connectTo(address))
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
    expect(causeCode(error)).toBe('CONNECT_REFUSED')
  })

  test('that is given up is CANCELLED; afterwards the signal means nothing', async () => {
    const server = await startServer({ services: [service] })
    const controller = new AbortController()
    const peer = await connectTo(server, { signal: controller.signal })
    controller.abort('no more')
    expect(await peer.client(work).echo(1)).toBe(1)
    const error = await rejection(connectTo(server, { signal: controller.signal }))
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject({ code: 'CANCELLED', notProcessed: true })
    expect(causeCode(error)).toBe('ABORTED')
  })

  test('with what cannot be meant is the caller`s mistake, before anything is connected', async () => {
    const address = { host: '127.0.0.1', port: 1 }
    expect(await rejection(connectTo(address, { limits: { maxFrame: 0 } }))).toBeInstanceOf(RangeError)
    expect(await rejection(connectTo(address, { connectTimeoutMs: 0 }))).toBeInstanceOf(RangeError)
    expect(await rejection(connectTo(address, { timeoutMs: -1 }))).toBeInstanceOf(RangeError)
    expect(await rejection(connectTo(address, { services: [service, service] }))).toBeInstanceOf(TypeError)
    expect(await rejection(connectTo(address, { hello: { 'No Key': '' } }))).toBeInstanceOf(TypeError)
    expect(await rejection(connectTo(address, { codecs: [raw] }))).toBeInstanceOf(RangeError)
  })

  test('needs no round trip: calls travel right behind HELLO', async () => {
    const { peer, puppet } = await puppetServer({}, Buffer.of())
    const call = peer.client(work).echo(1)
    await puppet.next(TYPE.open)
    expect(puppet.received.map(({ type }) => type)).toEqual([TYPE.hello, TYPE.open])
    puppet.write(hello(), data(1, '7'))
    expect(await call).toBe(7)
  })
})

describe('serving', () => {
  test('says where it listens and who is connected', async () => {
    const server = await startServer({ services: [service] })
    expect(addressOf(server)).toMatchObject({ host: '127.0.0.1', port: expect.any(Number) })
    const peer = await connectTo(server)
    expect(peer.remote).toEqual(addressOf(server))
    await until('the peer', () => server.peers.size === 1)
    await peer.close()
    await until('nobody', () => server.peers.size === 0)
  })

  test('two services with one method is a mistake, found at the start', async () => {
    await expect(startServer({ services: [service, service] })).rejects.toThrow('method work.echo is implemented twice')
    await expect(startServer({ services: [], limits: { maxStreams: 0 } })).rejects.toThrow(RangeError)
    await expect(startServer({ services: [], codecs: [raw] })).rejects.toThrow(RangeError)
  })
})
