// A reconnector whose connections an application makes: whatever that `connect` does, it is a failed attempt.

import { connect as connectPlain } from 'node:net'
import { until, within } from '@framewire/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { attach } from '../src/attach.ts'
import { connect } from '../src/connect.ts'
import { createReconnector, type ReconnectorOptions } from '../src/reconnector.ts'
import { rawServer } from './raw-sockets.ts'

const mistake = new Error('mine')

test.each([
  [
    'throws at once',
    () => {
      throw mistake
    },
    mistake,
  ],
  ['answers no promise and no connection', () => undefined as never, TypeError],
  ['answers something else', async () => ({}) as never, TypeError],
])('a connect that %s at a later attempt ends the reconnector with that as the cause', async (_, later, cause) => {
  let attempts = 0
  const options: ReconnectorOptions = {
    baseDelayMs: 1,
    minDelayMs: 1,
    connect: (...given) => (attempts++ === 0 ? connect(...given) : later()),
  }
  const reconnector = createReconnector('unix:/nowhere/at/all', options)
  onTestFinished(() => void reconnector.close())
  const failures: unknown[] = []
  reconnector.on('failure', (error) => failures.push(error.cause))
  await until('closed', () => reconnector.state === 'closed')
  const { error } = await within('closed', reconnector.close())
  expect([attempts, failures.length, error?.code]).toEqual([2, 2, 'ABORTED'])
  expect(failures[1]).toEqual(cause === mistake ? mistake : expect.any(TypeError))
})

test('a connection that still connects can be sent on, so ready gives it', async () => {
  const { port } = await rawServer((socket) => void socket.resume())
  const options: ReconnectorOptions = { connect: async () => attach(connectPlain(port, '127.0.0.1')) }
  const reconnector = createReconnector({ port }, options)
  onTestFinished(() => void reconnector.close({ timeoutMs: 1 }))
  const connection = await within('ready', reconnector.ready())
  connection.send(new Uint8Array(1))
  await within('flushed', connection.flush())
})
