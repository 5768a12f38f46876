// What the two services of two-services.ts agree on with those who call them.
import { contract, type, unary } from '@framewire/rpc'

/** Says the same again, after the time that is asked for. */
export const echo = contract('echo', {
  say: unary({ input: type<{ text: string; afterMs: number }>(), output: type<{ text: string }>() }),
})

/** Says it louder; for that it calls `echo`. */
export const shout = contract('shout', {
  say: unary({ input: type<{ text: string; afterMs: number }>(), output: type<{ text: string }>() }),
})
