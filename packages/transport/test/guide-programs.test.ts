// The programs of docs/transport.md, as they stand there, as processes: alone, with each other, behind a real HAProxy.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectSocket, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { certificates, type Identity, NO_OPENSSL, within } from '@framewire/testkit'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { hasReusePort } from '../src/listener.ts'
import { finish, guide, outputOf, programOf, startProgram } from './guides.ts'
import { haproxyBefore, NO_HAPROXY } from './haproxy.ts'
import type { Run } from './processes.ts'
import { rawConnect } from './raw-sockets.ts'

const GUIDE = guide('docs/transport.md')
const ANY_PORT = 'tcp://127.0.0.1:0'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewire-programs-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

const start = (name: string, ...args: string[]): Run => startProgram(programOf(GUIDE, name), args)
const output = (name: string, ...args: string[]): Promise<string[]> => outputOf(programOf(GUIDE, name), args)

/** Ends a server as an operator would; what it still printed. */
async function stop(server: Run): Promise<string[]> {
  server.child.kill('SIGTERM')
  return finish(server)
}

test('echo: what the client sends comes back, and both end by themselves', async () => {
  const server = start('echo-server.mjs', ANY_PORT)
  expect(await output('echo-client.mjs', await server.nextLine())).toEqual(['hello', 'world'])
  expect(await stop(server)).toEqual([])
})

test('a file arrives as it is; an empty one too', async () => {
  for (const bytes of [randomBytes(3_000_000), Buffer.alloc(0)]) {
    const [from, to] = [join(folder, 'from'), join(folder, 'to')]
    writeFileSync(from, bytes)
    const receiver = start('receive-file.mjs', to, ANY_PORT)
    expect(await output('send-file.mjs', from, await receiver.nextLine())).toEqual(['sent'])
    expect(await finish(receiver)).toEqual([`${bytes.length} bytes`])
    expect(readFileSync(to).equals(bytes)).toBe(true)
  }
})

test('a file whose sender ends too early is not taken for a whole one', async () => {
  const receiver = start('receive-file.mjs', join(folder, 'to'), ANY_PORT)
  const [, host, port] = /\/([\d.]+):(\d+)/.exec(await receiver.nextLine()) ?? []
  const sender = await rawConnect({ host, port: Number(port) })
  sender.end(Buffer.concat([frame('100'), frame('too short')]))
  expect(await finish(receiver)).toEqual(['not received: 9 of 100 bytes arrived'])
})

function frame(text: string): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(text.length)
  return Buffer.concat([header, Buffer.from(text)])
}

const HAS_REUSE_PORT = hasReusePort(process.versions.node) && process.platform === 'linux'

test.each(['unix', 'tcp'])(
  'a restart on %s: every answer that was sent arrives, and no request stays unanswered',
  async (kind) => {
    const first = start('worker.mjs', kind === 'unix' ? `unix:${join(folder, 'w.sock')}` : ANY_PORT)
    const address = await first.nextLine()
    const client = start('asker.mjs', address)
    const answers: string[] = []
    while (answers.length < 30) answers.push(await client.nextLine())
    const second = start('worker.mjs', address)
    // With reusePort the new worker listens beside the old one; otherwise it waits for it to go.
    const isBeside = kind === 'tcp' && HAS_REUSE_PORT
    if (isBeside) expect(await second.nextLine()).toBe(address)
    const [before] = await stop(first)
    if (!isBeside) expect(await second.nextLine()).toBe(address)
    const isBy = (worker: Run) => (answer: string) => answer.endsWith(` by ${worker.child.pid}`)
    while (!answers.some(isBy(second))) answers.push(await client.nextLine())
    answers.push(...(await stop(client)))
    const [after] = await stop(second)
    const requests = answers.map((answer) => answer.replace(/ by \d+$/, ''))
    expect(requests).toEqual(answers.map((_, number) => `request ${number}`))
    // Each worker has answered all that it read, and the client has seen each of these answers.
    const count = (worker: Run) => answers.filter(isBy(worker)).length
    expect(before).toBe(`answered ${count(first)} of ${count(first)}`)
    expect(after).toBe(`answered ${count(second)} of ${count(second)}`)
  },
)

test.skipIf(NO_HAPROXY)(`behind HAProxy the client is seen${NO_HAPROXY ? ` (${NO_HAPROXY})` : ''}`, async () => {
  const server = start('behind-proxy.mjs', ANY_PORT)
  const port = Number((await server.nextLine()).split(':').at(-1))
  const socket = await rawConnect({ host: '127.0.0.1', port: await haproxyBefore(port) })
  const [chunk] = (await within('the greeting', once(socket, 'data'))) as [Buffer]
  expect(chunk.subarray(4).toString()).toBe(`you are tcp://127.0.0.1:${socket.localPort}`)
  socket.destroy()
  expect(await stop(server)).toEqual([])
})

test.skipIf(NO_OPENSSL)(`TLS: a new certificate on SIGHUP${NO_OPENSSL ? ` (${NO_OPENSSL})` : ''}`, async () => {
  const { ca, server: first, renewed } = certificates()
  const file = (name: string) => join(folder, name)
  const write = ({ cert, key }: Identity) => {
    writeFileSync(file('cert.pem'), cert)
    writeFileSync(file('key.pem'), key)
  }
  writeFileSync(file('ca.pem'), ca)
  write(first)
  const server = start('tls-server.mjs', file('cert.pem'), file('key.pem'), ANY_PORT)
  const address = await server.nextLine()
  const reload = () => {
    server.child.kill('SIGHUP')
    return server.nextLine()
  }
  const seen = async () => (await output('tls-client.mjs', file('ca.pem'), 'localhost', address)).join()
  const before = await seen()
  expect(before).toMatch(/^TLSv1\.3 ([0-9A-F]{2}:){31}/)
  writeFileSync(file('cert.pem'), 'no certificate')
  expect(await reload()).toMatch(/^the old certificate stays: /)
  expect(await seen()).toBe(before)
  write(renewed)
  expect(await reload()).toBe('new certificate')
  expect(await seen()).not.toBe(before)
  expect(await stop(server)).toEqual([])
})

test('chat: everybody reads everybody, with \\n of nc and \\r\\n of telnet', async () => {
  const server = start('chat.mjs', ANY_PORT)
  const port = Number((await server.nextLine()).split(':').at(-1))
  const [one, two] = [await guest(port), await guest(port)]
  await one.sees(/is here$/)
  await one.sees(/is here$/)
  const [, name = ''] = (await two.sees(/^(.*) is here$/)) ?? []
  one.socket.write('hello\n')
  await two.sees(/: hello$/)
  two.socket.write('good day\r\n')
  await one.sees(new RegExp(`^${name}: good day$`))
  two.socket.write('not a line\r\r\nmore\n')
  await one.sees(/: not a line$/)
  await one.sees(/: more$/)
  two.socket.end('last words')
  await one.sees(/: last words$/)
  await one.sees(new RegExp(`^${name} has left$`))
  one.socket.end()
  expect(await stop(server)).toEqual([])
})

interface Guest {
  socket: Socket
  /** The next line that matches; those in front of it are passed over. */
  sees(pattern: RegExp): Promise<RegExpExecArray>
}

async function guest(port: number): Promise<Guest> {
  const socket = connectSocket({ host: '127.0.0.1', port }).on('error', () => {})
  onTestFinished(() => void socket.destroy())
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  await within('connect', once(socket, 'connect'))
  return {
    socket,
    async sees(pattern) {
      for (;;) {
        const { value, done } = await within(`a line like ${pattern}`, lines.next())
        if (done) throw new Error(`the server ended before ${pattern}`)
        const match = pattern.exec(value)
        if (match) return match
      }
    },
  }
}
