// Cells of the transport: messages one way and round trips between two processes, as ratios to the floor of the same rounds.
import { type Cell, resultsOf, type Setting } from './cell.ts'
import { alternate } from './rounds.ts'
import type { Order } from './transport-child.ts'
import type { Certificate } from './transport-end.ts'
import { TransportPair } from './transport-pair.ts'

const KiB = 1024
const MiB = 1024 * KiB

const TRANSPORT_BASELINE = 'floor'
export const MAKERS: readonly string[] = [TRANSPORT_BASELINE, 'framewire']

export interface TransportWork {
  title: string
  work: Order['work']
  size: number
  firstTarget?: number
}

export const TRANSPORT_WORKS: readonly TransportWork[] = [
  { title: '64 B one way', work: 'one way', size: 64, firstTarget: 0.6 },
  { title: '4 KiB one way', work: 'one way', size: 4 * KiB },
  { title: '1 MiB one way', work: 'one way', size: MiB },
  { title: '64 B there and back', work: 'ping-pong', size: 64 },
]

/** Over TLS when there is a certificate. */
export async function transportCell(
  { title, work, size, firstTarget }: TransportWork,
  certificate: Certificate | undefined,
  { rounds, seconds, pinned, signal }: Setting,
): Promise<Cell> {
  const pairs = new Map<string, TransportPair>()
  const order = { work, size, ms: seconds * 1_000 }
  const measure = async (name: string): Promise<number> => {
    const running = pairs.get(name)
    if (running !== undefined) return running.client(order)
    const pair = await TransportPair.start(name, pinned, certificate)
    pairs.set(name, pair)
    await pair.client(order)
    return pair.client(order)
  }
  try {
    const results = resultsOf(await alternate(MAKERS, rounds, measure, signal), TRANSPORT_BASELINE)
    return {
      suite: 'transport',
      title: certificate === undefined ? title : `${title}, TLS`,
      unit: 'messages/s',
      baseline: TRANSPORT_BASELINE,
      payloadBytes: size,
      ...(firstTarget !== undefined && { firstTarget }),
      results,
    }
  } finally {
    for (const pair of pairs.values()) await pair.close()
  }
}
