import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { within } from '@framewire/testkit'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { connect } from '../src/connect.ts'
import type { Connection } from '../src/connection.ts'
import { type Run, run, said } from './processes.ts'
import { rawConnect, rawServer } from './raw-sockets.ts'
import { ask, isCutOff } from './tls-ends.ts'
import { staleCopy } from './unix-sockets.ts'

const ECHO = `const echo = (connection) => connection.on('message', (message) => connection.send(message))\n`

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewire-processes-'))
  path = join(folder, 'a.sock')
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

async function client(address: object): Promise<Connection> {
  const connection = await within('connect', connect(address as { port: number }))
  onTestFinished(() => connection.destroy())
  return connection
}

describe('two processes', () => {
  test('share a unix socket path: one serves, the other calls', async () => {
    const server = run(`${ECHO} await listen(${JSON.stringify({ path })}, {}, echo); say('listening')`)
    await said(server)
    const caller = run(`
      const connection = await connect(${JSON.stringify({ path })})
      const answers = []
      connection.on('message', (message) => answers.push(Buffer.from(message).toString()))
      for (let count = 0; count < 1000; count++) connection.send(Buffer.from(String(count)))
      connection.on('message', () => { if (answers.length === 1000) connection.close() })
      const { error } = await connection.closed
      say({ isSame: answers.every((answer, index) => answer === String(index)), count: answers.length, error })`)
    expect(await said(caller)).toEqual({ isSame: true, count: 1000 })
  })

  test('a server killed and started again serves the same path', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const server = run(`${ECHO} await listen(${JSON.stringify({ path })}, {}, echo); say('listening')`)
      await said(server)
      expect(await ask(await client({ path }), 'a')).toBe('a')
      server.child.kill(signal)
      await within('the end', server.over)
    }
    expect(readdirSync(folder)).toEqual(['a.sock'])
  })

  test('one server on two addresses at once', async () => {
    const addresses = JSON.stringify(['tcp://127.0.0.1:0', { path }])
    const server = run(`${ECHO} say((await listen(${addresses}, {}, echo)).addresses)`)
    const [tcp, unix] = await said<object[]>(server)
    expect(unix).toEqual({ path })
    for (const address of [tcp, unix]) expect(await ask(await client(address as object), 'a')).toBe('a')
  })

  test('race for a stale path a hundred times: one wins each time, and is never unlinked by the other', async () => {
    const racer = () =>
      run(`
        ${ECHO}
        const { createInterface } = await import('node:readline')
        let server
        for await (const path of createInterface({ input: process.stdin })) {
          await server?.close({ drainTimeoutMs: 1 })
          server = undefined
          if (path === '') say('idle')
          else await listen({ path }, {}, echo).then(
            (made) => { server = made; say('won') },
            (error) => say(error.code),
          )
        }`)
    const racers: Run[] = [racer(), racer()]
    const tell = (line: string) => {
      for (const { child } of racers) child.stdin?.write(`${line}\n`)
      return Promise.all(racers.map((each) => said<string>(each)))
    }
    for (let round = 0; round < 100; round++) {
      await staleCopy(path)
      expect((await tell(path)).toSorted()).toEqual(['ADDRESS_IN_USE', 'won'])
      const connection = await client({ path })
      expect(await ask(connection, 'a')).toBe('a')
      connection.destroy()
      expect(readdirSync(folder)).toEqual(['a.sock'])
      await tell('')
      expect(readdirSync(folder)).toEqual([])
    }
  })

  test('end by themselves when only an unref server is left, and not before', async () => {
    const unref = run(`const server = await listen('tcp://127.0.0.1:0'); server.unref(); say('done')`)
    await said(unref)
    expect(await within('the end', unref.over)).toEqual([0, null])
    const again = run(
      `const server = await listen('tcp://127.0.0.1:0'); server.unref().ref(); say(server.addresses[0])`,
    )
    await client(await said<object>(again))
    expect(again.child.exitCode).toBeNull()
  })
})

const NO_PRLIMIT = spawnSync('prlimit', ['--version']).status === 0 ? undefined : 'the program prlimit is missing'

describe.skipIf(NO_PRLIMIT)(`with few descriptors${NO_PRLIMIT ? ` (${NO_PRLIMIT})` : ''}`, () => {
  const limited = (nofile: number, program: string) =>
    run(program, { before: ['prlimit', `--nofile=${nofile}:${nofile}`] })

  test('a server refuses what is above 0.8 of them, counts it, and serves again', async () => {
    const server = limited(
      256,
      `
      ${ECHO}
      const server = await listen('tcp://127.0.0.1:0', {}, echo)
      const reasons = []
      server.on('drop', ({ code, message }) => reasons.push(code + ' ' + message))
      say(server.addresses[0])
      process.stdin.on('data', () => say({ ...server.stats(), reasons: [...new Set(reasons)] }))`,
    )
    const address = await said<object>(server)
    const sockets = await Promise.all(Array.from({ length: 204 }, () => rawConnect(address)))
    const surplus = await Promise.all(Array.from({ length: 30 }, () => rawConnect(address)))
    await within('the surplus is cut off', Promise.all(surplus.map(isCutOff)))
    server.child.stdin?.write('\n')
    const reasons = ['TOO_MANY_CONNECTIONS 205 connections exceed maxConnections 204']
    expect(await said(server)).toMatchObject({
      live: 204,
      accepted: 204,
      dropped: { TOO_MANY_CONNECTIONS: 30 },
      reasons,
    })
    for (const socket of sockets) socket.destroy()
    const isServed = async () => {
      const connection = await client(address)
      const isOpen = await Promise.race([ask(connection, 'a').catch(() => ''), connection.closed.then(() => '')])
      return isOpen === 'a'
    }
    const begun = performance.now()
    while (!(await isServed())) expect(performance.now() - begun).toBeLessThan(8_000)
  })

  test('a server without a limit loses connections without a word, and serves again once they are gone', async () => {
    const server = limited(
      64,
      `
      ${ECHO}
      const server = await listen('tcp://127.0.0.1:0', { maxConnections: Infinity }, echo)
      say(server.addresses[0])`,
    )
    const address = await said<object>(server)
    const sockets = await Promise.all(Array.from({ length: 100 }, () => rawConnect(address)))
    const gone = sockets.map(isCutOff)
    await within('the first is cut off', Promise.race(gone))
    for (const socket of sockets) socket.destroy()
    const begun = performance.now()
    for (let answer = ''; answer !== 'a'; ) {
      expect(performance.now() - begun).toBeLessThan(8_000)
      const connection = await client(address)
      answer = await Promise.race([ask(connection, 'a').catch(() => ''), connection.closed.then(() => '')])
    }
  })

  test('a client is told so with a typed error, and connects again when there are some', async () => {
    const { port } = await rawServer((socket) => socket.resume())
    const caller = limited(
      64,
      `
      const open = []
      let failure
      while (failure === undefined) {
        try { open.push(await connect('tcp://127.0.0.1:${port}')) } catch (error) { failure = error }
      }
      for (const connection of open.splice(0, 5)) { connection.destroy(); await connection.closed }
      const again = await connect('tcp://127.0.0.1:${port}')
      say({ name: failure.name, code: failure.code, cause: failure.cause.code, state: again.state, count: open.length })`,
    )
    const answer = await said<{ count: number }>(caller)
    expect(answer).toMatchObject({ name: 'TransportError', code: 'CONNECT_FAILED', cause: 'EMFILE', state: 'open' })
    expect(answer.count).toBeGreaterThan(10)
    expect(answer.count).toBeLessThan(64)
  })
})
