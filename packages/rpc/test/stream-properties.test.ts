import { getEventListeners } from 'node:events'
import { turn, until, within } from '@framewire/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { raw } from '../src/codec.ts'
import { bidi, clientStream, contract, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Ctx } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import { cutAt } from './memory-channel.ts'
import { type MemoryPeer, memoryPeers } from './memory-peers.ts'

// Calls of every kind, in both directions, that are cancelled, left, late, that fail or lose their connection, in an order
// that a seed decides. However it goes: each call settles once, what arrives is a prefix of what was sent, no handler
// outlives its slot, and nothing is left at the end.

const work = contract('work', {
  echo: unary<Uint8Array, Uint8Array>({ codec: raw }),
  down: serverStream<Uint8Array, Uint8Array>({ codec: raw }),
  up: clientStream<Uint8Array, Uint8Array>({ codec: raw }),
  both: bidi<Uint8Array, Uint8Array>({ codec: raw }),
})
type Name = keyof typeof work.methods

const someCall = fc.record({
  side: fc.constantFrom(0 as const, 1 as const),
  method: fc.constantFrom<Name>('echo', 'down', 'up', 'both'),
  /** How long each message is, and how many there are. */
  length: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 900, max: 90_000 })),
  count: fc.integer({ min: 0, max: 6 }),
  /** What goes wrong, and after how many messages. */
  fault: fc.constantFrom('none', 'none', 'none', 'leave', 'abort', 'deadline', 'handler', 'input'),
  after: fc.nat(4),
})
const someRun = fc.record({
  calls: fc.array(someCall, { maxLength: 8, size: 'max' }),
  pauses: fc.array(fc.nat(3), { minLength: 1, maxLength: 8 }),
  cuts: fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 6 }),
  maxStreams: fc.integer({ min: 1, max: 4 }),
  maxFrame: fc.constantFrom(1_024, 65_536),
  end: fc.constantFrom('drain', 'drain', 'cut', 'fin'),
})
type Run = typeof someRun extends fc.Arbitrary<infer T> ? T : never
type Call = typeof someCall extends fc.Arbitrary<infer T> ? T : never

/** One side's handlers, and how many of them run. */
class Handlers {
  running = 0
  most = 0
  readonly contexts: Ctx[] = []

  service() {
    const message = (input: Uint8Array) => JSON.parse(Buffer.from(input).toString()) as Call
    return implement(work, {
      echo: (input, ctx) =>
        this.#run(ctx, async () => {
          await turn()
          return input
        }),
      down: (input, ctx) => this.#down(message(input), ctx),
      up: (chunks, ctx) =>
        this.#run(ctx, async () => {
          let index = 0
          for await (const chunk of chunks) expectMessage(chunk, index++)
          return Uint8Array.of(index)
        }),
      both: (chunks, ctx) => this.#both(chunks, ctx),
    })
  }

  async *#down({ length, count, fault, after }: Call, ctx: Ctx): AsyncGenerator<Uint8Array> {
    this.#begin(ctx)
    try {
      for (let index = 0; index < count; index++) {
        if (fault === 'handler' && index === after) throw new RpcError('ABORTED', 'on purpose')
        yield messageOf(index, length)
        if (index % 3 === 2) await turn()
      }
    } finally {
      this.running--
    }
  }

  async *#both(chunks: AsyncIterable<Uint8Array>, ctx: Ctx): AsyncGenerator<Uint8Array> {
    this.#begin(ctx)
    try {
      let index = 0
      for await (const chunk of chunks) {
        expectMessage(chunk, index++)
        yield chunk
      }
    } finally {
      this.running--
    }
  }

  async #run<T>(ctx: Ctx, body: () => Promise<T>): Promise<T> {
    this.#begin(ctx)
    try {
      return await body()
    } finally {
      this.running--
    }
  }

  #begin(ctx: Ctx): void {
    this.contexts.push(ctx)
    this.most = Math.max(this.most, ++this.running)
  }
}

function messageOf(index: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(index + 1)
}

/** The message with this number, whole and unmixed. */
function expectMessage(chunk: Uint8Array, index: number): void {
  if (chunk.length === 0 || chunk[0] !== index + 1 || chunk.at(-1) !== index + 1) {
    throw new RpcError('DATA_LOSS', `message ${index} begins with ${chunk[0]} and ends with ${chunk.at(-1)}`)
  }
}

const CODES = ['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE']

/** Makes a call and takes what comes of it; answers how it ended. */
async function make({ peer }: MemoryPeer, call: Call, signals: AbortSignal[]): Promise<unknown> {
  const { method, length, count, fault, after } = call
  const controller = new AbortController()
  signals.push(controller.signal)
  const options = {
    signal: controller.signal,
    timeoutMs: fault === 'deadline' ? 1 + after : Number.POSITIVE_INFINITY,
  }
  const api = peer.client(work)
  const input = async function* () {
    for (let index = 0; index < count; index++) {
      if (fault === 'input' && index === after) throw new Error('on purpose')
      if (fault === 'abort' && index === after) controller.abort()
      yield messageOf(index, length)
    }
  }
  if (method === 'echo' || method === 'up') {
    const result = method === 'echo' ? api.echo(messageOf(0, length), options) : api.up(input(), options)
    if (fault === 'abort' && after === 0) controller.abort()
    const reply = await result
    if (method === 'echo') expectMessage(reply, 0)
    else expect(reply).toEqual(Uint8Array.of(count))
    return undefined
  }
  const messages = method === 'down' ? api.down(Buffer.from(JSON.stringify(call)), options) : api.both(input(), options)
  let index = 0
  for await (const chunk of messages) {
    expectMessage(chunk, index++)
    if (index > after && fault === 'leave') return undefined
    if (index > after && fault === 'abort') controller.abort()
  }
  expect(index).toBe(count)
  return undefined
}

async function play(run: Run): Promise<void> {
  const { maxStreams, maxFrame } = run
  const both = [new Handlers(), new Handlers()] as const
  const errors: unknown[] = []
  const sides = memoryPeers({
    cut: cutAt(run.cuts),
    services: [[both[0].service()], [both[1].service()]],
    limits: { maxStreams, maxFrame },
    onError: (error) => errors.push(error),
  })
  const signals: AbortSignal[] = []
  const ends: Promise<unknown>[] = []
  for (const [index, call] of run.calls.entries()) {
    ends.push(make(sides[call.side], call, signals).then(undefined, (error: unknown) => error))
    for (let pause = run.pauses[index % run.pauses.length] as number; pause > 0; pause--) await turn()
  }
  if (run.end === 'cut') sides[0].channel.destroy()
  if (run.end === 'fin') void sides[0].connection.close()
  for (const error of await within('every call settles', Promise.all(ends))) {
    if (error === undefined) continue
    expect(error).toBeInstanceOf(RpcError)
    expect(CODES).toContain((error as RpcError).code)
    if (run.end === 'drain') expect((error as RpcError).code).not.toBe('UNAVAILABLE')
  }
  // Closed without its drain time means that nothing was left in any table.
  await within('both are closed', Promise.all(sides.map(({ peer }) => peer.close({ drainMs: 60_000 }))))
  // Those of a lost connection are told, and end in their own time.
  await until('every handler has settled', () => both.every(({ running }) => running === 0))
  for (const { most } of both) {
    expect(most).toBeLessThanOrEqual(maxStreams)
  }
  expect(errors).toEqual([])
  for (const signal of signals) expect(getEventListeners(signal, 'abort')).toEqual([])
}

test('whatever kinds of calls go wrong in whatever way, each settles once and nothing is left', async () => {
  await fc.assert(fc.asyncProperty(someRun, play), { numRuns: 1_000 })
}, 120_000)
