// What a reader is promised, as a model that knows only the bytes and the clock: whatever takes the messages, however often
// reading stops and goes on, each comes once and in order, little waits, and the peer has its limits of time to itself.

import { encode } from '@framewire/codec'
import { endOfTick, turn } from '@framewire/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeClock } from './fake-clock.ts'
import { setUpConnection } from './fake-connection.ts'
import { bytesOf, FRAMING } from './messages.ts'

const FRAME_TIMEOUT_MS = 2_000
const HEARTBEAT = { intervalMs: 1_000, timeoutMs: 500, message: bytesOf('?') }
const MOST_QUEUED = 4
const NUMBER_LENGTH = 4

class Reading {
  readonly clock = new FakeClock()
  readonly rig = setUpConnection(undefined, {
    clock: this.clock,
    frameTimeoutMs: FRAME_TIMEOUT_MS,
    heartbeat: HEARTBEAT,
    maxQueuedMessages: MOST_QUEUED,
    sendHighWaterMark: 100_000,
    sendLowWaterMark: 50_000,
  })
  /** Numbers of the messages that each taker got. */
  readonly taken: number[][] = []
  /** What the next call of a listener or sink does. */
  readonly answers: ((reading: Reading) => void)[] = []
  readonly failures: string[] = []
  readonly #iterators: AsyncIterator<Uint8Array>[] = []
  #wire: Uint8Array = new Uint8Array(0)
  #borders: number[] = [] // offsets at which a frame ends, from the next one on
  #brought = 0
  #frameStart = 0
  #sent = 0
  #isPaused = false
  #hasSink = false
  #pending = 0 // calls of `next` that nothing has answered
  #isCalled = false
  #frameMs = 0
  #silentMs = 0

  get isOver(): boolean {
    return this.rig.connection.state !== 'open'
  }

  write(length: number): void {
    const payload = new Uint8Array(NUMBER_LENGTH + length)
    new DataView(payload.buffer).setUint32(0, this.#sent++)
    this.#wire = Buffer.concat([this.#wire, encode(FRAMING, payload)])
    this.#borders.push(this.#brought + this.#wire.length)
  }

  /** So many bytes arrive, if they are read. */
  bring(count: number): void {
    if (this.rig.channel.isPaused || this.#wire.length === 0 || count === 0) return
    const chunk = this.#wire.subarray(0, count)
    this.#wire = this.#wire.subarray(count)
    this.#brought += chunk.length
    this.#silentMs = 0
    while ((this.#borders[0] ?? Number.POSITIVE_INFINITY) <= this.#brought) {
      this.#frameStart = this.#borders.shift() as number
      this.#frameMs = 0
    }
    this.rig.channel.bring(chunk)
  }

  /** Ten times as much while nothing is read: then it does not count. */
  pass(ms: number): void {
    if (!this.rig.channel.isPaused) {
      this.#silentMs += ms
      if (this.#brought > this.#frameStart) this.#frameMs += ms
    }
    this.clock.pass(this.rig.channel.isPaused ? 10 * ms : ms)
    const isLate = this.#frameMs >= FRAME_TIMEOUT_MS || this.#silentMs >= HEARTBEAT.intervalMs + HEARTBEAT.timeoutMs
    const times = `a frame of ${this.#frameMs} ms, a silence of ${this.#silentMs} ms`
    if (this.isOver !== isLate) this.failures.push(`${this.rig.connection.state} after ${times}`)
  }

  pause(): void {
    this.#isPaused = true
    this.rig.connection.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.rig.connection.resume()
  }

  listen(isOnce: boolean): void {
    const { connection } = this.rig
    if (this.#hasSink || connection.listenerCount('message') > 0) return
    const numbers = this.#taker()
    connection[isOnce ? 'once' : 'on']('message', (message) => this.#called(numbers, message))
  }

  leave(): void {
    this.rig.connection.removeAllListeners('message')
  }

  sink(): void {
    // It stands in place of the iterators, not beside them.
    if (this.#hasSink || this.#iterators.length > 0 || this.rig.connection.listenerCount('message') > 0) return
    this.#hasSink = true
    const numbers = this.#taker()
    this.rig.connection.receive((bytes, start, end) => {
      this.#called(numbers, this.rig.connection.keep(bytes, start, end))
      return this.#isPaused ? false : undefined
    })
  }

  next(): void {
    if (this.#hasSink) return
    const numbers = this.#taker()
    this.#pending++
    this.rig.connection.next().then(
      (message) => {
        this.#pending--
        if (message) numbers.push(numberOf(message))
      },
      () => {},
    )
  }

  iterate(): void {
    if (this.#hasSink) return
    const iterator = this.#iterators[0] ?? this.rig.connection[Symbol.asyncIterator]()
    this.#iterators[0] = iterator
    const numbers = this.#taker()
    iterator.next().then(
      ({ done, value }) => !done && numbers.push(numberOf(value)),
      () => {},
    )
  }

  stopIterating(): void {
    void this.#iterators.shift()?.return?.()
  }

  async turn(): Promise<void> {
    await endOfTick()
    await turn()
    this.clock.turn()
    await endOfTick()
    this.check()
    const { connection, channel } = this.rig
    if (this.isOver || this.#isPaused) return
    const isEmpty = connection.stats().messagesQueued === 0
    if (isEmpty && channel.isPaused) this.failures.push('reading did not go on')
    const hasReaders = this.#iterators.length + this.#pending > 0
    if (!isEmpty && !hasReaders && connection.listenerCount('message') > 0) this.failures.push('messages wait')
  }

  check(): void {
    const waiting = this.rig.connection.stats().messagesQueued
    if (waiting > MOST_QUEUED) this.failures.push(`${waiting} messages wait`)
  }

  /** Everything arrives, and is taken by whoever comes last. */
  async finish(): Promise<void> {
    this.answers.length = 0
    while (this.#iterators.length > 0) this.stopIterating()
    await this.turn()
    const abandoned = this.rig.connection.stats().messagesQueued
    this.leave()
    if (!this.#hasSink) this.listen(false)
    this.resume()
    for (let rounds = 0; rounds < 200 && this.#wire.length > 0 && !this.isOver; rounds++) {
      await this.turn()
      this.bring(1_000)
    }
    await this.turn()
    if (this.isOver) return
    for (const numbers of this.taken) expect(numbers).toEqual(numbers.toSorted((one, other) => one - other))
    const all = this.taken.flat().sort((one, other) => one - other)
    expect([abandoned <= MOST_QUEUED, all]).toEqual([true, Array.from({ length: this.#sent }, (_, index) => index)])
    this.rig.channel.onEnd()
    await this.turn()
    expect([this.rig.connection.state, this.rig.channel.hasEnded]).toEqual(['closing', true])
  }

  #taker(): number[] {
    const numbers: number[] = []
    this.taken.push(numbers)
    return numbers
  }

  #called(numbers: number[], message: Uint8Array): void {
    if (this.#isPaused) this.failures.push(`message ${numberOf(message)} came after pause`)
    if (this.#isCalled) this.failures.push('called within its own call')
    numbers.push(numberOf(message))
    this.#isCalled = true
    this.answers.pop()?.(this)
    this.#isCalled = false
  }
}

function numberOf(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getUint32(0)
}

type Act = (reading: Reading) => unknown

const inCallback: [string, Act][] = [
  ['pause', (reading) => reading.pause()],
  ['leave', (reading) => reading.leave()],
  [
    'pause, resume',
    (reading) => {
      reading.pause()
      reading.resume()
    },
  ],
  ['next', (reading) => reading.next()],
  ['resume', (reading) => reading.resume()],
]

const fixed: [string, Act][] = [
  ...inCallback,
  ['resume again', (reading) => reading.resume()],
  ['iterate', (reading) => reading.iterate()],
  ['iterate six times', (reading) => [1, 2, 3, 4, 5, 6].map(() => reading.iterate())],
  [
    'a frame and a half in good time',
    (reading) => {
      reading.write(40)
      reading.bring(44)
      reading.pass(900)
    },
  ],
  ['stop iterating', (reading) => reading.stopIterating()],
  ['listen', (reading) => reading.listen(false)],
  ['listen once', (reading) => reading.listen(true)],
  ['turn', (reading) => reading.turn()],
  ['turn again', (reading) => reading.turn()],
]

const act: fc.Arbitrary<[string, Act]> = fc.oneof(
  { weight: 4, arbitrary: fc.nat(40).map((length): [string, Act] => [`write ${length}`, (it) => it.write(length)]) },
  { weight: 6, arbitrary: fc.nat(120).map((count): [string, Act] => [`bring ${count}`, (it) => it.bring(count)]) },
  { weight: 2, arbitrary: fc.nat(700).map((ms): [string, Act] => [`pass ${ms}`, (it) => it.pass(ms)]) },
  { weight: 8, arbitrary: fc.constantFrom(...fixed) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...inCallback)
      .map(([name, answer]): [string, Act] => [`then ${name}`, (it) => void it.answers.push(answer)]),
  },
)

test('whoever reads, and however reading stops and goes on: each message comes once, in order, and time is fair', async () => {
  const acts = fc.array(act, { maxLength: 80, size: 'max' })
  await fc.assert(
    fc.asyncProperty(acts, fc.nat(4), async (steps, sinkAt) => {
      const reading = new Reading()
      for (const [index, [, step]] of steps.entries()) {
        // One program in five has a sink.
        if (index === 3 && sinkAt === 0) reading.sink()
        await step(reading)
        reading.check()
        if (reading.isOver) break
      }
      if (!reading.isOver) await reading.finish()
      expect(reading.failures).toEqual([])
      reading.rig.connection.destroy()
      await reading.rig.connection.closed
    }),
    { numRuns: 300 },
  )
})
