// The reconnector against a model of a few lines: whatever happens in whatever order, it is in the state that the model is
// in, holds one thing at most, tells every change once, and settles whoever waits.

import { turn } from '@framewire/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Connection } from '../src/connection.ts'
import type { Reconnector } from '../src/reconnector.ts'
import type { TransportError } from '../src/transport-error.ts'
import { type FakeConnects, setUpReconnector } from './fake-connects.ts'

const ATTEMPTS = 5

interface Model {
  state: Reconnector['state']
  failures: number
  isProven: boolean
  upMs: number
  connects: number
  disconnects: number
}

interface Real {
  reconnector: Reconnector
  connects: FakeConnects
  events: string[]
  delays: (number | undefined)[]
  waits: { promise: Promise<Connection | TransportError>; settled: () => boolean }[]
}

type Command = fc.AsyncCommand<Model, Real>

async function checkAgainst(model: Model, { reconnector, connects, events, delays, waits }: Real): Promise<void> {
  await turn()
  expect(reconnector.state).toBe(model.state)
  expect(reconnector.connection !== undefined).toBe(model.state === 'ready')
  expect(connects.pending.size).toBe(model.state === 'connecting' ? 1 : 0)
  expect(connects.clock.timers.length).toBe(model.state === 'waiting' ? 1 : 0)
  expect(events.filter((event) => event === 'connect')).toHaveLength(model.connects)
  expect(events.filter((event) => event.startsWith('disconnect'))).toHaveLength(model.disconnects)
  expect(events.filter((event) => event.startsWith('close'))).toHaveLength(model.state === 'closed' ? 1 : 0)
  const isSettled = model.state === 'ready' || model.state === 'closed'
  if (isSettled) for (const wait of waits) expect(wait.settled()).toBe(true)
  for (const delay of delays) if (delay !== undefined) expect(delay >= 20 && delay <= 10_000).toBe(true)
}

function command(name: string, check: (model: Model) => boolean, run: (model: Model, real: Real) => Promise<void>) {
  return {
    check,
    toString: () => name,
    run: async (model: Model, real: Real) => {
      await run(model, real)
      await checkAgainst(model, real)
    },
  } satisfies Command
}

function failed(model: Model): void {
  model.failures++
  model.state = model.failures < ATTEMPTS ? 'waiting' : 'closed'
}

const accept = command(
  'accept',
  ({ state }) => state === 'connecting',
  async (model, { connects }) => {
    await connects.accept()
    Object.assign(model, { state: 'ready', isProven: false, upMs: 0, connects: model.connects + 1 })
  },
)

const refuse = (code: 'CONNECT_REFUSED' | 'CONNECT_FAILED' | 'TLS_ERROR') =>
  command(
    `refuse ${code}`,
    ({ state }) => state === 'connecting',
    async (model, { connects }) => {
      await connects.refuse(code)
      failed(model)
      if (code === 'TLS_ERROR') model.state = 'closed'
    },
  )

const bring = command(
  'bring',
  ({ state }) => state === 'ready',
  async (model, { connects }) => {
    await connects.bring()
    model.isProven = true
  },
)

const lost = (name: string, lose: (real: Real) => Promise<void>) =>
  command(
    name,
    ({ state }) => state === 'ready',
    async (model, real) => {
      await lose(real)
      model.disconnects++
      if (model.isProven || model.upMs >= 10_000) {
        model.failures = 0
        model.state = 'waiting'
      } else failed(model)
    },
  )

const lose = lost('lose', ({ connects }) => connects.lose())
const destroy = lost('destroy', async ({ reconnector }) => reconnector.connection?.destroy())

const pass = (ms: number) =>
  command(
    `pass ${ms}`,
    () => true,
    async (model, { connects }) => {
      const [next] = connects.clock.timers
      const isDue = next !== undefined && next.at <= connects.clock.now() + ms
      await connects.clock.advance(ms)
      model.upMs += ms
      if (model.state === 'waiting' && isDue) model.state = 'connecting'
    },
  )

const wait = (isAborted: boolean) =>
  command(
    isAborted ? 'ready, aborted' : 'ready',
    () => true,
    async (model, { reconnector, waits }) => {
      const controller = new AbortController()
      let isSettled = false
      const promise = reconnector.ready({ signal: controller.signal }).catch((error: TransportError) => error)
      void promise.finally(() => {
        isSettled = true
      })
      waits.push({ promise, settled: () => isSettled })
      const before = model.state
      if (isAborted) controller.abort()
      await turn()
      expect(isSettled).toBe(isAborted || before === 'ready' || before === 'closed')
    },
  )

const close = command(
  'close',
  () => true,
  async (model, { reconnector, connects }) => {
    const closed = reconnector.close({ timeoutMs: 1 })
    // Nobody ends the other side here: the deadline does.
    await connects.clock.advance(1)
    await closed
    if (model.state === 'ready') model.disconnects++
    model.state = 'closed'
  },
)

test('keeps to its model', { timeout: 60_000 }, async () => {
  const commands = [
    fc.constant(accept),
    fc.constantFrom(refuse('CONNECT_REFUSED'), refuse('CONNECT_FAILED')),
    fc.constant(bring),
    fc.constantFrom(lose, destroy),
    fc.integer({ min: 1, max: 12_000 }).map(pass),
    fc.boolean().map(wait),
    fc.oneof({ weight: 4, arbitrary: fc.constant(lose) }, { weight: 1, arbitrary: fc.constant(close) }),
    fc.oneof({ weight: 4, arbitrary: fc.constant(accept) }, { weight: 1, arbitrary: fc.constant(refuse('TLS_ERROR')) }),
  ]
  const shares = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }))
  const property = fc.asyncProperty(fc.commands(commands, { maxCommands: 60 }), shares, async (list, stream) => {
    const random = () => stream.next().value
    const rig = setUpReconnector({ attempts: ATTEMPTS, random })
    const real: Real = { ...rig, waits: [] }
    const model: Model = { state: 'connecting', failures: 0, isProven: false, upMs: 0, connects: 0, disconnects: 0 }
    await fc.asyncModelRun(() => ({ model, real }), list)
    const closed = rig.reconnector.close({ timeoutMs: 1 })
    await rig.clock.advance(1)
    await closed
    for (const { promise } of real.waits) expect(await promise).toBeDefined()
    expect([rig.connects.pending.size, rig.clock.timers.length]).toEqual([0, 0])
  })
  await fc.assert(property, { numRuns: 300 })
})
