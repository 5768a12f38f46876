// Reconnecting over real TCP: servers that restart, and what a thousand connections leave behind.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { until, within } from '@framewire/testkit'
import { expect, onTestFinished, test } from 'vitest'
import type { Address } from '../src/address.ts'
import type { Connection } from '../src/connection.ts'
import { createReconnector, type Reconnector, type ReconnectorOptions } from '../src/reconnector.ts'
import { listen, type Server } from '../src/server.ts'
import { bytesOf, text } from './messages.ts'
import { rawServer } from './raw-sockets.ts'

const FAST = { baseDelayMs: 1, minDelayMs: 1, maxDelayMs: 5 }

function reconnect(address: Address | Address[], options: ReconnectorOptions = FAST): Reconnector {
  const reconnector = createReconnector(address, options)
  onTestFinished(() => void reconnector.close({ timeoutMs: 1 }))
  return reconnector
}

async function echoServer(address: Address): Promise<Server> {
  const server = await within('listen', listen(address))
  server.on('connection', (connection) => connection.on('message', (message) => connection.send(message)))
  onTestFinished(async () => {
    for (const connection of server.connections) connection.destroy()
    await server.close()
  })
  return server
}

async function ask(connection: Connection, question: string): Promise<string> {
  const answered = once(connection, 'message')
  connection.send(bytesOf(question))
  const [answer] = (await within('an answer', answered)) as [Uint8Array]
  return text(answer)
}

test('a client outlives ten restarts of its server', async () => {
  let server = await echoServer('tcp://127.0.0.1:0')
  const address = server.addresses[0] as Exclude<Address, string>
  const reconnector = reconnect(address)
  for (let round = 0; round < 10; round++) {
    const connection = await within('ready', reconnector.ready())
    expect(await ask(connection, `round ${round}`)).toBe(`round ${round}`)
    for (const each of server.connections) each.destroy()
    await server.close()
    await within('lost', connection.closed)
    server = await echoServer(address)
  }
  await within('ready', reconnector.ready())
  expect(await within('close', reconnector.close())).toEqual({ error: undefined })
})

test('a client finds the one of three servers that is there', async () => {
  const { server: gone, port } = await rawServer(() => {})
  gone.close()
  await within('closed', once(gone, 'close'))
  const server = await echoServer('tcp://127.0.0.1:0')
  const dead: Address = { host: '127.0.0.1', port }
  const reconnector = reconnect([dead, dead, server.addresses[0] as Exclude<Address, string>])
  expect(await ask(await within('ready', reconnector.ready()), 'there?')).toBe('there?')
})

test('a thousand connections leave nothing behind', { timeout: 60_000 }, async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { port } = await rawServer((socket: Socket) => socket.destroy())
  const active = () => process.getActiveResourcesInfo().filter((name) => /TCPSocket|Timeout/.test(name)).length
  const before = active()
  const reconnector = reconnect({ host: '127.0.0.1', port })
  const connections: WeakRef<Connection>[] = []
  reconnector.on('connect', (connection) => connections.push(new WeakRef(connection)))
  const names = reconnector.eventNames().length
  await until('1,000 connections', () => connections.length >= 1_000, 50_000)
  expect(reconnector.eventNames().length).toBe(names)
  await within('close', reconnector.close())
  const alive = () => {
    collect()
    return connections.filter((connection) => connection.deref() !== undefined).length
  }
  await until('connections to be collected', () => alive() < 10)
  await until('sockets and timers to be gone', () => active() <= before)
})

test.each(['connecting', 'waiting', 'ready'])(
  'a process whose reconnector was closed while %s exits by itself',
  async (state) => {
    const server = createServer((socket) => socket.on('error', () => {}).resume())
    onTestFinished(() => void server.close())
    server.listen(0, '127.0.0.1')
    await within('listening', once(server, 'listening'))
    const { port } = server.address() as { port: number }
    if (state === 'waiting') server.close()
    const program = `
    import { createReconnector } from '@framewire/transport'
    const reconnector = createReconnector('tcp://127.0.0.1:${port}', { minDelayMs: 1e6, maxDelayMs: 1e6 })
    const close = () => reconnector.close().then(() => console.log('closed'))
    if ('${state}' === 'connecting') close()
    else reconnector.on('${state === 'ready' ? 'connect' : 'failure'}', close)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname })
    onTestFinished(() => void child.kill('SIGKILL'))
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    const [code] = await within('the exit', once(child, 'close'), 20_000)
    expect({ code, out, err }).toEqual({ code: 0, out: 'closed\n', err: '' })
  },
)
