import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { certificates, NO_OPENSSL, rejection, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Address } from '../src/address.ts'
import { connect } from '../src/connect.ts'
import type { Connection } from '../src/connection.ts'
import { listen } from '../src/server.ts'
import type { ClientTlsOptions, ServerTlsOptions } from '../src/tls-options.ts'
import { frames } from './messages.ts'
import { rawConnect, rawServer } from './raw-sockets.ts'
import { ask, handles, isCutOff, tlsServer } from './tls-ends.ts'

const suite = describe.skipIf(NO_OPENSSL)
const skipped = NO_OPENSSL ? ` (${NO_OPENSSL})` : ''

suite(`both ends of a TLS connection${skipped}`, () => {
  test('talk, and know what was agreed on', async () => {
    const { server, connect } = await tlsServer({ ALPNProtocols: ['b', 'a'] })
    const accepted = once(server, 'connection')
    const client = await connect({ ALPNProtocols: ['a', 'b'] })
    expect(await ask(client, 'hello')).toBe('hello')
    expect(client.tls).toMatchObject({
      authorized: true,
      protocol: 'TLSv1.3',
      alpnProtocol: 'b',
      servername: 'localhost',
    })
    expect(client.tls?.authorizationError).toBeUndefined()
    expect(client.tls?.cipher).toMatch(/^TLS_/)
    expect(client.tls?.peerCertificate?.subject.CN).toBe('server')
    const [connection] = (await accepted) as [Connection]
    expect(connection.tls).toMatchObject({ authorized: false, alpnProtocol: 'b', servername: 'localhost' })
    expect(connection.tls?.peerCertificate).toBeUndefined()
    expect(connection.remote).toEqual(client.local)
  })

  test('know the client by its certificate, also after the end if it was asked for before', async () => {
    const { ca, client: identity } = certificates()
    const { server, connect } = await tlsServer({ ca })
    const accepted = once(server, 'connection')
    const client = await connect(identity)
    const [connection] = (await accepted) as [Connection]
    expect(connection.tls).toMatchObject({ authorized: true, peerCertificate: { subject: { CN: 'client' } } })
    client.destroy()
    await within('closed', connection.closed)
    expect(connection.tls?.peerCertificate?.subject.CN).toBe('client')
    expect(client.tls?.peerCertificate).toBeUndefined()
  })

  test('lose nothing that the server sends at once, right behind its handshake', async () => {
    const { server, connect } = await tlsServer()
    server.on('connection', (connection) => {
      for (let count = 0; count < 3; count++) connection.send(Buffer.from(String(count)))
    })
    for (let round = 0; round < 40; round++) {
      const client = await connect()
      const got: string[] = []
      client.on('message', (message) => got.push(Buffer.from(message).toString()))
      await until('three messages', () => got.length === 3)
      expect(got).toEqual(['0', '1', '2'])
      client.destroy()
    }
  })

  test('a plain address of the same server stays plain', async () => {
    const { server: identity, ca } = certificates()
    const addresses = [{ host: '127.0.0.1', port: 0, tls: false }, 'tls://127.0.0.1:0']
    const server = await listen(addresses, { tls: identity }, (connection) => {
      connection.on('message', (message) => connection.send(message))
    })
    onTestFinished(async () => void (await server.close({ drainTimeoutMs: 100 })))
    const [plain, secure] = server.addresses as { host: string; port: number }[]
    const clients = await Promise.all([
      connect(plain as Address),
      connect({ ...(secure as { port: number }), tls: true }, { tls: { ca } }),
    ])
    for (const client of clients) onTestFinished(() => client.destroy())
    expect(await Promise.all(clients.map((client) => ask(client, 'a')))).toEqual(['a', 'a'])
    expect(clients.map((client) => client.tls?.authorized)).toEqual([undefined, true])
  })
})

const fails: [string, () => ServerTlsOptions, () => ClientTlsOptions, RegExp][] = [
  ['by an authority that is not trusted', () => ({}), () => ({ ca: certificates().otherCa }), /unable to|self-signed/],
  ['that is out of date', () => certificates().expired, () => ({}), /certificate has expired/],
  ['for another name', () => certificates().otherName, () => ({}), /Hostname\/IP does not match/],
  ['for another name than servername', () => ({}), () => ({ servername: 'wrong.test' }), /does not match/],
  ['without a common protocol', () => ({ ALPNProtocols: ['a'] }), () => ({ ALPNProtocols: ['b'] }), /no application/],
  ['without a common version', () => ({ maxVersion: 'TLSv1.2' }), () => ({ minVersion: 'TLSv1.3' }), /version/],
]

suite(`a handshake that cannot be${skipped}`, () => {
  test.each(fails)('with a server %s is TLS_ERROR for the client, and both sockets are gone', async (...row) => {
    const [, serverTls, clientTls, message] = row
    const { server, connect } = await tlsServer(serverTls())
    const before = handles()
    const error = { code: 'TLS_ERROR', message: expect.stringMatching(message), retryable: false }
    expect(await rejection(connect(clientTls()))).toMatchObject(error)
    await until('the sockets are gone', () => handles().length <= before.length && server.stats().pending === 0)
    expect(server.stats().live).toBe(0)
  })

  test('because the server ends at once is CONNECTION_RESET, worth another try', async () => {
    const { port } = await rawServer((socket) => socket.end())
    const error = { code: 'CONNECTION_RESET', retryable: true }
    expect(await rejection(connect(`tls://127.0.0.1:${port}`))).toMatchObject(error)
  })

  test('because the client ends at once is dropped at once', async () => {
    const { server, port, drops } = await tlsServer()
    const socket = await rawConnect({ host: '127.0.0.1', port })
    socket.end(Uint8Array.of(0x16, 0x03))
    await until('the drop', () => drops.length === 1)
    expect(server.stats()).toMatchObject({ pending: 0, dropped: { TLS_ERROR: 1 } })
  })

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    /** A client whose certificate is wrong. With TLS 1.3 it is done before the server has looked at it. */
    const refused = async (identity: () => ClientTlsOptions) => {
      const { server, connect, drops } = await tlsServer({ ca: certificates().ca })
      const before = handles()
      const connecting = connect({ ...identity(), maxVersion: version })
      const ended = connecting.then(
        async (connection) => (await connection.closed).error,
        (error) => error,
      )
      const error = await within('the end', ended)
      await until('the drop', () => drops.length > 0)
      await until('the sockets are gone', () => handles().length <= before.length)
      expect(server.stats()).toEqual({
        pending: 0,
        live: 0,
        accepted: 0,
        dropped: { TLS_ERROR: 1 },
        closed: {},
        bytesQueued: 0,
      })
      return { error, drops }
    }

    test(`with a client without a certificate is TLS_ERROR for both (${version})`, async () => {
      const { error, drops } = await refused(() => ({}))
      const message = expect.stringMatching(/certificate required|handshake failure/)
      expect(error).toMatchObject({ name: 'TransportError', code: 'TLS_ERROR', message })
      expect(drops).toEqual([expect.stringMatching(/^TLS_ERROR TLS handshake: .*peer did not return a certificate/)])
    })

    test(`with a client with a certificate by somebody else is dropped before anything is read (${version})`, async () => {
      const { drops } = await refused(() => certificates().stranger)
      expect(drops).toEqual([expect.stringMatching(/^TLS_ERROR TLS handshake: .*no valid client certificate/)])
    })
  }

  // Enough for the one that is in earnest, on a busy machine too.
  const handshakeTimeoutMs = 1_500
  const puppets: [string, Uint8Array, RegExp][] = [
    ['says nothing', new Uint8Array(0), /not done within 1500 ms/],
    ['sends one byte of a ClientHello', Uint8Array.of(0x16), /not done within 1500 ms/],
    ['sends a message before any handshake', frames('early'), /wrong version|packet length|record/],
    ['speaks no TLS', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /http request|wrong version/],
  ]
  test.each(puppets)('with a client that %s ends in time, and others are served', async (_, bytes, message) => {
    const { server, connect, port, drops } = await tlsServer({}, { handshakeTimeoutMs })
    const sockets = await Promise.all(Array.from({ length: 20 }, () => rawConnect({ host: '127.0.0.1', port })))
    const cutOff = sockets.map(isCutOff)
    for (const socket of sockets) if (bytes.length > 0) socket.write(bytes)
    expect(await ask(await connect(), 'a')).toBe('a')
    await within('all are cut off', Promise.all(cutOff))
    await until('20 drops', () => drops.length === 20)
    for (const drop of drops) expect(drop).toMatch(message)
    expect(server.stats()).toMatchObject({ pending: 0, live: 1, accepted: 1, dropped: { TLS_ERROR: 20 } })
  })

  test('with a server that says nothing is CONNECT_TIMEOUT after handshakeTimeoutMs', async () => {
    const { port } = await rawServer(() => {})
    const before = handles()
    expect(await rejection(connect(`tls://127.0.0.1:${port}`, { handshakeTimeoutMs: 100 }))).toMatchObject({
      code: 'CONNECT_TIMEOUT',
      message: `tls://127.0.0.1:${port} did not finish its TLS handshake within 100 ms`,
    })
    const all = { code: 'CONNECT_TIMEOUT', message: `tls://127.0.0.1:${port} did not answer within 100 ms` }
    expect(await rejection(connect(`tls://127.0.0.1:${port}`, { connectTimeoutMs: 100 }))).toMatchObject(all)
    await until('the sockets are gone', () => handles().length <= before.length + 2)
  })

  test('with a server that speaks no TLS is TLS_ERROR in the words of OpenSSL', async () => {
    const { port } = await rawServer((socket) => socket.end('220 mail.test ESMTP\r\n'))
    const error = { code: 'TLS_ERROR', message: expect.stringMatching(/wrong version number|packet length/) }
    expect(await rejection(connect(`tls://127.0.0.1:${port}`))).toMatchObject(error)
  })

  test('verifies with the authorities of Node where no option is given', async () => {
    const { port } = await tlsServer()
    expect(await rejection(connect(`tls://127.0.0.1:${port}`))).toMatchObject({ code: 'TLS_ERROR' })
  })
})

test.skipIf(NO_OPENSSL)(
  `a thousand connects, aborted at any moment, leak no socket and no timer${skipped}`,
  async () => {
    const { server, connect } = await tlsServer()
    const before = handles()
    const outcomes = { connected: 0, aborted: 0 }
    const attempt = async (number: number) => {
      const controller = new AbortController()
      const connecting = connect({}, { signal: controller.signal })
      if (number % 5 === 1) controller.abort()
      else if (number % 5 === 2) setImmediate(() => controller.abort())
      else if (number % 5 > 2) setTimeout(() => controller.abort(), number % 17)
      try {
        const connection = await connecting
        outcomes.connected++
        connection.destroy()
        await connection.closed
      } catch (error) {
        expect(error).toMatchObject({ code: 'ABORTED' })
        outcomes.aborted++
      }
    }
    for (let round = 0; round < 50; round++) {
      await within('20 attempts', Promise.all(Array.from({ length: 20 }, (_, index) => attempt(round * 20 + index))))
    }
    expect(outcomes.connected + outcomes.aborted).toBe(1000)
    expect(outcomes.aborted).toBeGreaterThanOrEqual(400)
    expect(outcomes.connected).toBeGreaterThanOrEqual(200)
    await until('every handle is gone', () => handles().length <= before.length && server.stats().pending === 0)
    const { pending, live, accepted, dropped, closed } = server.stats()
    expect({ pending, live }).toEqual({ pending: 0, live: 0 })
    const sum = (counts: object) => Object.values(counts).reduce((total: number, count) => total + count, 0)
    expect(sum(closed)).toBe(accepted)
    expect(accepted + sum(dropped)).toBeLessThanOrEqual(1000)
  },
)

suite(`what an application's TLS callback throws fails one handshake only${skipped}`, () => {
  const mistake = new Error('mine')
  const fail = () => {
    throw mistake
  }
  const rows: [string, ServerTlsOptions][] = [
    ['SNICallback', { SNICallback: fail }],
    ['an async SNICallback', { SNICallback: async () => fail() }],
    [
      'an SNICallback that answers before it throws twice',
      { SNICallback: (_, done) => [done(mistake), done(mistake), fail()] },
    ],
    ['ALPNCallback', { ALPNCallback: fail }],
    ['an ALPNCallback that answers what was not offered', { ALPNCallback: () => 'other' }],
  ]
  test.each(rows)('%s', async (_, tls) => {
    const { server, drops } = await tlsServer(tls)
    process.on('warning', () => {})
    for (let count = 1; count <= 3; count++) {
      const { port } = server.addresses[0] as { port: number }
      const socket = connectTls({
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        ALPNProtocols: ['a'],
        ca: certificates().ca,
      })
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {})
      await within('cut off', isCutOff(socket))
      await until('the drop', () => drops.length === count)
    }
    expect(server.stats()).toMatchObject({ pending: 0, live: 0, dropped: { TLS_ERROR: 3 } })
  })

  test('checkServerIdentity', async () => {
    const { connect } = await tlsServer()
    const error = { code: 'ABORTED', message: 'mine', cause: mistake }
    expect(await rejection(connect({ checkServerIdentity: fail }))).toMatchObject(error)
  })
})

suite(`updateTls${skipped}`, () => {
  const nameOf = (connection: Connection) => connection.tls?.peerCertificate?.subject.CN

  test('changes the certificate for new connections and leaves the others alone', async () => {
    const { server, connect } = await tlsServer()
    const old = await connect()
    server.updateTls(certificates().renewed)
    expect(nameOf(await connect())).toBe('renewed')
    expect(nameOf(old)).toBe('server')
    expect(await ask(old, 'a')).toBe('a')
  })

  test('keeps what it does not name: whose clients are taken', async () => {
    const { ca, client, stranger, renewed } = certificates()
    const { server, connect, drops } = await tlsServer({ ca })
    server.updateTls({ ...renewed, ca: undefined as never })
    expect(await ask(await connect(client), 'a')).toBe('a')
    await connect(stranger).catch(() => {})
    await until('a drop', () => drops.length === 1)
  })

  test('throws for what cannot be used, and the old certificate holds', async () => {
    const { server, connect } = await tlsServer()
    const { key } = certificates().client
    expect(() => server.updateTls({ key })).toThrow(TypeError)
    expect(() => server.updateTls({ cert: 'nonsense' })).toThrow(/^tls: /)
    expect(nameOf(await connect())).toBe('server')
  })
})
