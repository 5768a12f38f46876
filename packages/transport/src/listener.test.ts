import { closeSync, openSync } from 'node:fs'
import { rejection, turn, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { run, said } from '../test/processes.ts'
import { rawServer } from '../test/raw-sockets.ts'
import { ask } from '../test/tls-ends.ts'
import { connect } from './connect.ts'
import { hasReusePort, Listener, type ListenerOptions } from './listener.ts'

const listener = (port: number, options: ListenerOptions = {}) => {
  const made = new Listener({ host: '127.0.0.1', port }, options)
  onTestFinished(() => made.close())
  return made
}

describe('retry', () => {
  test('listens once the address is free, if that is within the attempts', async () => {
    const { server, port } = await rawServer(() => {})
    const opening = listener(port, { retry: { attempts: 1000, delayMs: 5 } }).open()
    await turn()
    server.close()
    await within('open', opening)
  })

  test('gives up after the attempts with what the last one said', async () => {
    const { port } = await rawServer(() => {})
    const before = performance.now()
    const refused = rejection(listener(port, { retry: { attempts: 3, delayMs: 20 } }).open())
    expect(await refused).toMatchObject({ code: 'ADDRESS_IN_USE' })
    expect(performance.now() - before).toBeGreaterThanOrEqual(57)
  })

  test('does not try again what will not change', async () => {
    const gone = new Listener({ path: '/nowhere/at/all.sock' }, { retry: { attempts: 9, delayMs: 60_000 } })
    expect(await rejection(gone.open())).toMatchObject({ code: 'LISTEN_FAILED' })
  })

  test('ends at once when the signal aborts', async () => {
    const { port } = await rawServer(() => {})
    const controller = new AbortController()
    const opening = listener(port, { retry: { attempts: 9, delayMs: 60_000 } }).open(controller.signal)
    await turn()
    controller.abort('enough')
    expect(await rejection(opening)).toMatchObject({ code: 'ABORTED', cause: 'enough' })
  })
})

describe('reusePort', () => {
  test.each([
    ['20.20.2', false],
    ['22.11.0', false],
    ['22.12.0', true],
    ['23.0.9', false],
    ['23.1.0', true],
    ['24.0.0', true],
  ])('of Node %s is there: %s', (version, expected) => {
    expect(hasReusePort(version)).toBe(expected)
  })

  const isHere = hasReusePort(process.versions.node) && process.platform === 'linux'

  test.skipIf(isHere)('where it is not there is LISTEN_FAILED instead of a port that is not shared', async () => {
    const message = expect.stringContaining('reusePort needs Node 22.12 or 23.1')
    expect(await rejection(listener(0, { reusePort: true }).open())).toMatchObject({ code: 'LISTEN_FAILED', message })
  })

  test.skipIf(!isHere)('lets two listen on one port (needs Node 22.12 and Linux)', async () => {
    const first = listener(0, { reusePort: true })
    await first.open()
    const { port } = first.endpoint as { port: number }
    await listener(port, { reusePort: true }).open()
  })
})

describe('a descriptor', () => {
  test.skipIf(process.platform === 'win32')(
    'of a socket that listens already, of a supervisor, is served',
    async () => {
      const { server, port } = await rawServer(() => {})
      const { fd } = (server as unknown as { _handle: { fd: number } })._handle
      const echo = '(connection) => connection.on("message", (message) => connection.send(message))'
      const served = run(`say((await listen({ fd: 3 }, {}, ${echo})).addresses)`, { fd })
      expect(await said(served)).toEqual([{ host: '127.0.0.1', port }])
      server.close()
      const client = await within('connect', connect({ host: '127.0.0.1', port }))
      onTestFinished(() => client.destroy())
      expect(await ask(client, 'a')).toBe('a')
    },
  )

  test('that is no socket is LISTEN_FAILED and named', async () => {
    const fd = openSync('/dev/null', 'r')
    onTestFinished(() => closeSync(fd))
    const message = expect.stringMatching(new RegExp(`^fd:${fd} cannot be listened on`))
    expect(await rejection(new Listener({ fd }, {}).open())).toMatchObject({ code: 'LISTEN_FAILED', message })
  })
})
