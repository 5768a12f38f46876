// A contract with a method of every kind, and handlers that tell what they do.

import { turn } from '@framewire/testkit'
import { raw } from '../src/codec.ts'
import { bidi, clientStream, contract, oneway, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Ctx } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import { connectTo, startServer } from './peers.ts'
import { schema, slowSchema, withId } from './schemas.ts'

export const work = contract('work', {
  count: serverStream<{ from: number; to: number }, number>(),
  bytes: serverStream<Uint8Array, Uint8Array>({ codec: raw }),
  sum: clientStream<number, number>(),
  size: clientStream<Uint8Array, Uint8Array>({ codec: raw }),
  upper: bidi<string, string>(),
  checked: bidi({ input: schema(withId), output: slowSchema(withId) }),
  add: unary<[number, number], number>(),
  tell: oneway<number>(),
})

/** What a handler of the test did, in order. */
export class Log {
  readonly events: string[] = []
  ctx: Ctx | undefined

  add(event: string): void {
    this.events.push(event)
  }
}

function serviceOf(log: Log) {
  return implement(work, {
    async *count({ from, to }, ctx) {
      log.ctx = ctx
      log.add('begin')
      try {
        for (let number = from; number < to; number++) {
          log.add(`yield ${number}`)
          yield number
        }
        log.add('end')
      } finally {
        log.add('finally')
      }
    },
    async *bytes(length) {
      for (;;) yield new Uint8Array(Number(Buffer.from(length).toString()))
    },
    async sum(numbers, ctx) {
      log.ctx = ctx
      let sum = 0
      for await (const number of numbers) {
        if (number < 0) throw new RpcError('INVALID_ARGUMENT', `no ${number}`)
        if (number === 0) return sum
        sum += number
      }
      return sum
    },
    async size(chunks) {
      let size = 0
      for await (const chunk of chunks) size += chunk.length
      return Buffer.from(String(size))
    },
    async *upper(lines, ctx) {
      log.ctx = ctx
      try {
        for await (const line of lines) {
          if (line === 'stop') return
          if (line === 'fail') throw new RpcError('ABORTED', 'told to fail')
          yield line.toUpperCase()
        }
      } finally {
        log.add('finally')
      }
    },
    async *checked(values) {
      for await (const value of values) yield value.id === 13 ? (undefined as unknown as { id: number }) : value
    },
    add: ([left, right]) => left + right,
    tell: () => {},
  })
}

export async function start(options: Parameters<typeof connectTo>[1] = {}) {
  const log = new Log()
  const errors: unknown[] = []
  const service = serviceOf(log)
  const { limits = {} } = options
  const server = await startServer({ services: [service], limits, onError: (error) => errors.push(error) })
  const peer = await connectTo(server, { services: [service], ...options })
  return { log, errors, server, peer, api: peer.client(work) }
}

export async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const message of messages) list.push(message)
  return list
}

export async function* from<T>(values: Iterable<T>, log?: Log): AsyncGenerator<T> {
  try {
    for (const value of values) yield value
  } finally {
    log?.add('input left')
  }
}

/** Gives messages until it is left, each in a turn of its own. */
export async function* endless<T>(value: T, log: Log): AsyncGenerator<T> {
  try {
    for (;;) {
      yield value
      await turn()
    }
  } finally {
    log.add('input left')
  }
}
