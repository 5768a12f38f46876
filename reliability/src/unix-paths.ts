// F37: what can stand where a unix socket should: a dead or a live server, a file, a link, a folder of somebody else.
// F38: PROXY headers, good and bad, and a real HAProxy.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect as connectSocket, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { within } from '@framewire/testkit'
import { connect, type Endpoint, listen, type Server, TransportError } from '@framewire/transport'
import { checkCounters } from './ledger.ts'
import { frame } from './rig.ts'
import type { Row } from './row.ts'
import { Child, startChild } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { sleep, until } from './waiting.ts'
import { endOf } from './ways.ts'

function folderOf(trial: Trial): string {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-paths-'))
  trial.atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The code that `listen` rejects with, or 'OK'. */
async function tryListen(path: string): Promise<{ code: string; server?: Server }> {
  try {
    return { code: 'OK', server: await listen(`unix:${path}`) }
  } catch (error) {
    return { code: error instanceof TransportError ? error.code : `UNTYPED ${String(error)}` }
  }
}

async function paths(trial: Trial): Promise<void> {
  const rounds = trial.isBrief ? 10 : 100
  const folder = folderOf(trial)
  let [raced, stale, live, foreign] = [0, 0, 0, 0]
  for (let round = 0; round < rounds; round++) {
    const path = join(folder, `s${round}`)
    const both = await Promise.all([tryListen(path), tryListen(path)])
    const winners = both.flatMap(({ server }) => server ?? [])
    if (winners.length === 1 && both.some(({ code }) => code === 'ADDRESS_IN_USE')) raced++
    const third = await tryListen(path)
    const isServed = await connect(`unix:${path}`).then((connection) => connection.close().then(() => true))
    if (third.code === 'ADDRESS_IN_USE' && isServed) live++
    await Promise.all(winners.map((server) => server.close({ drainTimeoutMs: 100 })))
    foreign += await keepsForeign(folder, round)
  }
  for (let round = 0; round < rounds / 10; round++) stale += await replacesStale(join(folder, `d${round}`))
  trial.all('races of two servers with one winner', raced, rounds)
  trial.all('live servers left alone', live, rounds)
  trial.all('files and links left alone', foreign, rounds)
  trial.all('sockets of dead servers replaced', stale, Math.ceil(rounds / 10))
  await leavesBusy(trial, join(folder, 'busy'))
  trial.all('path of 120 bytes', (await tryListenCode(`${folder}/${'x'.repeat(120)}`)) === 'OK' ? 0 : 1, 1)
}

async function tryListenCode(path: string): Promise<string> {
  try {
    const { code, server } = await tryListen(path)
    await server?.close()
    return code
  } catch (error) {
    return String(error)
  }
}

/** A regular file and a link are not what a server may remove. */
async function keepsForeign(folder: string, round: number): Promise<0 | 1> {
  const [file, link] = [join(folder, `f${round}`), join(folder, `l${round}`)]
  writeFileSync(file, 'precious')
  symlinkSync(file, link)
  const codes = [await tryListen(file), await tryListen(link)]
  for (const { server } of codes) await server?.close()
  const isKept = existsSync(link) && readFileSync(file, 'utf8') === 'precious'
  return isKept && codes.every(({ code }) => code !== 'OK' && !code.startsWith('UNTYPED')) ? 1 : 0
}

async function replacesStale(path: string): Promise<0 | 1> {
  const dead = new Child('server', { kind: 'messages', address: `unix:${path}` }, {})
  await until('it listens', () => existsSync(path))
  await sleep(50)
  dead.signal('SIGKILL')
  await dead.over
  const { server } = await tryListen(path)
  await server?.close()
  return server === undefined ? 0 : 1
}

/** A server that is alive and accepts nobody: its backlog is full, and the path is still its own. */
async function leavesBusy(trial: Trial, path: string): Promise<void> {
  if (process.platform !== 'linux') return trial.note('no full backlog: only Linux tells it from a dead server')
  const options = { backlog: 1 }
  const busy = await startChild(trial, 'server', { kind: 'messages', address: `unix:${path}`, options })
  busy.signal('SIGSTOP')
  let isFull = false
  for (let count = 0; count < 16 && !isFull; count++) {
    const socket = connectSocket({ path })
    trial.atEnd(() => socket.destroy())
    isFull = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(false))
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'))
    })
  }
  const { code, server } = await tryListen(path)
  await server?.close()
  busy.signal('SIGCONT')
  trial.all('backlogs that are full', isFull ? 1 : 0, 1)
  trial.all('server with a full backlog left alone', code === 'ADDRESS_IN_USE' && existsSync(path) ? 1 : 0, 1)
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

/** A PROXY v2 header for 192.0.2.7:4711, with so many bytes of TLVs behind. */
function proxyHeader(tlvLength = 0): Buffer {
  const body = Buffer.from([192, 0, 2, 7, 192, 0, 2, 1, 0x12, 0x67, 0x1b, 0x58])
  const head = Buffer.from([0x21, 0x11, 0, 0])
  head.writeUInt16BE(body.length + tlvLength, 2)
  // PP2_TYPE_NOOP: u8 type, u16 length, padding.
  const tlv = Buffer.alloc(tlvLength)
  if (tlvLength > 3) tlv.writeUInt32BE((4 << 24) | ((tlvLength - 3) << 8))
  return Buffer.concat([SIGNATURE, head, body, tlv])
}

async function proxies(trial: Trial): Promise<void> {
  const seen: Endpoint[] = []
  const options = { proxyProtocol: { trusted: ['127.0.0.1'] } }
  const server = await listen('tcp://127.0.0.1:0', options, (connection) => {
    seen.push(connection.remote)
    connection.on('message', (message) => void connection.send(message))
  })
  trial.atEnd(() => server.close({ drainTimeoutMs: 100 }))
  const target = server.addresses[0] as Endpoint
  const bad: Record<string, readonly Uint8Array[]> = {
    absent: [frame('no header')],
    truncated: [proxyHeader().subarray(0, 20)],
    oversize: [proxyHeader(60_000)],
    slow: [],
  }
  for (const [name, chunks] of Object.entries(bad)) {
    const before = server.stats().accepted
    const socket = rawSocket(target)
    for (const chunk of chunks) socket.write(chunk)
    if (name === 'truncated') socket.end()
    await within(`${name}: the end`, endOf(socket), 10_000)
    trial.all(`let in, ${name}`, server.stats().accepted - before, 0)
  }
  const good = rawSocket(target)
  good.write(Buffer.concat([proxyHeader(32), frame('hello')]))
  await within('an answer', once(good, 'data'))
  good.destroy()
  const [last] = seen.slice(-1)
  trial.all('the address of the client', last && 'host' in last && last.host === '192.0.2.7' ? 1 : 0, 1)
  await untrusted(trial)
  checkCounters(server, trial.violations)
  await behindProxy(trial, target, seen)
}

function rawSocket(target: Endpoint): Socket {
  return connectSocket(target as { host: string; port: number })
    .on('error', () => {})
    .resume()
}

async function untrusted(trial: Trial): Promise<void> {
  const server = await listen('tcp://127.0.0.1:0', { proxyProtocol: { trusted: ['10.0.0.0/8'] } })
  const socket = rawSocket(server.addresses[0] as Endpoint)
  socket.write(proxyHeader())
  await within('the end', endOf(socket))
  trial.all('let in, untrusted', server.stats().accepted, 0)
  await server.close()
}

async function behindProxy(trial: Trial, target: Endpoint, seen: readonly Endpoint[]): Promise<void> {
  const port = await freePort()
  const back = (target as { port: number }).port
  const folder = folderOf(trial)
  const times = 'timeout connect 5s\n  timeout client 30s\n  timeout server 30s'
  const list = `listen front\n  bind 127.0.0.1:${port}\n  server back 127.0.0.1:${back} send-proxy-v2`
  writeFileSync(join(folder, 'haproxy.cfg'), `defaults\n  mode tcp\n  ${times}\n${list}\n`)
  const haproxy = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' })
  const over = once(haproxy, 'exit')
  trial.atEnd(async () => {
    haproxy.kill('SIGKILL')
    await over
  })
  const front = { host: '127.0.0.1', port }
  let answered = 0
  await until('haproxy answers', () =>
    connect(front).then(
      (one) => one.close().then(() => true),
      () => false,
    ),
  )
  for (let round = 0; round < 20; round++) {
    const connection = await connect(front)
    connection.send(Buffer.from('through'))
    answered += (await within('an answer', connection.next()))?.length === 7 ? 1 : 0
    const [last] = seen.slice(-1)
    if (last === undefined || !('port' in last) || last.port !== (connection.local as { port: number }).port) answered--
    await connection.close()
  }
  trial.all('through HAProxy, with the address of the client', answered, 20)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export const UNIX_PATHS: readonly Row[] = [
  { id: 'F37', fault: 'what stands at the path of a unix socket', by: 'files', isShort: true, run: paths },
  {
    id: 'F38',
    fault: 'PROXY v2: absent, cut, slow, oversize, untrusted',
    by: 'raw sockets, HAProxy',
    needs: ['haproxy'],
    isQuiet: true,
    run: proxies,
  },
]
