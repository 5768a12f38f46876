// Processes that stop for a while, seen from both ends. The rows of the reliability scorecard stand in the names.

import { turn, until, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect } from '../src/connect.ts'
import { startEcho } from './echo-process.ts'
import { bytesOf } from './messages.ts'
import { ask, echo, serve } from './watched-server.ts'

describe('a process that freezes', () => {
  // A second, so that a busy machine is not taken for a dead peer.
  const heartbeat = { intervalMs: 50, timeoutMs: 1_000, message: bytesOf('beat') }
  const FROZEN_MS = 1_500

  test('F23: a server that is stopped is found by the heartbeat', async () => {
    const server = await startEcho()
    const client = await within('connect', connect(server.address, { heartbeat }))
    expect(await ask(client, 'hello')).toBe('hello')
    server.signal('SIGSTOP')
    const begin = performance.now()
    const { error } = await within('closed', client.closed)
    expect(error).toMatchObject({ code: 'HEARTBEAT_TIMEOUT', retryable: true })
    expect(performance.now() - begin).toBeGreaterThanOrEqual(990)
    server.signal('SIGCONT')
  })

  test('F24: a client that was stopped goes on where it was, 3 of 3', async () => {
    const client = await startEcho({ connectTo: (await serve({ allowHalfOpen: true }, echo)).target, heartbeat })
    for (let count = 0; count < 3; count++) {
      client.signal('SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, FROZEN_MS))
      client.signal('SIGCONT')
      expect(await client.ask('state')).toBe('open')
    }
  })

  test('F25: a healthy connection survives a blocked loop of its own, 3 of 3', async () => {
    const server = await startEcho()
    const client = await within('connect', connect(server.address, { heartbeat }))
    onTestFinished(() => client.destroy())
    client.on('message', () => {})
    for (let count = 0; count < 3; count++) {
      const wanted = client.stats().messagesSent + 1
      await until('a heartbeat is under way', () => client.stats().messagesSent >= wanted)
      const end = performance.now() + FROZEN_MS
      while (performance.now() < end) {
        // the loop is blocked, and the answer waits in the kernel
      }
      await turn()
      expect(client.state).toBe('open')
    }
  })
})
