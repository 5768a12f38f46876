import { getEventListeners } from 'node:events'
import { type Deferred, defer, turn, within } from '@framewire/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contract, oneway, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { RpcError } from '../src/rpc-error.ts'
import { FLAG, readFrames, TYPE } from './frames.ts'
import { cutAt } from './memory-channel.ts'
import { type MemoryPeer, memoryPeers } from './memory-peers.ts'

const METHODS = ['echo', 'hold', 'fail', 'tell'] as const
const work = contract('work', {
  echo: unary<number, number>(),
  hold: unary<number, number>(),
  fail: unary<number, number>(),
  tell: oneway<number>(),
})

type End = 'drain' | 'cut' | 'fin'
type Step =
  | { do: 'call'; side: 0 | 1; method: (typeof METHODS)[number]; signal: number; timeoutMs: number }
  | { do: 'abort'; signal: number }
  | { do: 'settle'; which: number; how: 'resolve' | 'reject' | 'rpc' }
  | { do: 'turn' }

const someStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      side: fc.constantFrom(0 as const, 1 as const),
      method: fc.constantFrom(...METHODS, 'hold' as const, 'hold' as const),
      signal: fc.nat(3),
      timeoutMs: fc.constantFrom(1, 5_000, 5_000, Number.POSITIVE_INFINITY),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), signal: fc.nat(3) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat(20),
      how: fc.constantFrom('resolve' as const, 'reject' as const, 'rpc' as const),
    }),
  },
  { weight: 5, arbitrary: fc.constant<Step>({ do: 'turn' }) },
)

const someRun = fc.record({
  steps: fc.array(someStep, { maxLength: 60, size: 'max' }),
  cuts: fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 500 })), {
    minLength: 1,
    maxLength: 8,
  }),
  maxStreams: fc.integer({ min: 1, max: 6 }),
  maxQueued: fc.integer({ min: 1, max: 6 }),
  end: fc.constantFrom<End>('drain', 'drain', 'cut', 'fin'),
})
type Run = typeof someRun extends fc.Arbitrary<infer T> ? T : never

interface Made {
  number: number
  method: (typeof METHODS)[number]
  settled: Promise<void>
  settlements: number
  value: unknown
  error: unknown
}

/** One run of a model: what was called, which handlers run, and what became of each call. */
class World {
  readonly made: Made[] = []
  readonly runs = new Map<number, number>()
  readonly signals = Array.from({ length: 4 }, () => new AbortController())
  readonly peers: [MemoryPeer, MemoryPeer]
  readonly #held: { number: number; gate: Deferred<number> }[] = []

  constructor({ cuts, maxStreams, maxQueued }: Run) {
    const service = implement(work, {
      echo: (number) => this.#run(number),
      fail: (number) => {
        this.#run(number)
        throw number % 2 === 0 ? new Error('mistake') : new RpcError('ABORTED', 'on purpose', { notProcessed: true })
      },
      tell: (number) => {
        if (this.#run(number) % 3 === 0) throw new Error('mistake')
      },
      hold: (number) => {
        this.#run(number)
        const gate = defer<number>()
        this.#held.push({ number, gate })
        return gate.promise
      },
    })
    this.peers = memoryPeers({ cut: cutAt(cuts), services: [service], limits: { maxStreams, maxQueued } })
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'call') this.#call(step)
    else if (step.do === 'abort') this.#abort(step.signal)
    else if (step.do === 'settle') this.#settle(step.which % Math.max(1, this.#held.length), step.how)
    else await turn()
  }

  /** Ends every handler, as often as new ones come. */
  async settleAll(): Promise<void> {
    const all = Promise.all(this.made.map(({ settled }) => settled))
    let isOver = false
    void all.then(() => {
      isOver = true
    })
    while (!isOver) {
      while (this.#held.length > 0) this.#settle(0, 'resolve')
      await turn()
    }
    while (this.#held.length > 0) this.#settle(0, 'resolve')
  }

  #abort(which: number): void {
    const controller = this.signals[which] as AbortController
    controller.abort()
    this.signals.push(controller) // looked at in the end
    this.signals[which] = new AbortController()
  }

  #run(number: number): number {
    this.runs.set(number, (this.runs.get(number) ?? 0) + 1)
    return -number
  }

  #settle(at: number, how: 'resolve' | 'reject' | 'rpc'): void {
    const [held] = this.#held.splice(at, 1)
    if (how === 'resolve') held?.gate.resolve(-held.number)
    else held?.gate.reject(how === 'rpc' ? new RpcError('ABORTED', 'on purpose') : new Error('mistake'))
  }

  #call({ side, method, signal, timeoutMs }: Step & { do: 'call' }): void {
    const number = this.made.length + 1
    const options = { timeoutMs, ...(signal < 3 && { signal: (this.signals[signal] as AbortController).signal }) }
    const promise: Promise<unknown> = this.peers[side].peer.client(work)[method](number, options)
    const made: Made = {
      number,
      method,
      settlements: 0,
      value: undefined,
      error: undefined,
      settled: Promise.resolve(),
    }
    const onSettled = (value: unknown, error: unknown) =>
      void Object.assign(made, { value, error, settlements: made.settlements + 1 })
    made.settled = promise.then(
      (value) => onSettled(value, undefined),
      (error) => onSettled(undefined, error),
    )
    this.made.push(made)
  }
}

const CODES: Record<(typeof METHODS)[number], readonly string[]> = {
  echo: [],
  tell: [],
  hold: ['ABORTED', 'INTERNAL'],
  fail: ['ABORTED', 'INTERNAL'],
}

/** What a call may have come to, and that it says the truth about whether its handler ran. */
function expectTrue({ method, number, value, error, settlements }: Made, runs: number, end: End): void {
  expect(settlements).toBe(1)
  expect(runs).toBeLessThanOrEqual(1)
  if (error === undefined) {
    expect(value).toBe(method === 'tell' ? undefined : -number)
    if (method !== 'tell') expect(runs).toBe(1)
    return
  }
  expect(error).toBeInstanceOf(RpcError)
  const { code, notProcessed } = error as RpcError
  const lost = end === 'drain' ? [] : ['UNAVAILABLE']
  expect([...CODES[method], ...lost, 'CANCELLED', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED']).toContain(code)
  if (notProcessed) expect(runs).toBe(0)
  else if (code === 'ABORTED' || code === 'INTERNAL') expect(runs).toBe(1)
}

/** What holds on the wire whatever happens: ids rise, one answer a call at most and none to a oneway, one CANCEL. */
function expectOrder(caller: MemoryPeer, callee: MemoryPeer): void {
  const sent = readFrames(caller.channel.written).frames
  const opens = sent.filter(({ type }) => type === TYPE.open)
  const ids = opens.map(({ id }) => id)
  expect(ids).toEqual([...new Set(ids)].sort((left, right) => left - right))
  const answers = readFrames(callee.channel.written).frames.filter(
    ({ type }) => type === TYPE.data || type === TYPE.end,
  )
  const expectsOne = new Set(opens.filter(({ flags }) => (flags & FLAG.oneway) === 0).map(({ id }) => id))
  const answered = answers.map(({ id }) => id)
  expect(new Set(answered).size).toBe(answered.length)
  expect(answered.filter((id) => !expectsOne.has(id))).toEqual([])
  const cancelled = sent.filter(({ type }) => type === TYPE.cancel).map(({ id }) => id)
  expect(new Set(cancelled).size).toBe(cancelled.length)
  expect(cancelled.filter((id) => !expectsOne.has(id))).toEqual([])
}

async function play(run: Run): Promise<void> {
  const world = new World(run)
  const [first, second] = world.peers
  for (const step of run.steps) await world.step(step)
  if (run.end === 'cut') first.channel.destroy()
  if (run.end === 'fin') void first.connection.close()
  await within('every call settles', world.settleAll())
  for (const made of world.made) expectTrue(made, world.runs.get(made.number) ?? 0, run.end)
  expectOrder(first, second)
  expectOrder(second, first)
  // Closed without its drain time means that nothing was left in any table.
  await within('both are closed', Promise.all(world.peers.map(({ peer }) => peer.close({ drainMs: 60_000 }))))
  for (const { signal } of world.signals) expect(getEventListeners(signal, 'abort')).toEqual([])
}

test('whatever is called, cancelled, answered and cut in whatever order: each call settles once and nothing is left', async () => {
  await fc.assert(fc.asyncProperty(someRun, play), { numRuns: 100 })
})
