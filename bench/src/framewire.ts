// Ours: echoes and streams of @framewire/rpc with every guarantee on: limits, deadlines, cancellation, credit, keepalive.
// Only maxStreams is raised from its default of 128, or the deepest cell would measure calls that wait on the client's side,
// and how many may wait.
import {
  type Client,
  clientStream,
  connect,
  contract,
  implement,
  type Limits,
  raw,
  serve,
  serverStream,
  unary,
} from '@framewire/rpc'
import {
  type Caller,
  type Contender,
  type EchoServer,
  OURS,
  type SmallJson,
  type Take,
  type Terms,
} from './contender.ts'
import { handlerWork } from './handler-work.ts'
import { RING, ringOf } from './stream-loop.ts'

const UPLOAD_CHUNK = 64 * 1024
const MAX_STREAMS = 1_024
// As many as an open loop lets wait: what a busy machine stalls is late, and no failure.
const MAX_QUEUED = 10_000
const DEFAULT_MAX_MESSAGE = 4 * 1024 * 1024
const BUFFERED_PAYLOADS = 4
// A deadline of 10 s, the default, is short for 64 MiB on a busy machine; it costs the same.
const TIMEOUT_MS = 60_000

const bench = contract('bench', {
  bytes: unary<Uint8Array, Uint8Array>({ codec: raw }),
  json: unary<SmallJson, SmallJson>(),
  feed: serverStream<Uint8Array, Uint8Array>({ codec: raw }),
  upload: clientStream<Uint8Array, Uint8Array>({ codec: raw }),
})

type Api = Client<typeof bench.methods>

const numbers = (...values: number[]): Uint8Array => new Uint8Array(new Float64Array(values).buffer)
const numbersIn = (bytes: Uint8Array): Float64Array => new Float64Array(Uint8Array.from(bytes).buffer)

/** For busy polling both ends stay awake so long after the last message. */
export function framewire(name: string, busyPollMicros: number): Contender {
  const transport = { busyPollMicros }
  return {
    name,
    serve: (_, terms) => serveFramewire(transport, terms),
    connect: (port, _, terms) => connectFramewire(port, transport, terms),
  }
}

interface Transport {
  busyPollMicros: number
}

/** What there is to raise for payloads above the defaults; they may take longer, too. */
function limitsFor({ largestPayload = 0 }: Terms): Limits {
  if (largestPayload <= DEFAULT_MAX_MESSAGE) return {}
  return { maxMessage: largestPayload, maxBuffered: BUFFERED_PAYLOADS * largestPayload }
}

async function serveFramewire(transport: Transport, terms: Terms = {}): Promise<EchoServer> {
  const { connections, sharedPort, hashedBytes = 0 } = terms
  const work = handlerWork(hashedBytes)
  const service = implement(bench, {
    bytes(payload) {
      work?.()
      return payload
    },
    json: (value) => value,
    async *feed(request) {
      const [count, size] = numbersIn(request) as unknown as [number, number]
      const ring = ringOf(size)
      for (let sent = 0; sent < count; sent++) yield ring[sent % RING] as Uint8Array
    },
    async upload(chunks) {
      let counted = 0
      for await (const chunk of chunks) counted += chunk.length
      return numbers(counted)
    },
  })
  const server = await serve(`tcp://127.0.0.1:${sharedPort ?? 0}`, {
    services: [service],
    limits: { maxStreams: MAX_STREAMS, ...limitsFor(terms) },
    transport: {
      ...transport,
      ...(connections !== undefined && { maxConnections: connections + 1 }),
      ...(sharedPort !== undefined && { reusePort: true }),
    },
  })
  const [address] = server.addresses
  if (address === undefined || !('port' in address)) throw new Error('the framewire server has no TCP address')
  return { port: address.port, close: () => server.close() }
}

async function receive(api: Api, count: number, size: number, take: Take): Promise<void> {
  for await (const message of api.feed(numbers(count, size))) {
    const rest = take(message)
    if (rest !== undefined) await rest
  }
}

async function upload(api: Api, bytes: number): Promise<number> {
  function* chunks(): Generator<Uint8Array> {
    const chunk = new Uint8Array(UPLOAD_CHUNK)
    for (let sent = 0; sent < bytes; sent += UPLOAD_CHUNK) yield chunk.subarray(0, Math.min(UPLOAD_CHUNK, bytes - sent))
  }
  const counted = await api.upload(chunks(), { timeoutMs: Number.POSITIVE_INFINITY })
  return numbersIn(counted)[0] as number
}

async function stall(api: Api): Promise<() => Promise<void>> {
  const stream = api.feed(numbers(Number.MAX_SAFE_INTEGER, 1024))[Symbol.asyncIterator]()
  await stream.next()
  return async () => void (await stream.return(undefined))
}

async function connectFramewire(port: number, transport: Transport, terms: Terms = {}): Promise<Caller> {
  const peer = await connect(`tcp://127.0.0.1:${port}`, {
    transport,
    limits: { maxQueued: MAX_QUEUED, ...limitsFor(terms) },
    timeoutMs: TIMEOUT_MS,
  })
  const api = peer.client(bench)
  return {
    call: (value) => (value instanceof Uint8Array ? api.bytes(value) : api.json(value)),
    receive: (count, size, take) => receive(api, count, size, take),
    upload: (bytes) => upload(api, bytes),
    stall: () => stall(api),
    close: () => peer.close(),
  }
}

export const contender: Contender = framewire(OURS, 0)
