// The handlers of part 3. What they take and return is checked against the contract by the compiler.
import { once } from 'node:events'
import { implement, RpcError, type Server, type Service, serve } from '@framewire/rpc'
import type { Address } from '@framewire/transport'
import { Calculator, Caller } from './contract.ts'
import { isFaulty } from './fault.ts'

const calculator: Service = implement(Calculator, {
  add: ({ left, right }) => ({ sum: left + right + (isFaulty('answer') ? 1 : 0) }),
  reverse: (bytes) => bytes.toReversed(),
  divide({ dividend, divisor }, call) {
    if (divisor === 0) throw call.error('DivisionByZero', { dividend })
    return { quotient: dividend / divisor }
  },
  async wait({ ticket }, { signal, peer }) {
    const startedAt = performance.now()
    await once(signal, 'abort')
    const reason = signal.reason instanceof RpcError ? signal.reason.code : String(signal.reason)
    await peer.client(Caller).waitEnded({ ticket, reason, milliseconds: performance.now() - startedAt })
  },
})

export function serveCalls(address: Address): Promise<Server> {
  return serve(address, { services: [calculator] })
}
