// What the two processes of part 3 agree on: plain TypeScript, shared by both, from which the types of the client and
// of the handlers are derived.
import { contract, oneway, raw, type, unary } from '@framewire/rpc'

/** What the second process offers. */
export const Calculator = contract('calculator', {
  add: unary<{ left: number; right: number }, { sum: number }>(),
  /** Bytes in, the same bytes backwards out, without JSON. */
  reverse: unary<Uint8Array, Uint8Array>({ codec: raw }),
  divide: unary({
    input: type<{ dividend: number; divisor: number }>(),
    output: type<{ quotient: number }>(),
    errors: { DivisionByZero: { code: 'INVALID_ARGUMENT', details: type<{ dividend: number }>() } },
  }),
  /** Never answers by itself: it waits until its caller gives up. */
  wait: unary<{ ticket: string }, void>(),
})

/** How the wait of a handler ended. */
export interface WaitReport {
  ticket: string
  /** Why its signal aborted. */
  reason: string
  milliseconds: number
}

/** What the first process offers in return: calls go both ways on one connection. */
export const Caller = contract('caller', {
  waitEnded: oneway<WaitReport>(),
})
