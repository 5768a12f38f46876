// Bugs that a checker must find, each as a channel between a connection and its real one. Every bug bites once a
// connection, at a moment drawn from the seed.

import { encode, FrameDecoder } from '@framewire/codec'
import type { ByteChannel } from '../src/byte-channel.ts'
import type { Random } from '../src/random.ts'
import { FRAMING } from './messages.ts'
import type { Plant } from './simulated-run.ts'

/** What a bug makes of what passes. `bites` answers true once. */
interface Bug {
  writes?(chunks: readonly Uint8Array[], bites: () => boolean, random: Random): readonly Uint8Array[]
  reads?(chunk: Uint8Array, bites: () => boolean, random: Random): readonly Uint8Array[]
  /** Whether the event is kept back. */
  swallows?: 'drain' | 'end' | 'onEnd' | 'onClose' | 'resume'
  closesTwice?: boolean
}

class BuggyChannel implements ByteChannel {
  onData: (chunk: Uint8Array) => void = () => {}
  onEnd: () => void = () => {}
  onDrain: () => void = () => {}
  onClose: (error?: Error) => void = () => {}
  readonly #real: ByteChannel
  readonly #bug: Bug
  readonly #random: Random
  readonly #bites: () => boolean
  #isPaused = false

  constructor(real: ByteChannel, bug: Bug, random: Random) {
    this.#real = real
    this.#bug = bug
    this.#random = random
    let isLeft = true
    this.#bites = () => {
      if (!isLeft || !random.chance(0.1)) return false
      isLeft = false
      return true
    }
    real.onData = (chunk) => {
      for (const part of bug.reads?.(chunk, this.#bites, random) ?? [chunk]) this.onData(part)
    }
    real.onEnd = () => this.#pass('onEnd', () => this.onEnd())
    real.onDrain = () => this.#pass('drain', () => this.onDrain())
    real.onClose = (error) => {
      this.#pass('onClose', () => this.onClose(error))
      if (bug.closesTwice && this.#bites()) this.onClose(error)
    }
  }

  get bufferedLength(): number {
    return this.#real.bufferedLength
  }

  write(chunks: readonly Uint8Array[]): boolean {
    return this.#real.write(this.#bug.writes?.(chunks, this.#bites, this.#random) ?? chunks)
  }

  end(): void {
    this.#pass('end', () => this.#real.end())
  }

  destroy(): void {
    this.#real.destroy()
  }

  pause(): void {
    this.#isPaused = true
    this.#real.pause()
  }

  resume(): void {
    if (!this.#isPaused) return this.#real.resume()
    this.#isPaused = false
    this.#pass('resume', () => this.#real.resume())
  }

  #pass(event: Bug['swallows'], pass: () => void): void {
    if (this.#bug.swallows !== event || !this.#bites()) pass()
  }
}

/** Frames again from bytes cut anywhere, so that one of them can be delivered in part. */
function partialFrames(): NonNullable<Bug['reads']> {
  const decoder = new FrameDecoder(FRAMING)
  return (chunk, bites) => {
    return decoder.decode(chunk).map((frame) => encode(FRAMING, bites() ? frame.subarray(0, frame.length - 1) : frame))
  }
}

/** Holds one chunk back until the next one has passed. */
function swappedChunks(): NonNullable<Bug['reads']> {
  let held: Uint8Array | undefined
  return (chunk, bites) => {
    if (held === undefined && bites()) {
      held = chunk
      return []
    }
    const chunks = held === undefined ? [chunk] : [chunk, held]
    held = undefined
    return chunks
  }
}

const BUGS: Readonly<Record<string, () => Bug>> = {
  'drops one byte on a partial write': () => ({
    writes(chunks, bites, random) {
      if (!bites()) return chunks
      const bytes = Buffer.concat(chunks)
      const cut = random.integer(0, bytes.length - 1)
      return [bytes.subarray(0, cut), bytes.subarray(cut + 1)]
    },
  }),
  'forgets one drain': () => ({ swallows: 'drain' }),
  'delivers a partial frame': () => ({ reads: partialFrames() }),
  'doubles a chunk': () => ({ reads: (chunk, bites) => (bites() ? [chunk, chunk] : [chunk]) }),
  'swaps two chunks': () => ({ reads: swappedChunks() }),
  'loses a chunk': () => ({ reads: (chunk, bites) => (bites() ? [] : [chunk]) }),
  'changes one bit': () => ({
    reads(chunk, bites, random) {
      if (!bites()) return [chunk]
      const changed = new Uint8Array(chunk)
      const at = random.integer(0, chunk.length - 1)
      changed[at] = (changed[at] as number) ^ (1 << random.integer(0, 7))
      return [changed]
    },
  }),
  'loses the end it sends': () => ({ swallows: 'end' }),
  'loses the end it reads': () => ({ swallows: 'onEnd' }),
  'never closes': () => ({ swallows: 'onClose' }),
  'closes twice': () => ({ closesTwice: true }),
  'forgets one resume': () => ({ swallows: 'resume' }),
}

/** Every bug by what it does. */
export const PLANTS: ReadonlyMap<string, Plant> = new Map(
  Object.entries(BUGS).map(([name, make]) => [name, (channel, random) => new BuggyChannel(channel, make(), random)]),
)
