// A method of every kind, for puppets that call it wrongly.

import { raw } from '../src/codec.ts'
import { clientStream, contract, oneway, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { FLAG, open } from './frames.ts'

export const work = contract('work', {
  echo: unary<unknown, unknown>(),
  hold: unary<void, void>(),
  tell: oneway<unknown>(),
  bytes: unary<Uint8Array, Uint8Array>({ codec: raw }),
  take: clientStream<Uint8Array, Uint8Array>({ codec: raw }),
  stall: clientStream<Uint8Array, Uint8Array>({ codec: raw }),
  feed: serverStream<Uint8Array, Uint8Array>({ codec: raw }),
})

/** What `tell` was told: nothing, where a call must not have been looked at. */
export const told: unknown[] = []

export const service = implement(work, {
  echo: (value) => value,
  hold: (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined))),
  tell: (value) => void told.push(value),
  bytes: (bytes) => bytes,
  async take(chunks) {
    let bytes = 0
    for await (const chunk of chunks) bytes += chunk.length
    return Buffer.from(String(bytes))
  },
  stall: (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', reject)),
  async *feed(_, { signal }) {
    yield Buffer.from('first')
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  },
})

const RAW = { encoding: 0 }

/** OPEN of the client stream `take`, which reads on, or of `stall`, which does not. */
export const openTake = (id: number): Buffer => open(id, 'work.take', '', { ...RAW, flags: FLAG.none })
export const openStall = (id: number): Buffer => open(id, 'work.stall', '', { ...RAW, flags: FLAG.none })
/** OPEN of `hold`, which ends when it is cancelled. */
export const openHold = (id: number): Buffer => open(id, 'work.hold', '', { flags: FLAG.last | FLAG.none })
export const openBytes = (id: number, bytes: Uint8Array, flags: number = FLAG.last): Buffer =>
  open(id, 'work.bytes', bytes, { ...RAW, flags })
