// Child process of the transport benchmark: `transport-child.js NAME server|client [PORT]`. The server answers messages that
// begin with 1 and counts the others; the client does one piece of work for each order of its parent and answers with a
// number. It ends when its parent does.

import type { Certificate, End } from './transport-end.ts'
import { floor } from './transport-floor.ts'
import { framewire } from './transport-framewire.ts'

export interface Order {
  work: 'one way' | 'ping-pong' | 'idle' | 'rss' | 'pause' | 'flood'
  size: number
  ms: number
}

const PING = 1
const [, , name = '', role = '', port = '0'] = process.argv
const maker = name === floor.name ? floor : framewire
const certificate = JSON.parse(process.env.BENCH_CERTIFICATE ?? 'null') as Certificate | null
const accepted = new Set<End>()

function serve(): Promise<number> {
  return maker.serve(certificate ?? undefined, (end) => {
    accepted.add(end)
    end.onMessage((bytes, start, stop) => {
      if (bytes[start] === PING) end.send(new Uint8Array(bytes.subarray(start, stop)))
    })
  })
}

function memory(): number {
  globalThis.gc?.()
  return process.memoryUsage().rss
}

/** Resolves with the next message. */
function nextOf(end: End): () => Promise<void> {
  let heard = (): void => {}
  end.onMessage(() => heard())
  return () =>
    new Promise((resolve) => {
      heard = resolve
    })
}

/** Messages a second that arrived: the last one is a ping, whose answer says so. */
async function oneWay(end: End, next: () => Promise<void>, { size, ms }: Order): Promise<number> {
  const payload = new Uint8Array(size)
  const begin = performance.now()
  let sent = 0
  while (performance.now() - begin < ms) {
    for (let count = 0; count < 64; count++) {
      sent++
      if (!end.send(payload)) {
        await end.drained()
        break
      }
    }
    if (sent % 4_096 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const answered = next()
  end.send(Uint8Array.of(PING))
  await answered
  return (sent * 1_000) / (performance.now() - begin)
}

/** Round trips a second, one at a time. */
async function pingPong(end: End, next: () => Promise<void>, { size, ms }: Order): Promise<number> {
  const payload = new Uint8Array(size).fill(PING)
  const begin = performance.now()
  let count = 0
  while (performance.now() - begin < ms) {
    const answered = next()
    end.send(payload)
    await answered
    count++
  }
  return (count * 1_000) / (performance.now() - begin)
}

/** Sends at full speed to a peer that takes nothing; returns the most memory that this process had. */
async function flood(end: End, { size, ms }: Order): Promise<number> {
  const payload = new Uint8Array(size)
  const begin = performance.now()
  let most = 0
  let room: Promise<void> | undefined
  while (performance.now() - begin < ms) {
    for (let count = 0; room === undefined && count < 1_000; count++) {
      if (end.send(payload)) continue
      room = end.drained().finally(() => {
        room = undefined
      })
    }
    most = Math.max(most, process.memoryUsage().rss)
    await Promise.race([room, new Promise((resolve) => setTimeout(resolve, 100))])
  }
  return most
}

const ends: End[] = []
let next: () => Promise<void> = () => Promise.resolve()

async function obey(order: Order): Promise<number> {
  if (order.work === 'rss') return memory()
  if (order.work === 'pause') {
    for (const end of accepted) end.pause()
    return accepted.size
  }
  if (order.work === 'idle') {
    while (ends.length < order.size) ends.push(await maker.connect(Number(port), certificate ?? undefined))
    return ends.length
  }
  if (ends.length === 0) {
    ends.push(await maker.connect(Number(port), certificate ?? undefined))
    next = nextOf(ends[0] as End)
  }
  const end = ends[0] as End
  if (order.work === 'flood') return flood(end, order)
  return order.work === 'one way' ? oneWay(end, next, order) : pingPong(end, next, order)
}

process.on('message', async (order: Order) => {
  try {
    process.send?.({ value: await obey(order) })
  } catch (error) {
    process.send?.({ failure: error instanceof Error ? error.message : String(error) })
  }
})
// Ctrl-C in a terminal reaches the whole group: the parent decides what ends.
process.on('SIGINT', () => {})
process.once('disconnect', () => process.exit(0))
process.send?.({ value: role === 'server' ? await serve() : 0 })
