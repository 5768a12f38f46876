// The echo as a service, called by another service in another process. A caller that gives the second one 500 ms gives the
// first one what is left of them: when the time is over, both stop.
//
// The naive version numbers its requests itself, has a timer of its own in each process, and goes on working for a caller
// that has long given up; when the other process dies, its requests wait for ever.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect, type Endpoint, implement, RpcError, serve } from '@framewire/rpc'
import { echo, shout } from './echo-contract.ts'

const child = fork(fileURLToPath(new URL('./echo-process.js', import.meta.url)))
const [address] = (await once(child, 'message')) as [Endpoint]

const echoPeer = await connect(address)
const echoes = echoPeer.client(echo)
const service = implement(shout, {
  async say(input, ctx) {
    console.log(`  shout: "${input.text}", ${Math.round(ctx.deadline - performance.now())} ms are left`)
    await delay(100) // the work
    // `ctx` hands on the deadline, the cancellation and the trace.
    const { text } = await echoes.say(input, { ctx })
    return { text: text.toUpperCase() }
  },
})
const server = await serve('tcp://127.0.0.1:0', { services: [service] })
const peer = await connect(server.addresses[0] as Endpoint)
const shouts = peer.client(shout)

async function ask(text: string, afterMs: number, timeoutMs: number): Promise<void> {
  console.log(`"${text}" after ${afterMs} ms, within ${timeoutMs} ms:`)
  try {
    const answer = await shouts.say({ text, afterMs }, { timeoutMs })
    console.log(`  answer: ${answer.text}`)
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    console.log(`  no answer: ${error.code}`)
  }
}

await ask('hello', 20, 5_000)
await ask('too late', 60_000, 500)
await peer.close()
await server.close()
await echoPeer.close()
child.disconnect()
await once(child, 'exit')
console.log('both processes are done')
