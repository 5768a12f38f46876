// HTTP/2 and TLS against what is in Node itself: nghttp2 as server and as client, and the records OpenSSL writes.

import { once } from 'node:events'
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2'
import { createServer, type Server, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, createServer as createTls } from 'node:tls'
import { decodeAll, encode } from '@framewire/codec'
import { afterEach, describe, expect, test } from 'vitest'
import { frameHeader, http2Frames, http2Preface } from '../../src/protocols/http2.ts'
import { tlsRecords } from '../../src/protocols/tls.ts'
import { FrameClient } from './frame-client.ts'
import { SEED } from './random-source.ts'
import { connectTo } from './server-process.ts'
import { concat, hex, utf8 } from './vectors.ts'

const opened: { close: () => unknown }[] = []
afterEach(() => {
  for (const each of opened.splice(0)) each.close()
})

async function listen<S extends { listen: Server['listen']; address: Server['address'] } & NodeJS.EventEmitter>(
  server: S,
): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const [DATA, HEADERS, SETTINGS] = [0, 1, 4]
const [ACK, END_STREAM, END_HEADERS] = [1, 1, 4]
const frames = http2Frames()

describe(`HTTP/2, Node ${process.versions.node} with nghttp2 ${process.versions.nghttp2} (seed ${SEED})`, () => {
  test('our preface and frames are a request that its server answers', async () => {
    const body = utf8('framewire '.repeat(5_000)) // more than three frames
    const server = createHttp2().on('stream', (stream) => {
      stream.respond({ ':status': 200 })
      stream.end(body)
    })
    const client = new FrameClient(await connectTo(await listen(server)), frames)
    opened.push(client, server)
    const block = concat(hex('82 86 84 41 09'), utf8('framewire')) // GET, http, /, authority (RFC 7541 appendix A)
    const preface = encode(http2Preface, hex(''))
    const settings = encode(frames, hex(''), frameHeader(SETTINGS, 0, 0))
    const request = encode(frames, block, frameHeader(HEADERS, END_STREAM | END_HEADERS, 1))
    await client.send(concat(preface, settings, request), 5)
    const parts: Uint8Array[] = []
    for (let flags = 0; (flags & END_STREAM) === 0; ) {
      const frame = await client.next()
      const type = frame[3]
      if (type === HEADERS) expect(frame[9]).toBe(0x88) // :status 200
      if (type !== DATA) continue
      parts.push(frame.subarray(9))
      flags = frame[4] as number
    }
    expect(Buffer.compare(concat(...parts), body)).toBe(0)
  })

  test('what its client sends are a preface and frames', async () => {
    const server = createServer()
    const port = await listen(server)
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', () => {})
    session.request({ ':path': '/framewire' }).on('error', () => {})
    const [socket] = await accepted
    const client = new FrameClient(socket, http2Preface)
    opened.push(client, server, { close: () => session.destroy() })
    expect(await client.next()).toEqual(hex(''))
    client.setFraming(frames)
    await client.send(encode(frames, hex(''), frameHeader(SETTINGS, 0, 0)))
    const seen: string[] = []
    while (!seen.includes(`${SETTINGS}/${ACK}`)) {
      const [, , , type, flags] = await client.next()
      seen.push(`${type}/${flags}`)
    }
    expect(seen[0]).toBe(`${SETTINGS}/0`)
    expect(seen).toContain(`${HEADERS}/${END_STREAM | END_HEADERS}`)
  })
})

describe(`TLS records, OpenSSL ${process.versions.openssl}`, () => {
  // With a pre-shared key there is no certificate to make.
  const psk = Buffer.alloc(16, 7)
  const common = { ciphers: 'PSK-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256', minVersion: 'TLSv1.2' } as const

  /** All that both sides of a connection wrote, seen from a proxy between them. */
  async function capture(
    version: 'TLSv1.2' | 'TLSv1.3',
    sent: Uint8Array,
  ): Promise<Record<'client' | 'server', Buffer>> {
    const written = { client: [] as Buffer[], server: [] as Buffer[] }
    const server = createTls({ ...common, maxVersion: version, pskCallback: () => psk }, (socket) =>
      socket.pipe(socket),
    )
    const serverPort = await listen(server)
    const proxy = createServer(async (fromClient) => {
      const toServer = await connectTo(serverPort)
      fromClient.on('data', (chunk) => written.client.push(chunk)).pipe(toServer)
      toServer.on('data', (chunk) => written.server.push(chunk)).pipe(fromClient)
    })
    opened.push(server, proxy)
    const options: ConnectionOptions = {
      ...common,
      maxVersion: version,
      port: await listen(proxy),
      host: '127.0.0.1',
      checkServerIdentity: () => undefined,
      pskCallback: () => ({ psk, identity: 'framewire' }),
    }
    const client = connectTls(options)
    client.write(sent)
    let missing = sent.length
    for await (const chunk of client) {
      missing -= (chunk as Buffer).length
      if (missing === 0) client.end()
    }
    expect(missing).toBe(0)
    return { client: Buffer.concat(written.client), server: Buffer.concat(written.server) }
  }

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    '%s: a connection is whole records in both directions',
    async (version) => {
      const { client, server } = await capture(version, new Uint8Array(100_000))
      const framing = tlsRecords(version === 'TLSv1.2' ? '1.2' : '1.3')
      for (const bytes of [client, server]) {
        const records = decodeAll(framing, bytes)
        expect(Buffer.compare(concat(...records), bytes)).toBe(0)
        expect(records[0]?.[0]).toBe(22) // handshake
        const carried = records.filter(([type]) => type === 23).reduce((sum, { length }) => sum + length - 5, 0)
        expect(carried).toBeGreaterThan(100_000)
      }
    },
  )
})
