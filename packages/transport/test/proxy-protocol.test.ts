import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { certificates, NO_OPENSSL, rejection, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ListenAddress } from '../src/address.ts'
import { connect } from '../src/connect.ts'
import type { Connection } from '../src/connection.ts'
import { listen } from '../src/server.ts'
import type { ServerOptions } from '../src/server-options.ts'
import { haproxyBefore, NO_HAPROXY } from './haproxy.ts'
import { frames } from './messages.ts'
import { type HeaderParts, proxyHeader, tlv } from './proxy-headers.ts'
import { rawConnect, readToEnd } from './raw-sockets.ts'
import { ask, isCutOff } from './tls-ends.ts'
import { VirtualTimers } from './virtual-timers.ts'

const LOOPBACK = { trusted: ['127.0.0.0/8'] }
const CLIENT = { host: '192.0.2.1', port: 1000 }

async function setUp(options: ServerOptions = {}, address: ListenAddress = 'tcp://127.0.0.1:0') {
  const drops: [string, unknown][] = []
  const accepted: Connection[] = []
  const server = await listen(address, { proxyProtocol: LOOPBACK, ...options }, (connection) => {
    accepted.push(connection)
    connection.on('message', (message) => connection.send(message))
  })
  server.on('drop', ({ code, message }, remote) => void drops.push([`${code} ${message}`, remote]))
  onTestFinished(async () => {
    for (const connection of server.connections) connection.destroy()
    await server.close()
  })
  return { server, drops, accepted, attack: () => rawConnect(server.addresses[0] as object) }
}

describe('behind a proxy', () => {
  test.each([1, 5, 12, 16, 27, 28, 30, 1000])(
    'the client is whom the header names, cut after %i bytes',
    async (cut) => {
      const { attack, accepted } = await setUp()
      const socket = await attack()
      const tlvs = tlv(0x20, Buffer.alloc(20))
      const bytes = Buffer.concat([proxyHeader({ tlvs }), frames('a', 'b')])
      socket.write(bytes.subarray(0, cut))
      await new Promise((resolve) => setImmediate(resolve))
      socket.write(bytes.subarray(cut))
      socket.end()
      expect(Buffer.from(await readToEnd(socket))).toEqual(Buffer.from(frames('a', 'b')))
      expect(accepted[0]).toMatchObject({ remote: CLIENT, local: { host: '198.51.100.2', port: 2000 } })
    },
  )

  test('that speaks for itself the client is the proxy', async () => {
    const { attack, accepted } = await setUp()
    const socket = await attack()
    socket.write(proxyHeader({ command: 0x20, family: 0, addresses: new Uint8Array(0) }))
    await until('accepted', () => accepted.length === 1)
    expect(accepted[0]?.remote).toEqual({ host: '127.0.0.1', port: socket.localPort })
  })

  test('messages and the end of a client are read although nobody takes them yet', async () => {
    const server = await listen('tcp://127.0.0.1:0', { proxyProtocol: LOOPBACK })
    onTestFinished(async () => void (await server.close({ drainTimeoutMs: 1 })))
    const accepted = once(server, 'connection')
    const socket = await rawConnect(server.addresses[0] as object)
    socket.write(proxyHeader())
    const [connection] = (await within('accepted', accepted)) as [Connection]
    socket.end(frames('a'))
    await until('the message waits', () => connection.stats().messagesReceived === 1)
    for await (const message of connection) expect(Buffer.from(message).toString()).toBe('a')
    expect(await within('closed', connection.closed)).toMatchObject({ initiator: 'peer', error: undefined })
  })

  test('a listener may pause and nothing is handed out until it resumes', async () => {
    const { server, attack } = await setUp()
    const got: string[] = []
    server.on('connection', (connection) => {
      connection.pause()
      connection.on('message', (message) => got.push(Buffer.from(message).toString()))
      setImmediate(() => {
        expect(got).toEqual([])
        connection.resume()
      })
    })
    const socket = await attack()
    socket.write(Buffer.concat([proxyHeader(), frames('a')]))
    await until('the message', () => got.length === 1)
  })

  test('maxConnectionsPerAddress counts clients, not the proxy', async () => {
    const { attack, accepted, drops, server } = await setUp({ maxConnectionsPerAddress: 1 })
    const from = (last: number): HeaderParts => ({
      addresses: Buffer.from([192, 0, 2, last, 10, 0, 0, 1, 3, 232, 0, 80]),
    })
    for (const last of [1, 2, 3]) (await attack()).write(proxyHeader(from(last)))
    await until('three', () => accepted.length === 3)
    const socket = await attack()
    socket.write(proxyHeader(from(2)))
    await within('cut off', isCutOff(socket))
    const message = 'TOO_MANY_CONNECTIONS 2 connections from 192.0.2.2 exceed maxConnectionsPerAddress 1'
    expect(drops).toEqual([[message, { host: '192.0.2.2', port: 1000 }]])
    expect(server.stats()).toMatchObject({ accepted: 3, live: 3, pending: 0, dropped: { TOO_MANY_CONNECTIONS: 1 } })
  })

  test('on a unix socket is trusted when the list says unix', async () => {
    const path = () => join(tmpdir(), `framewire-${process.pid}-${Math.random().toString(36).slice(2)}.sock`)
    const trusting = await setUp({ proxyProtocol: { trusted: ['unix'] } }, { path: path() })
    ;(await trusting.attack()).write(proxyHeader())
    await until('accepted', () => trusting.accepted.length === 1)
    expect(trusting.accepted[0]?.remote).toEqual(CLIENT)
    const wary = await setUp({}, { path: path() })
    await within('cut off', isCutOff(await wary.attack()))
    expect(wary.drops[0]?.[0]).toBe('PROXY_PROTOCOL_ERROR a unix socket is not in proxyProtocol.trusted')
  })

  test.skipIf(NO_OPENSSL)(`TLS follows the header${NO_OPENSSL ? ` (${NO_OPENSSL})` : ''}`, async () => {
    const { attack, accepted } = await setUp({ tls: certificates().server })
    const socket = await attack()
    socket.write(proxyHeader())
    const secure = connectTls({ socket, ca: certificates().ca, servername: 'localhost' })
    onTestFinished(() => void secure.destroy())
    await within('the handshake', once(secure, 'secureConnect'))
    secure.write(frames('a'))
    const [chunk] = (await within('an answer', once(secure, 'data'))) as [Buffer]
    expect(chunk).toEqual(Buffer.from(frames('a')))
    expect(accepted[0]).toMatchObject({ remote: CLIENT, tls: { protocol: 'TLSv1.3' } })
  })

  test.skipIf(NO_OPENSSL)('TLS follows the header in the same chunk (needs openssl)', async () => {
    const { server, accepted } = await setUp({ tls: certificates().server })
    const inner = await rawConnect(server.addresses[0] as object)
    inner.cork()
    inner.write(proxyHeader())
    const secure = connectTls({ socket: inner, ca: certificates().ca, servername: 'localhost' })
    onTestFinished(() => void secure.destroy())
    setImmediate(() => inner.uncork())
    await within('the handshake', once(secure, 'secureConnect'))
    await until('accepted', () => accepted.length === 1)
    expect(accepted[0]?.remote).toEqual(CLIENT)
  })
})

describe('fails closed', () => {
  const wrong: [string, Uint8Array, RegExp][] = [
    ['without a header', frames('a'), /^PROXY_PROTOCOL_ERROR no PROXY protocol v2 header: byte 0 is 0x00$/],
    ['with the text of version 1', Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n'), /byte 0 is 0x50$/],
    ['with a header that is too long', proxyHeader({ length: 5000 }), /5016 bytes exceeds the limit 4096$/],
    ['with a TLV that is too long', proxyHeader({ tlvs: Buffer.from([1, 255, 255, 0]) }), /TLV of 65535 bytes/],
  ]
  test.each(wrong)('%s', async (_, bytes, message) => {
    const { attack, drops, accepted, server } = await setUp()
    const socket = await attack()
    const { localPort } = socket
    const cutOff = isCutOff(socket)
    socket.write(bytes)
    await within('cut off', cutOff)
    expect(drops).toEqual([[expect.stringMatching(message), { host: '127.0.0.1', port: localPort }]])
    expect(accepted).toEqual([])
    await until('counted', () => server.stats().pending === 0)
    expect(server.stats()).toMatchObject({ accepted: 0, dropped: { PROXY_PROTOCOL_ERROR: 1 } })
  })

  test('with a header that ends too early', async () => {
    const { attack, drops } = await setUp()
    const header = proxyHeader()
    for (const length of [0, 1, 15, 16, 27]) {
      const socket = await attack()
      const cutOff = isCutOff(socket)
      socket.end(header.subarray(0, length))
      await within('cut off', cutOff)
      const message = `PROXY_PROTOCOL_ERROR the peer ended after ${length} bytes of its PROXY header`
      expect(drops.at(-1)?.[0]).toBe(message)
    }
  })

  test('with a header that is not whole in 3 s, however steadily it comes', async () => {
    const timers = new VirtualTimers()
    const { attack, drops } = await setUp({ clock: timers })
    const socket = await attack()
    const cutOff = isCutOff(socket)
    await until('the deadline is set', () => timers.delays.includes(3_000))
    for (const byte of proxyHeader().subarray(0, 20)) socket.write(Uint8Array.of(byte))
    timers.advance(2_999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(drops).toEqual([])
    timers.advance(1)
    await within('cut off', cutOff)
    expect(drops[0]?.[0]).toBe('PROXY_PROTOCOL_ERROR no whole PROXY header within 3000 ms')
  })

  test('for a proxy that is not trusted, before it is read', async () => {
    const { attack, drops, server } = await setUp({ proxyProtocol: { trusted: ['10.0.0.0/8', '::1'] } })
    const socket = await attack()
    const cutOff = isCutOff(socket)
    socket.write(Buffer.concat([proxyHeader(), frames('a')]))
    await within('cut off', cutOff)
    expect(drops[0]?.[0]).toBe('PROXY_PROTOCOL_ERROR 127.0.0.1 is not in proxyProtocol.trusted')
    expect(server.stats().accepted).toBe(0)
  })

  test.each([
    [[]],
    [['localhost']],
    [['10.0.0.0/33']],
    [['10.0.0.0/']],
    [['10.0.0.0/8/8']],
    [['::1/129']],
    [undefined],
  ])('at the call for the list %j', async (trusted) => {
    const proxyProtocol = { trusted } as { trusted: string[] }
    expect(await rejection(listen('tcp://127.0.0.1:0', { proxyProtocol }))).toBeInstanceOf(TypeError)
  })
})

describe.skipIf(NO_HAPROXY)(`behind a real HAProxy${NO_HAPROXY ? ` (${NO_HAPROXY})` : ''}`, () => {
  test('the server sees the real client and its messages', async () => {
    const { server, accepted } = await setUp({ proxyProtocol: { trusted: ['127.0.0.1'] } })
    const port = await haproxyBefore((server.addresses[0] as { port: number }).port)
    const client = await within('connect', connect({ host: '127.0.0.1', port }))
    onTestFinished(() => client.destroy())
    expect(await ask(client, 'hello')).toBe('hello')
    const seen = accepted.find((connection) => JSON.stringify(connection.remote) === JSON.stringify(client.local))
    expect(seen?.local).toEqual(client.remote)
  })

  test.skipIf(NO_OPENSSL)('TLS passes through it (needs openssl)', async () => {
    const { server, accepted } = await setUp({ tls: certificates().server })
    const port = await haproxyBefore((server.addresses[0] as { port: number }).port)
    const tls = { ca: certificates().ca, servername: 'localhost' }
    const client = await within('connect', connect({ host: '127.0.0.1', port }, { tls }))
    onTestFinished(() => client.destroy())
    expect(await ask(client, 'hello')).toBe('hello')
    expect(accepted.map((connection) => connection.remote)).toContainEqual(client.local)
  })
})
