// A reconnector whose connections an application makes: whatever that `connect` does, it is a failed attempt.

import { until, within } from '@framewire/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../src/connect.ts'
import { createReconnector, type ReconnectorOptions } from '../src/reconnector.ts'

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
