// A server in Python, written from PROTOCOL.md alone, called by ours.

import { fileURLToPath } from 'node:url'
import { connect, contract, type Peer, unary } from '@framewire/rpc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProgram, run, ServerProcess } from '../protocols/server-process.ts'

const python = findProgram('python3')
const script = fileURLToPath(new URL('../../python/greeting_server.py', import.meta.url))

const greeting = contract('greeting', { hello: unary<{ name: string }, { text: string }>() })

if (python === undefined) test.skip('the server in Python: not run, python3 is not installed', () => {})
else
  describe(`a server in ${(await run(python, ['--version'])).trim()}`, () => {
    let server: ServerProcess
    let peer: Peer
    beforeAll(async () => {
      server = await ServerProcess.start(python, (port) => [script, `${port}`])
      peer = await connect({ host: '127.0.0.1', port: server.port })
    }, 60_000)
    afterAll(async () => {
      await peer?.close({ drainMs: 0 })
      await server?.stop()
    })

    test('answers unary calls, many at a time', async () => {
      const api = peer.client(greeting)
      expect(await api.hello({ name: 'Ada' })).toEqual({ text: 'Hello, Ada' })
      const names = Array.from({ length: 1_000 }, (_, index) => `é ${index}`)
      const texts = await Promise.all(names.map((name) => api.hello({ name })))
      expect(texts).toEqual(names.map((name) => ({ text: `Hello, ${name}` })))
    })

    test('takes messages of the length that its HELLO says, and longer ones fail before they are sent', async () => {
      const api = peer.client(greeting)
      const name = 'x'.repeat(16_384 - '{"name":""}'.length)
      expect((await api.hello({ name })).text).toHaveLength(name.length + 'Hello, '.length)
      const error = { code: 'RESOURCE_EXHAUSTED', message: 'message of 16385 bytes, the peer takes 16384' }
      await expect(api.hello({ name: `${name}x` })).rejects.toMatchObject(error)
    })

    test('answers with errors, and pings', async () => {
      const mistake = { code: 'INVALID_ARGUMENT', message: 'a name is missing', notProcessed: false }
      await expect(peer.call('greeting.hello', {})).rejects.toMatchObject(mistake)
      await expect(peer.call('greeting.bye', {})).rejects.toMatchObject({ code: 'UNIMPLEMENTED', notProcessed: true })
      expect(await peer.ping()).toBeGreaterThan(0)
    })

    test('closes in good order', async () => {
      const other = await connect({ host: '127.0.0.1', port: server.port })
      expect(await other.client(greeting).hello({ name: 'Bob' })).toEqual({ text: 'Hello, Bob' })
      await other.close()
      expect(await other.closed).toMatchObject({ error: undefined })
    })
  })
