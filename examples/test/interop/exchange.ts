// One connection to a peer that sends every frame back reversed, which no pipe for bytes could do: it has to find the
// borders that we wrote, and we have to find its. Chunks are cut at random on both sides.

import { encode, type Framing, lines } from '@framewire/codec'
import { FrameClient } from '../protocols/frame-client.ts'
import { RandomSource } from '../protocols/random-source.ts'
import { connectTo } from '../protocols/server-process.ts'
import { concat, utf8 } from '../protocols/vectors.ts'

/** Payloads for a framing: empty ones, the longest it takes (or `most`), and random ones in between. */
export function payloads(framing: Framing, most: number = 70_000): Uint8Array[] {
  const random = new RandomSource()
  const longest = Math.min(framing.maxFrameLength, most)
  const short = Math.min(longest, 300) + 1
  const lengths = [0, 1, longest, 0, 0, ...Array.from({ length: 40 }, () => random.below(short)), longest - 1, 0]
  return lengths.map((length) => random.bytes(length))
}

export interface Exchange {
  port: number
  /** What the peer is told about its codecs. */
  config: string
  /** Whole frames as we send them. */
  wires: readonly Uint8Array[]
  /** How the peer's frames are framed. */
  receives: Framing
}

/** What the peer sends back, one frame for each of ours. */
export async function exchange({ port, config, wires, receives }: Exchange): Promise<string[]> {
  const client = new FrameClient(await connectTo(port), lines())
  try {
    await client.send(utf8(`${config}\n`))
    const answer = Buffer.from(await client.next()).toString()
    if (answer !== 'ok') throw new Error(`the peer answered ${JSON.stringify(answer)}`)
    client.setFraming(receives)
    const stream = concat(...wires)
    const sent = client.send(stream, Math.max(40, stream.length / 300))
    const received: string[] = []
    while (received.length < wires.length) received.push(comparable(await client.next()))
    await sent
    return received
  } finally {
    client.close()
  }
}

/** Sends payloads in one framing and compares what comes back in the same framing. */
export async function roundTrip(port: number, config: string, framing: Framing): Promise<[string[], string[]]> {
  const sent = payloads(framing)
  const wires = sent.map((payload) => encode(framing, payload))
  return [await exchange({ port, config, wires, receives: framing }), reversed(sent)]
}

export function reversed(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => comparable(frame.toReversed()))
}

/** Text that a failed test can show, quick to compare. */
function comparable(frame: Uint8Array): string {
  return `${frame.length} bytes ${Buffer.from(frame).toString('base64')}`
}
