// The service of a simulated run: each handler does what the plan of its call says, and books what it sees.

import type { Simulation } from '@framewire/transport/testing'
import type { Random } from '../../transport/src/random.ts'
import { raw } from '../src/codec.ts'
import { type Contract, contract, type Kind, type Method, returnsMany, sendsMany } from '../src/contract.ts'
import { implement, type Service } from '../src/implement.ts'
import type { Ctx } from '../src/peer.ts'
import type { RpcConnection } from '../src/rpc-connection.ts'
import { RpcError } from '../src/rpc-error.ts'
import type { CallBook, CallRecord } from './simulated-book.ts'
import { KINDS } from './simulated-plan.ts'
import type { Watch } from './simulated-watch.ts'

/** Every kind, in JSON and in bytes. */
export const work: Contract<Record<string, Method>> = contract(
  'work',
  Object.fromEntries(
    KINDS.flatMap((kind): [string, Method][] => [
      [kind, { kind, options: {}, path: '' }],
      [`${kind}Raw`, { kind, options: { codec: raw }, path: '' }],
    ]),
  ),
)

/** What a handler threw on purpose. */
export const MISTAKE = 'on purpose'

export interface World {
  readonly sim: Simulation
  readonly book: CallBook
  readonly watch: Watch
  /** Makes a call for another one. */
  nest(record: CallRecord, ctx: Ctx): Promise<void>
}

export function serviceOf(world: World): Service {
  const handlers = KINDS.flatMap((kind) => {
    const run = handlerOf(world, kind)
    return [
      [kind, run],
      [`${kind}Raw`, run],
    ]
  })
  return implement(work, Object.fromEntries(handlers))
}

function handlerOf(world: World, kind: Kind): (input: unknown, ctx: Ctx) => unknown {
  return (input, ctx) => {
    const record = world.book.records[Number(ctx.meta.get('call'))] as CallRecord
    const run = new HandlerRun(world, record, ctx)
    if (!sendsMany(kind) && record.plan.inputs.length > 0) record.receive('in', input)
    if (returnsMany(kind)) return run.tracked(run.stream(sendsMany(kind) ? input : []))
    const isSync = !sendsMany(kind) && record.plan.delayMs === 0 && !record.plan.holds && !record.plan.nests
    return isSync ? run.answerNow() : run.answer(sendsMany(kind) ? input : [])
  }
}

/** One run of one handler. */
class HandlerRun {
  readonly #world: World
  readonly #record: CallRecord
  readonly #ctx: Ctx
  readonly #random: Random
  readonly #signal: AbortSignal
  readonly #onAbort: () => void
  #abortedAt = Number.POSITIVE_INFINITY

  constructor(world: World, record: CallRecord, ctx: Ctx) {
    this.#world = world
    this.#record = record
    this.#ctx = ctx
    this.#random = record.random.handler
    record.runs++
    record.isRunning = true
    world.book.note(record, 'runs')
    world.watch.onHandler(ctx.peer as RpcConnection, record.plan.kind === 'oneway', 1)
    this.#signal = ctx.signal
    world.book.signals.add(this.#signal)
    this.#onAbort = () => {
      this.#abortedAt = world.sim.clock.now()
    }
    this.#signal.addEventListener('abort', this.#onAbort)
    if (record.plan.hasTrailers) ctx.trailers.set('call', String(record.number))
  }

  answerNow(): unknown {
    try {
      return this.#result()
    } finally {
      this.#end()
    }
  }

  async answer(input: unknown): Promise<unknown> {
    try {
      for await (const _ of this.#read(input)) await this.#rest()
      await this.#work()
      return this.#result()
    } finally {
      this.#end()
    }
  }

  async *stream(input: unknown): AsyncGenerator<unknown> {
    const { outputs } = this.#record.plan
    for await (const _ of this.#read(input)) if (this.#record.outputs < outputs.length) yield this.#next()
    await this.#work()
    while (this.#record.outputs < outputs.length) {
      await this.#rest()
      yield this.#next()
    }
    this.#fail()
  }

  /** A generator whose end is booked even if it never began. */
  tracked(source: AsyncGenerator<unknown>): AsyncIterator<unknown> & AsyncIterable<unknown> {
    let hasEnded = false
    const end = (): void => {
      if (!hasEnded) this.#end()
      hasEnded = true
    }
    const watched = async (step: Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown>> => {
      try {
        const result = await step
        if (result.done) end()
        return result
      } catch (error) {
        end()
        throw error
      }
    }
    return {
      next: () => watched(source.next()),
      return: (value) => watched(source.return(value)),
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  async *#read(input: unknown): AsyncGenerator<void> {
    const record = this.#record
    const { leavesInputAt, kind } = record.plan
    if (leavesInputAt === 0) return
    for await (const message of input as AsyncIterable<unknown>) {
      record.receive('in', message)
      yield
      if (record.inputs === leavesInputAt) return
    }
    record.isInputWhole = sendsMany(kind)
  }

  async #work(): Promise<void> {
    const { plan } = this.#record
    if (plan.closes) void this.#ctx.peer.close({ drainMs: this.#random.magnitude(500) })
    if (plan.nests) await this.#world.nest(this.#record, this.#ctx)
    if (plan.holds) await this.#pause(Number.POSITIVE_INFINITY)
    if (plan.delayMs > 0) await this.#pause(plan.delayMs)
  }

  async #rest(): Promise<void> {
    if (this.#record.plan.isSlow && this.#random.chance(0.3)) await this.#pause(this.#random.magnitude(50))
  }

  /** Ends with the signal, unless this handler does not look at it. */
  #pause(delayMs: number): Promise<void> {
    const { clock } = this.#world.sim
    const isDeaf = this.#record.plan.ignoresSignal && delayMs < Number.POSITIVE_INFINITY
    return new Promise((resolve, reject) => {
      const signal = this.#signal
      if (!isDeaf && signal.aborted) return reject(signal.reason)
      const finish = (): void => {
        clock.clearTimeout(timer)
        signal.removeEventListener('abort', finish)
        if (!isDeaf && signal.aborted) reject(signal.reason)
        else resolve()
      }
      const timer = delayMs === Number.POSITIVE_INFINITY ? undefined : clock.setTimeout(finish, delayMs)
      if (!isDeaf) signal.addEventListener('abort', finish)
    })
  }

  #next(): unknown {
    return this.#record.message('out', this.#record.outputs++)
  }

  #result(): unknown {
    this.#fail()
    return this.#record.plan.outputs.length === 0 ? undefined : this.#next()
  }

  #fail(): void {
    const { fails } = this.#record.plan
    // What an error says of another call must not be passed on.
    if (fails === 'rpc') throw new RpcError('ABORTED', MISTAKE, { notProcessed: true })
    if (fails === 'error') throw new Error(MISTAKE)
  }

  #end(): void {
    const record = this.#record
    const { sim, book, watch } = this.#world
    this.#signal.removeEventListener('abort', this.#onAbort)
    record.isRunning = false
    book.note(record, 'ends')
    watch.onHandler(this.#ctx.peer as RpcConnection, record.plan.kind === 'oneway', -1)
    // While the reply is on its way.
    if (record.plan.abortsAtEnd) sim.clock.setTimeout(() => record.abort(), this.#random.magnitude(200))
    const now = sim.clock.now()
    const { deadline } = this.#ctx
    if (Math.min(now, this.#abortedAt) > deadline + 2.5) {
      record.violate(`its handler was not told that its deadline ${deadline} had passed, at ${now}`)
    }
  }
}
