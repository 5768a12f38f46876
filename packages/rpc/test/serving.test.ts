import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { certificates, NO_OPENSSL, rejection, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ConnectOptions, connect } from '../src/connect.ts'
import { contract, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Peer } from '../src/peer.ts'
import { type ServeOptions, type Server, serve } from '../src/serve.ts'
import { addressOf, connectTo, startServer } from './peers.ts'

const work = contract('work', { echo: unary<string, string>(), who: unary<void, string>() })

const service = implement(work, {
  echo: (text) => text,
  who: (_, { peer }) => peer.tls?.peerCertificate?.subject.CN?.toString() ?? 'nobody',
})

test('serves on several addresses, all of them or none, until it is closed', async () => {
  const path = join(tmpdir(), `framewire-serving-${process.pid}.sock`)
  const server = await serve(['tcp://127.0.0.1:0', `unix:${path}`], { services: [service] })
  onTestFinished(() => server.close({ drainMs: 0 }))
  const [tcp, unix] = server.addresses
  expect(unix).toEqual({ path })
  for (const address of [tcp, unix]) {
    const peer = await connectTo(address as NonNullable<typeof address>)
    expect(await peer.client(work).echo('x')).toBe('x')
  }
  expect(server.peers.size).toBe(2)
  const { port } = tcp as { port: number }
  const twice = serve(['tcp://127.0.0.1:0', `tcp://127.0.0.1:${port}`], { services: [service] })
  await expect(twice).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
  await server.close({ drainMs: 0 })
  expect([server.addresses, server.peers.size]).toEqual([[], 0])
  await expect(connectTo({ path })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('takes the limits of the transport', async () => {
  const server = await startServer({ services: [service], transport: { maxConnections: 1 } })
  const first = await connectTo(server)
  expect(await first.client(work).echo('x')).toBe('x')
  const second = await connectTo(server)
  expect(await rejection(second.client(work).echo('y'))).toMatchObject({ code: 'UNAVAILABLE' })
  expect(server.peers.size).toBe(1)
})

test('connect takes the options of the transport', async () => {
  const server = await startServer({ services: [service] })
  const connecting = connectTo(server, { transport: { sendHighWaterMark: -1 } })
  await expect(connecting).rejects.toThrow(RangeError)
})

describe.skipIf(NO_OPENSSL !== undefined)(`over TLS${NO_OPENSSL ? ` (not run: ${NO_OPENSSL})` : ''}`, () => {
  async function secure(options: Partial<ServeOptions> = {}): Promise<Server> {
    const { server: identity } = certificates()
    const server = await serve('tls://127.0.0.1:0', { services: [service], tls: identity, ...options })
    onTestFinished(() => server.close({ drainMs: 0 }))
    return server
  }

  async function peerOf(servers: Server[], options: ConnectOptions = {}): Promise<Peer> {
    const addresses = servers.map((server) => `tls://localhost:${(addressOf(server) as { port: number }).port}`)
    const { ca } = certificates()
    const peer = await connect(addresses, { tls: { ca }, ...options })
    onTestFinished(() => peer.close({ drainMs: 0 }))
    return peer
  }

  test('calls, with the protocol agreed on as framewire/1', async () => {
    const server = await secure()
    const peer = await peerOf([server])
    expect(await peer.client(work).echo('x')).toBe('x')
    expect(peer.tls).toMatchObject({ alpnProtocol: 'framewire/1', authorized: true })
    expect([...server.peers].map(({ tls }) => tls?.alpnProtocol)).toEqual(['framewire/1'])
  })

  test('refuses a client of another protocol in the handshake', async () => {
    const { port } = addressOf(await secure()) as { port: number }
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    const error = await within('the alert', new Promise<Error>((resolve) => socket.once('error', resolve)))
    expect(error.message).toMatch(/no application protocol/i)
  })

  test('does not call a server that it does not trust', async () => {
    const server = await secure({ tls: certificates().stranger })
    expect(await rejection(peerOf([server], { reconnect: { attempts: 1 } }))).toMatchObject({
      code: 'UNAVAILABLE',
      notProcessed: true,
      cause: { code: 'TLS_ERROR' },
    })
  })

  test('knows the certificate of who calls, before the first call', async () => {
    const { ca, client, server: identity } = certificates()
    const names: unknown[] = []
    const server = await secure({
      tls: { ...identity, ca },
      authenticate: (_, { tls }) => {
        names.push(tls?.peerCertificate?.subject.CN)
      },
    })
    const peer = await peerOf([server], { tls: { ca, ...client } })
    expect(await peer.client(work).who()).toBe('client')
    expect(names).toEqual(['client'])
    await expect(peerOf([server])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('goes on at the next server, and takes new certificates without a restart', async () => {
    const { renewed } = certificates()
    const servers = [await secure(), await secure()]
    servers[1]?.updateTls(renewed)
    const peer = await peerOf(servers, { waitForReady: true })
    expect(await peer.client(work).echo('x')).toBe('x')
    const first = peer.tls?.peerCertificate?.subject.CN
    await servers[0]?.close()
    await until('the other server', () => servers[1]?.peers.size === 1 && peer.state === 'ready')
    expect(await peer.client(work).echo('y')).toBe('y')
    expect([first, peer.tls?.peerCertificate?.subject.CN]).toEqual(['server', 'renewed'])
  })
})
