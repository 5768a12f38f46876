// A send queue over a channel that the test drives by hand.

import { encode, type Framing, lengthField } from '@framewire/codec'
import { SendQueue } from '../src/send-queue.ts'
import { FakeChannel } from './fake-channel.ts'

export const LIMITS = { highWaterMark: 20_000, lowWaterMark: 5_000, maxSendBuffer: 140_000 }
export const FRAMING = lengthField({ maxFrameLength: 70_000 })

export function setUp(room?: number, limits: Partial<typeof LIMITS> & { framing?: Framing } = {}) {
  const channel = new FakeChannel(room)
  const progress: number[] = []
  const budget = undefined
  const options = {
    framing: FRAMING,
    ...LIMITS,
    budget,
    ...limits,
    onProgress: () => progress.push(queue.bufferedAmount),
  }
  const queue: SendQueue = new SendQueue(channel, options)
  return { channel, queue, progress }
}

export const wire = (payloads: readonly Uint8Array[]): Buffer =>
  Buffer.concat(payloads.map((payload) => encode(FRAMING, payload)))
