// The service `echo` of two-services.ts, in a process of its own. It tells its parent where it listens, and ends with it.
import { setTimeout as delay } from 'node:timers/promises'
import { implement, serve } from '@framewire/rpc'
import { echo } from './echo-contract.ts'

const service = implement(echo, {
  async say({ text, afterMs }, ctx) {
    console.log(`  echo:  "${text}", ${Math.round(ctx.deadline - performance.now())} ms are left`)
    ctx.signal.addEventListener('abort', () => console.log('  echo:  nobody waits any more, it stops'))
    // Nobody waits for the answer any more once the signal has aborted.
    await delay(afterMs, undefined, { signal: ctx.signal })
    return { text }
  },
})
const server = await serve('tcp://127.0.0.1:0', { services: [service], onError: () => {} })
process.once('disconnect', () => server.close({ drainMs: 1_000 }))
// Ctrl-C reaches both processes; the parent says when it is over.
process.on('SIGINT', () => {})
process.send?.(server.addresses[0])
