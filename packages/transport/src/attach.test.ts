import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect as connectSocket } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { rejection, turn, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FakeChannel } from '../test/fake-channel.ts'
import { bytesOf, expectSame, frames, MiB, message, messages, text } from '../test/messages.ts'
import { rawServer, readToEnd, socketPair } from '../test/raw-sockets.ts'
import { echo, sendAll, take, takeAll } from '../test/traffic.ts'
import { type AttachOptions, attach } from './attach.ts'

const CLEAN = { error: undefined, unsentBytes: 0 }

function join(channel: Duplex, options?: AttachOptions) {
  const connection = attach(channel, options)
  onTestFinished(() => connection.destroy())
  return connection
}

describe('over a socket', () => {
  test('that was accepted elsewhere: echoes, and knows both ends', async () => {
    const [socket, peer] = await socketPair()
    const [one, other] = [join(socket), join(peer)]
    expect([one.local, one.remote]).toEqual([other.remote, other.local])
    expect(one.remote).toEqual({ host: '127.0.0.1', port: socket.remotePort })
    void echo(other)
    const payloads = messages([0, 1, 5000, MiB, 7])
    await sendAll(one, payloads)
    expectSame(await take(one, payloads.length), payloads)
    expect(await within('close', one.close())).toMatchObject(CLEAN)
    expect(await within('closed', other.closed)).toMatchObject(CLEAN)
  })

  test('that half-closes, where Node would end the other direction: every reply arrives', async () => {
    const { server, port } = await rawServer(() => {})
    // @types/node does not say that a listening server may be told so.
    ;(server as unknown as { allowHalfOpen: boolean }).allowHalfOpen = false
    const accepted = once(server, 'connection')
    const peer = connectSocket({ host: '127.0.0.1', port, allowHalfOpen: true })
    const connection = join((await within('accepted', accepted))[0])
    peer.end(frames('a', 'b', 'c'))
    const replies = readToEnd(peer)
    for await (const question of connection) {
      for (let count = 0; count < 5; count++) await turn()
      connection.send(question)
    }
    expect(Buffer.compare(await replies, frames('a', 'b', 'c'))).toBe(0)
    expect(await within('closed', connection.closed)).toMatchObject(CLEAN)
  })

  test('that the kernel gives up: CONNECTION_RESET, for connecting was over long ago', async () => {
    const [socket] = await socketPair()
    const connection = join(socket)
    const gaveUp = Object.assign(new Error('read ETIMEDOUT'), { code: 'ETIMEDOUT' })
    socket.destroy(gaveUp)
    const { error } = await within('closed', connection.closed)
    expect(error).toMatchObject({ code: 'CONNECTION_RESET', retryable: true, cause: gaveUp })
  })

  test('that still connects: what is sent waits', async () => {
    const { port } = await rawServer((socket) => socket.pipe(socket))
    const connection = join(connectSocket({ host: '127.0.0.1', port }))
    connection.send(bytesOf('early'))
    expect(connection.state).toBe('connecting')
    expect((await take(connection, 1)).map(text)).toEqual(['early'])
    expect(connection.state).toBe('open')
  })

  test('that cannot connect: closes with the reason, and keeps count of what was not sent', async () => {
    const { server, port } = await rawServer(() => {})
    server.close()
    await within('closed', once(server, 'close'))
    const connection = join(connectSocket({ host: '127.0.0.1', port }))
    connection.send(bytesOf('early'))
    const info = await within('closed', connection.closed)
    expect(info).toMatchObject({ error: { code: 'CONNECT_REFUSED' }, unsentBytes: 9 })
  })

  test('whose first bytes somebody else has read and put back: nothing is lost', async () => {
    const [socket, peer] = await socketPair()
    peer.write(Buffer.concat([Buffer.from('HELLO\n'), frames('a', 'b')]))
    socket.on('readable', function greet() {
      const head = socket.read() as Buffer | null
      if (head === null) return
      socket.off('readable', greet)
      socket.unshift(head.subarray(6))
      socket.emit('greeted')
    })
    await within('the greeting', once(socket, 'greeted'))
    expect((await take(join(socket), 2)).map(text)).toEqual(['a', 'b'])
  })
})

test('over TLS sockets made by hand: echoes, and half-closes without loss', async () => {
  // A key that both know instead of certificates, which would have to be made first.
  const psk = Buffer.alloc(32, 7)
  const common = { ciphers: 'PSK+HIGH', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
  const server = createTlsServer({ ...common, pskCallback: () => psk })
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await within('listening', once(server, 'listening'))
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'secureConnection')
  const checkServerIdentity = () => undefined
  const pskCallback = () => ({ psk, identity: 'client' })
  const client = join(connectTls({ ...common, port, host: '127.0.0.1', pskCallback, checkServerIdentity }))
  const other = join((await within('accepted', accepted))[0])
  void echo(other)
  const payloads = messages([0, 1, 5000, MiB, 7])
  for (const payload of payloads) client.send(payload)
  const closed = client.close()
  expectSame(await takeAll(client), payloads)
  expect(await within('close', closed)).toMatchObject(CLEAN)
  expect(await within('closed', other.closed)).toMatchObject(CLEAN)
})

test('over the stdio of a process: echoes, and the process ends when the connection does', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.pipe(process.stdout)'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const connection = join(Duplex.from({ readable: child.stdout, writable: child.stdin }))
  const payloads = messages([3, 0, 100_000, MiB, 1])
  const sending = sendAll(connection, payloads)
  expectSame(await take(connection, payloads.length), payloads)
  await sending
  expect(await within('close', connection.close())).toMatchObject(CLEAN)
  expect(await within('exit', exited)).toEqual([0, null])
})

test('over a process that is killed: the connection ends', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin })
  // Node destroys stdin when the process ends. Where that crosses our end, `Duplex.from` never finishes: then the deadline ends it.
  const connection = join(stream, { closeTimeoutMs: 200 })
  connection.on('message', () => {})
  child.kill('SIGKILL')
  await within('closed', connection.closed)
  expect(connection.state).toBe('closed')
})

test('over streams that keep the buffers they are given: messages stay what they were', async () => {
  const [up, down] = [new PassThrough({ highWaterMark: 2 ** 22 }), new PassThrough()]
  const sender = join(Duplex.from({ readable: down, writable: up }))
  const payloads = messages(new Array(3_000).fill(50))
  for (const payload of payloads) {
    sender.send(payload)
    await sender.flush()
  }
  // Only now does somebody read: by then each slab of the sender has been used many times.
  const receiver = join(Duplex.from({ readable: up, writable: down }))
  const received = takeAll(receiver)
  await within('close', sender.close())
  expectSame(await received, payloads)
})

test('over a byte channel of your own, with both ends as they are given', () => {
  const channel = new FakeChannel()
  const ends = { local: { path: 'here' }, remote: { host: 'there', port: 1 } }
  const connection = attach(channel, { ...ends, sendHighWaterMark: 10 })
  expect([connection.local, connection.remote]).toEqual([ends.local, ends.remote])
  expect(connection.send(new Uint8Array(20))).toBe(false)
  expect(attach(new FakeChannel()).remote).toEqual({ path: '' })
})

describe('refuses', () => {
  test.each<[string, unknown]>([
    ['an object', {}],
    ['a stream that only reads', { on() {}, pipe() {} }],
  ])('%s', (_, channel) => {
    expect(() => attach(channel as Duplex)).toThrow(new TypeError('attach needs a Duplex or a ByteChannel'))
  })

  test('to attach the same channel twice', () => {
    for (const channel of [new FakeChannel(), new PassThrough()]) {
      join(channel as Duplex)
      expect(() => attach(channel as Duplex)).toThrow(new TypeError('the channel is attached to a connection already'))
    }
  })

  test('a wrong option, and leaves the stream alone', () => {
    const stream = new PassThrough()
    expect(() => attach(stream, { sendHighWaterMark: 0 })).toThrow(RangeError)
    expect(stream.listenerCount('data')).toBe(0)
    join(stream)
  })
})

describe('what is sent on a stream that is lost, which its connection has not heard yet,', () => {
  const setUpLost = () => {
    const stream = new Duplex({ read() {}, write() {} })
    return { stream, connection: attach(stream, { allowHalfOpen: true }) }
  }

  test('is not with the kernel: it counts as unsent, and flush rejects', async () => {
    const { stream, connection } = setUpLost()
    stream.destroy()
    connection.send(message(0, 96))
    const flushed = rejection(connection.flush())
    expect(connection.stats()).toMatchObject({ bytesSent: 0, bytesQueued: 100 })
    expect(await flushed).toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect((await connection.closed).unsentBytes).toBe(100)
  })

  test('is told as unsent also by destroy', async () => {
    const { stream, connection } = setUpLost()
    stream.destroy()
    connection.send(message(0, 96))
    void rejection(connection.flush())
    connection.destroy()
    expect((await connection.closed).unsentBytes).toBe(100)
  })

  test('makes no clean end when the peer has ended', async () => {
    const { stream, connection } = setUpLost()
    stream.push(null)
    await within('the end of the peer', once(connection, 'end'))
    stream.destroy()
    connection.send(message(0, 96))
    expect(await connection.close()).toMatchObject({ unsentBytes: 100, error: { code: 'CONNECTION_CLOSED' } })
  })
})
