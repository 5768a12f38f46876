// The programs of the tutorial that serve and the one that calls them, run together as people run them.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { findProgram } from '../protocols/server-process.ts'
import { documented, shape, TutorialProgram } from './tutorial-program.ts'

const ANY_PORT = 'tcp://127.0.0.1:0'
const nc = findProgram('nc')
const openssl = findProgram('openssl')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewire-tutorial-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function start(...args: string[]): Promise<{ server: TutorialProgram; address: string }> {
  const server = new TutorialProgram(...args)
  return { server, address: await server.address() }
}

function portOf(address: string): number {
  return Number(/\d+$/.exec(address)?.[0])
}

/** Types what it is given, one line when the last one was answered, then Ctrl-D. Returns what it printed. */
async function talk(address: string, lines: readonly string[], ...certificate: string[]): Promise<string> {
  const client = new TutorialProgram('line-client', address, ...certificate)
  await client.says('connected')
  for (const line of lines) {
    client.type(`${line}\n`)
    await client.says(`\n${line}\n`)
  }
  client.endInput()
  expect(await client.ended()).toBe(0)
  return client.stdout
}

describe('a: the echo server', () => {
  test('says who sent what, an IPv4 client under the address that an IPv6 socket sees', async () => {
    const { server, address } = await start('echo-server', 'tcp://:0')
    await talk(`tcp://127.0.0.1:${portOf(address)}`, ['hello', 'how are you?'])
    await server.says('has left')
    expect(await server.interrupt()).toBe(0)
    // A machine without IPv6 listens on 0.0.0.0 and shows the plain address.
    const plain = documented('echo-server')
      .replace('[::]', '0.0.0.0')
      .replaceAll(/\[::ffff:(.*?)\]:(\d+) \(.*?\)/g, '$1:$2')
    const expected = address.includes('[::]') ? documented('echo-server') : plain
    expect(shape(server.output)).toEqual(shape(expected))
  })

  test('tries again after a second while the port is in use, and then listens', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const server = new TutorialProgram('echo-server', `tcp://127.0.0.1:${(other.address() as AddressInfo).port}`)
    await server.says(/is in use, trying again in one second/)
    other.close()
    expect(await talk(await server.address(), ['hello'])).toBe('hello\n')
    expect(await server.interrupt()).toBe(0)
  })

  test('ends while it waits for the port, on Ctrl-C', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const server = new TutorialProgram('echo-server', `tcp://127.0.0.1:${(other.address() as AddressInfo).port}`)
    await server.says(/trying again/)
    expect(await server.interrupt()).toBe(0)
  })

  test.each([
    ['tcp://203.0.113.1:0', /^cannot listen: tcp:\/\/203\.0\.113\.1:0 .*EADDRNOTAVAIL/],
    ['8124', /^cannot listen: address must look like tcp:\/\/host:port.*got 8124\n$/],
  ])('says why it cannot listen on %s', async (address, message) => {
    const server = new TutorialProgram('echo-server', address)
    expect(await server.ended()).toBe(1)
    expect(server.output).toMatch(message)
  })

  test('understands telnet, and lives when a client resets in the middle of a line', async () => {
    const { server, address } = await start('echo-server', ANY_PORT)
    const socket = await rawClient(address)
    socket.write('hello\r\nhalf a li')
    expect(String((await once(socket, 'data'))[0])).toBe('hello\n')
    socket.resetAndDestroy()
    await server.says(/has left: .*ECONNRESET/)
    expect(await talk(address, ['still there'])).toBe('still there\n')
  })
})

async function rawClient(address: string): Promise<Socket> {
  const socket = connect(portOf(address), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

describe('b: the line client', () => {
  test('says a word when the server closes, and ends although its input is open', async () => {
    const { server, address } = await start('echo-server', ANY_PORT)
    const client = new TutorialProgram('line-client', address)
    await client.says('connected')
    for (const line of ['hello', 'how are you?']) {
      client.type(`${line}\n`)
      await client.says(`\n${line}\n`)
    }
    expect(await server.interrupt()).toBe(0)
    expect(await client.ended()).toBe(0)
    expect(shape(client.output)).toEqual(shape(documented('line-client')))
  })

  test('says that a connection was lost', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy())).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const client = new TutorialProgram('line-client', `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`)
    client.type('hello\n')
    expect(await client.ended()).toBe(1)
    expect(client.output).toContain('the connection was lost: read ECONNRESET')
  })

  test('ends on Ctrl-C', async () => {
    const { server, address } = await start('echo-server', ANY_PORT)
    const client = new TutorialProgram('line-client', address)
    await client.says('connected')
    expect(await client.interrupt()).toBe(0)
    await server.says('has left')
  })

  test('says why there is no connection', async () => {
    const client = new TutorialProgram('line-client', `unix:${join(folder, 'nobody.sock')}`)
    expect(await client.ended()).toBe(1)
    expect(client.output).toMatch(/^no connection to unix:.*ENOENT/)
  })

  test('sends a whole file, the last line without its newline too, and prints every reply before it ends', async () => {
    const { address } = await start('echo-server', ANY_PORT)
    const client = new TutorialProgram('line-client', address)
    client.type(FILE)
    client.endInput()
    expect(await client.ended()).toBe(0)
    expect(client.stdout === `${FILE}\n`).toBe(true)
  })

  if (nc === undefined) test.skip('nc: not run, it is not installed', () => {})
  else
    test('is not missed by nc, which sends a whole file too', async () => {
      const { server, address } = await start('echo-server', ANY_PORT)
      const file = join(folder, 'file.txt')
      writeFileSync(file, FILE)
      const args = [...endingOption(nc), '127.0.0.1', String(portOf(address))]
      const child = spawn(nc, args)
      onTestFinished(() => void child.kill('SIGKILL'))
      createReadStream(file).pipe(child.stdin)
      expect((await text(child.stdout)) === `${FILE}\n`).toBe(true)
      await server.says('has left')
      expect(await server.interrupt()).toBe(0)
    })
})

/** 20,000 lines of up to 100 characters, the last one without its newline. */
const FILE = Array.from({ length: 20_000 }, (_, number) => `${number} ${'é'.repeat(number % 90)}`).join('\n')

/** What makes this nc end its side behind its input: each has its own option, and some do it without. */
function endingOption(program: string): string[] {
  const { stdout, stderr } = spawnSync(program, ['-h'], { encoding: 'utf8', input: '' })
  if (/^\s*-N\b/m.test(stdout + stderr)) return ['-N']
  return /^\s*-q\b/m.test(stdout + stderr) ? ['-q', '1'] : []
}

describe('c: the server on a unix socket', () => {
  test('lets its user in alone, replaces what was left behind, refuses to run twice, and removes its file', async () => {
    const path = join(folder, 'echo.sock')
    const { server: killed } = await start('unix-server', path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    killed.process.kill('SIGKILL')
    expect(await killed.ended()).toBe('SIGKILL')
    expect(existsSync(path)).toBe(true)

    const { server, address } = await start('unix-server', path)
    expect(await talk(address, ['hello'])).toBe('hello\n')
    await server.says('has left')
    const before = server.output

    const second = new TutorialProgram('unix-server', path)
    expect(await second.ended()).toBe(1)
    expect(shape(before + second.output)).toEqual(shape(documented('unix-server')))
    expect(await talk(address, ['still there'])).toBe('still there\n')
    expect(await server.interrupt()).toBe(0)
    expect(existsSync(path)).toBe(false)
  })

  test('leaves alone what is no socket', async () => {
    const path = join(folder, 'precious.txt')
    writeFileSync(path, 'precious')
    const server = new TutorialProgram('unix-server', path)
    expect(await server.ended()).toBe(1)
    expect(server.output).toMatch(/^cannot listen: unix:.* is a file, not a socket\n$/)
    expect(statSync(path).size).toBe('precious'.length)
  })
})

test('g: greets, then echoes by pipeline(), on TCP and on a unix socket at once', async () => {
  const path = join(folder, 'greeting.sock')
  const { server, address } = await start('greeting', ANY_PORT, `unix:${path}`)
  expect(await talk(address, ['one', 'two'])).toBe('hello\none\ntwo\n')
  expect(await talk(`unix:${path}`, ['three'])).toBe('hello\nthree\n')
  await server.says('client 2 has left')
  expect(shape(server.output)).toEqual(shape(documented('greeting')))
  expect(await server.interrupt()).toBe(0)
  expect(existsSync(path)).toBe(false)
})

describe('k: the echo server over TLS', () => {
  test('is believed by who has its certificate, and by nobody else; the file goes with it', async () => {
    const { server } = await start('tls-echo', 'tls://127.0.0.1:0')
    const command = await server.says(/line-client .*(?=\n)/)
    const [, address, certificate] = command.split(' ') as [string, string, string]
    expect(await talk(address, ['hello'], certificate)).toBe('hello\n')
    const stranger = new TutorialProgram('line-client', address)
    expect(await stranger.ended()).toBe(1)
    expect(stranger.output).toBe(`no connection to ${address}: self-signed certificate\n`)
    await server.says('a client was not let in')
    expect(await server.interrupt()).toBe(0)
    expect(existsSync(certificate)).toBe(false)
    expect(shape(server.output)).toEqual(shape(documented('tls-echo')))
  })

  if (openssl === undefined) test.skip('openssl: not run, it is not installed', () => {})
  else
    test('is verified by openssl, which may talk to it too', async () => {
      const { server } = await start('tls-echo', 'tls://127.0.0.1:0')
      const [, address, certificate] = (await server.says(/line-client .*(?=\n)/)).split(' ') as [
        string,
        string,
        string,
      ]
      const target = ['s_client', '-connect', `127.0.0.1:${portOf(address)}`, '-CAfile', certificate]
      const child = spawn(openssl, [...target, '-quiet', '-verify_return_error'], { stdio: ['pipe', 'pipe', 'ignore'] })
      onTestFinished(() => void child.kill('SIGKILL'))
      child.stdin.write('hello\n')
      expect(String((await once(child.stdout, 'data'))[0])).toBe('hello\n')
    })
})
