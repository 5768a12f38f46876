// One direction of one proxied connection: what one socket reads, meddled with, to the other. It holds at most 1 MiB and
// then lets its source wait, as its target makes it wait.

import type { Socket } from 'node:net'
import type { Random } from './random.ts'
import type { Toxic } from './toxics.ts'

/** What a flow asks of its connection. */
export interface FlowOwner {
  /** Both ends are to see the end of the other. */
  finish(): void
  reset(): void
}

/** Bytes, or what is to be done once all bytes before it have gone. */
interface Item {
  bytes: Uint8Array | undefined
  mark: 'end' | 'finish' | 'reset' | undefined
  dueAt: number
}

const MOST_QUEUED = 1024 * 1024
/** Writes in one turn of the event loop: small slices must not keep other connections from theirs. */
const WRITES_A_TURN = 512
/** What a limited bandwidth hands over at a time: so many ms of it. */
const PACE_MS = 20

export class ToxicFlow {
  /** Bytes that were passed on. */
  passed = 0
  readonly #source: Socket
  readonly #target: Socket
  readonly #owner: FlowOwner
  readonly #random: Random
  readonly #left = new Map<Toxic, number>() // bytes that a toxic still lets pass
  #toxics: readonly Toxic[] = []
  #queue: Item[] = []
  #queued = 0
  #nextAt = 0
  #timer: NodeJS.Timeout | undefined
  #isBlocked = false
  #isScheduled = false
  #isOver = false // whatever still comes is thrown away

  constructor(source: Socket, target: Socket, random: Random, owner: FlowOwner) {
    this.#source = source
    this.#target = target
    this.#random = random
    this.#owner = owner
    source.on('data', (chunk: Buffer) => this.#take(chunk))
    source.on('end', () =>
      this.#add({ bytes: undefined, mark: 'end', dueAt: performance.now() + this.#delayMs('slow_close') }),
    )
    target.on('drain', () => {
      this.#isBlocked = false
      this.#nextAt = Math.max(this.#nextAt, performance.now()) // nothing went on its way meanwhile
      this.#pump()
    })
  }

  /** What is queued does not wait for toxics that are gone. */
  set toxics(toxics: readonly Toxic[]) {
    this.#toxics = toxics
    for (const toxic of this.#left.keys()) if (!toxics.includes(toxic)) this.#left.delete(toxic)
    for (const toxic of toxics) {
      const limit =
        toxic.type === 'limit_data' ? toxic.bytes : toxic.type === 'reset_peer' ? toxic.afterBytes : undefined
      if (limit !== undefined && !this.#left.has(toxic)) this.#left.set(toxic, limit)
    }
    const now = performance.now()
    for (const item of this.#queue) item.dueAt = now
    this.#nextAt = now
    if (this.#isSilenced) this.#drop()
    this.#pump()
  }

  /** Nothing more is passed on. */
  stop(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#drop()
  }

  get #isSilenced(): boolean {
    return this.#toxics.some(({ type }) => type === 'timeout')
  }

  #drop(): void {
    this.#queue = []
    this.#queued = 0
    this.#source.resume()
  }

  #take(chunk: Uint8Array): void {
    if (this.#isOver || this.#isSilenced) return
    let bytes = chunk
    let limit: Toxic | undefined
    for (const [toxic, left] of this.#left) {
      if (left > bytes.length) continue
      bytes = bytes.subarray(0, left)
      limit = toxic
    }
    for (const [toxic, left] of this.#left) this.#left.set(toxic, left - bytes.length)
    const dueAt = performance.now() + this.#delayMs('latency')
    if (bytes.length > 0) this.#add({ bytes: this.#corrupted(bytes), mark: undefined, dueAt })
    if (limit === undefined) return
    const mark = limit.type === 'reset_peer' ? 'reset' : 'finish'
    this.#add({ bytes: undefined, mark, dueAt: dueAt + (limit.type === 'reset_peer' ? (limit.timeoutMs ?? 0) : 0) })
    this.#isOver = true
    this.#source.resume()
  }

  #add(item: Item): void {
    if (this.#isOver || this.#isSilenced) return
    this.#queue.push(item)
    this.#queued += item.bytes?.length ?? 0
    if (this.#queued > MOST_QUEUED) this.#source.pause()
    this.#pump()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    let writes = 0
    for (let item = this.#queue[0]; item !== undefined && !this.#isBlocked; item = this.#queue[0]) {
      const waitMs = Math.max(item.dueAt, this.#nextAt) - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs))
        return
      }
      if (++writes > WRITES_A_TURN) return this.#pumpLater()
      if (item.mark === undefined) this.#write(item)
      else {
        this.#queue.shift()
        this.#act(item.mark)
      }
    }
  }

  #pumpLater(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#pump()
    })
  }

  #write(item: Item): void {
    const bytes = item.bytes as Uint8Array
    const part = bytes.subarray(0, this.#pieceLength(bytes.length))
    if (part.length === bytes.length) this.#queue.shift()
    else item.bytes = bytes.subarray(part.length)
    this.#queued -= part.length
    this.passed += part.length
    const now = performance.now()
    for (const toxic of this.#toxics) {
      if (toxic.type === 'bandwidth') {
        // Not from now on: what timers are late, a link would not have stood still.
        this.#nextAt = Math.max(item.dueAt, this.#nextAt) + (part.length / toxic.bytesPerSecond) * 1_000
      } else if (toxic.type === 'slicer') this.#nextAt = Math.max(this.#nextAt, now + (toxic.delayMs ?? 0))
    }
    this.#isBlocked = !this.#target.write(part)
    if (this.#queued <= MOST_QUEUED / 2) this.#source.resume()
  }

  #act(mark: 'end' | 'finish' | 'reset'): void {
    if (mark === 'end') this.#target.end()
    else if (mark === 'finish') this.#owner.finish()
    else this.#owner.reset()
  }

  #pieceLength(most: number): number {
    let length = most
    for (const toxic of this.#toxics) {
      if (toxic.type === 'bandwidth') length = Math.min(length, Math.ceil((toxic.bytesPerSecond * PACE_MS) / 1_000))
      if (toxic.type !== 'slicer') continue
      const { averageSize, sizeVariation = 0 } = toxic
      const size = averageSize + (sizeVariation > 0 ? this.#random.integer(-sizeVariation, sizeVariation) : 0)
      length = Math.min(length, Math.max(1, Math.floor(size)))
    }
    return length
  }

  #delayMs(type: 'latency' | 'slow_close'): number {
    let delayMs = 0
    for (const toxic of this.#toxics) {
      if (toxic.type === 'slow_close' && type === 'slow_close') delayMs += toxic.delayMs
      if (toxic.type !== 'latency') continue
      const { latencyMs, jitterMs = 0 } = toxic
      delayMs += Math.max(0, latencyMs + (2 * this.#random.next() - 1) * jitterMs)
    }
    return delayMs
  }

  #corrupted(bytes: Uint8Array): Uint8Array {
    const rates = this.#toxics.flatMap((toxic) => (toxic.type === 'corrupt' && toxic.rate > 0 ? [toxic.rate] : []))
    if (rates.length === 0) return bytes
    const changed = new Uint8Array(bytes)
    for (const rate of rates) {
      for (let at = 0; at < changed.length; at++) {
        if (this.#random.chance(rate)) changed[at] = (changed[at] as number) ^ this.#random.integer(1, 255)
      }
    }
    return changed
  }
}
