// What a sender promises, as a model that knows only the bytes: commands for fast-check that are run against a SendQueue
// or a Connection over a FakeChannel, and compared with the model after each.

import { encode, type Framing } from '@framewire/codec'
import { endOfTick, turn } from '@framewire/testkit'
import fc from 'fast-check'
import type { FakeChannel } from './fake-channel.ts'
import type { FakeClock } from './fake-clock.ts'
import { message } from './messages.ts'

/** What a SendQueue and a Connection have in common. */
export interface Sender {
  readonly slab: Buffer
  readonly bufferedAmount: number
  send(message: Uint8Array): boolean
  sendParts?(parts: readonly Uint8Array[]): boolean
  begin(maxLength: number): number
  commit(end: number): boolean
  cork(): void
  uncork(): void
  flush(): unknown
}

/** What a Connection has besides. */
interface Life {
  readonly state: string
  send(message: Uint8Array | readonly Uint8Array[]): boolean
  flush(): Promise<void>
  drained(): Promise<void>
  close(): unknown
  on(event: 'drain', listener: () => void): unknown
}

export interface Real {
  sender: Sender
  channel: FakeChannel
  /** The sender again, where it is a Connection, and the clock it goes by. */
  life?: { connection: Life; clock: FakeClock; sendStallTimeoutMs: number }
}

export class Model {
  readonly framing: Framing
  readonly highWaterMark: number
  readonly lowWaterMark: number
  readonly maxSendBuffer: number
  /** Every frame accepted, in order. */
  readonly accepted: Uint8Array[] = []
  corks = 0
  /** Bytes that had left when the event loop last turned. What leaves within a tick counts against the mark as if it waited. */
  leftBefore = 0
  needsDrain = false
  isClosing = false
  /** The peer took nothing for too long: all is over. */
  isStalled = false
  /** Promises of `flush` and `drained` that have not settled. */
  readonly waits = new Set<'flush' | 'drained'>()
  /** Lengths of messages to be sent by the next listeners of 'drain'. */
  readonly answers: number[] = []
  #left = 0
  #progressAt = 0

  constructor(framing: Framing, limits: { highWaterMark: number; lowWaterMark: number; maxSendBuffer: number }) {
    this.framing = framing
    this.highWaterMark = limits.highWaterMark
    this.lowWaterMark = limits.lowWaterMark
    this.maxSendBuffer = limits.maxSendBuffer
  }

  get acceptedLength(): number {
    return this.accepted.reduce((sum, frame) => sum + frame.length, 0)
  }

  nextMessage(length: number): Uint8Array {
    return message(this.accepted.length, length)
  }

  /** Compares everything that can be seen. Bytes may leave later than they could, but nothing else may differ. */
  check({ sender, channel, life }: Real): void {
    const { bytes } = channel
    const all = Buffer.concat(this.accepted)
    if (Buffer.compare(bytes, all.subarray(0, bytes.length)) !== 0)
      throw new Error('other bytes left than were accepted')
    if (life === undefined || !this.isStalled) equal('bufferedAmount', sender.bufferedAmount, all.length - bytes.length)
    if (life === undefined) return
    if (bytes.length > this.#left || channel.bufferedLength === 0) this.#progressAt = life.clock.time
    this.#left = bytes.length
  }

  /** Everything that may leave has left, now that the event loop has turned: no byte and no drain is forgotten. */
  checkRest(real: Real): void {
    this.check(real)
    const { channel, sender, life } = real
    if (this.corks === 0 && channel.room > 0 && !this.isStalled) equal('bytes left behind', sender.bufferedAmount, 0)
    if (life === undefined || this.isStalled) return
    // A channel tells of progress only once it has passed on all it took: until then drain may be late.
    if (channel.bufferedLength > 0) return
    if (this.needsDrain && sender.bufferedAmount <= this.lowWaterMark) throw new Error('drain did not come')
    if (!this.needsDrain) equal('drained() waits', this.waits.has('drained'), false)
    if (sender.bufferedAmount > 0) return
    equal('flush() waits', this.waits.has('flush'), false)
    equal('the end was sent', channel.hasEnded, this.isClosing)
  }

  /** 'drain' comes once for each time that `send` began to answer false, and when little waits. */
  onDrain(real: Real): void {
    const waiting = real.sender.bufferedAmount
    if (!this.needsDrain || waiting > this.lowWaterMark) throw new Error(`drain came with ${waiting} bytes waiting`)
    this.needsDrain = false
    const length = this.answers.pop()
    if (length === undefined || this.isClosing) return
    const payload = this.nextMessage(length)
    this.accepted.push(encode(this.framing, payload))
    if (!real.sender.send(payload)) this.needsDrain = true
  }

  /** A peer that takes nothing is given up after the limit, an eighth of it late at most, and no other is. */
  checkStall({ channel, life }: Real): void {
    if (life === undefined || this.isStalled) return
    const { connection, clock, sendStallTimeoutMs: limitMs } = life
    const waitedMs = channel.bufferedLength > 0 ? clock.time - this.#progressAt : 0
    const isClosed = connection.state === 'closed'
    if (isClosed && waitedMs < limitMs) throw new Error(`given up after ${waitedMs} ms`)
    if (!isClosed && waitedMs > (limitMs * 9) / 8 + 1) throw new Error(`not given up after ${waitedMs} ms`)
    this.isStalled = isClosed
  }
}

type Command = fc.AsyncCommand<Model, Real>

type Way = 'send' | 'parts' | 'begin' | 'begin, flush'

class Send implements Command {
  readonly length: number
  readonly way: Way
  readonly spare: number

  constructor(length: number, way: Way, spare: number) {
    this.length = length
    this.way = way
    this.spare = spare
  }

  check(model: Readonly<Model>): boolean {
    return !model.isClosing && !model.isStalled
  }

  async run(model: Model, real: Real): Promise<void> {
    const { sender } = real
    const payload = model.nextMessage(this.length)
    const frame = encode(model.framing, payload)
    const give = this.#open(model, real, payload)
    const before = sender.bufferedAmount
    const left = real.channel.bytes.length
    const mustRefuse = before + frame.length > model.maxSendBuffer
    let answer: boolean | undefined
    try {
      answer = give()
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      equal(
        'refused',
        [code, message.startsWith(`message of ${frame.length} bytes`), mustRefuse].join(),
        ['SEND_BUFFER_FULL', true, true].join(),
      )
    }
    if (answer !== undefined) {
      equal('accepted', mustRefuse, false)
      const waiting = before + frame.length
      if (answer) equal('below the mark', waiting < model.highWaterMark, true)
      else equal('above the mark', waiting + left - model.leftBefore >= model.highWaterMark, true)
      model.accepted.push(frame)
      if (!answer) model.needsDrain = true
    }
    model.check(real)
  }

  /** Begins what is built in place; what is returned sends it. */
  #open(model: Model, { sender, life }: Real, payload: Uint8Array): () => boolean {
    if (this.way === 'send') return () => sender.send(payload)
    if (this.way === 'parts') {
      const parts = [payload.subarray(0, this.spare), payload.subarray(this.spare)]
      return () => (life === undefined ? sender.sendParts?.(parts) === true : life.connection.send(parts))
    }
    const at = sender.begin(payload.length + this.spare)
    if (this.way === 'begin, flush') {
      // A listener that sends now would take its place.
      const answers = model.answers.splice(0)
      watch(model, 'flush', sender.flush())
      model.answers.push(...answers)
    }
    sender.slab.set(payload, at)
    return () => sender.commit(at + payload.length)
  }

  toString(): string {
    return `${this.way}(${this.length}, ${this.spare})`
  }
}

/** A message that is begun and never committed leaves no trace. */
class Abandon implements Command {
  check(model: Readonly<Model>): boolean {
    return !model.isClosing && !model.isStalled
  }

  async run(model: Model, real: Real): Promise<void> {
    const at = real.sender.begin(100)
    real.sender.slab.fill(0xee, at, at + 100)
    model.check(real)
  }

  toString(): string {
    return 'begin(100)'
  }
}

class Do implements Command {
  readonly #name: string
  readonly act: (model: Model, real: Real) => void

  constructor(name: string, action: (model: Model, real: Real) => void) {
    this.#name = name
    this.act = action
  }

  check(model: Readonly<Model>): boolean {
    return !model.isStalled
  }

  async run(model: Model, real: Real): Promise<void> {
    this.act(model, real)
    model.check(real)
  }

  toString(): string {
    return this.#name
  }
}

class Turn implements Command {
  readonly #ms: number

  constructor(ms = 0) {
    this.#ms = ms
  }

  check(model: Readonly<Model>): boolean {
    return !model.isStalled
  }

  async run(model: Model, real: Real): Promise<void> {
    await endOfTick()
    model.check(real)
    await turn()
    real.life?.clock.turn()
    await endOfTick()
    model.checkRest(real)
    model.leftBefore = real.channel.bytes.length
    real.life?.clock.pass(this.#ms)
    model.checkStall(real)
  }

  toString(): string {
    return `turn(${this.#ms})`
  }
}

const cork = new Do('cork', (model, { sender }) => {
  if (!model.isClosing) model.corks++
  sender.cork()
})

const uncork = new Do('uncork', (model, { sender }) => {
  if (model.corks > 0) model.corks--
  sender.uncork()
})

/** The kernel has taken all it was given, and what comes is held back. */
const corkedDrain = new Do('cork, take all', (model, real) => {
  cork.act(model, real)
  real.channel.take(real.channel.bufferedLength)
})

const flush = new Do('flush', (model, { sender, channel }) => {
  const due = model.acceptedLength
  watch(model, 'flush', sender.flush(), () => {
    if (channel.bytes.length < due) throw new Error(`flush resolved with ${channel.bytes.length} of ${due} bytes sent`)
  })
})

const drained = new Do('drained', (model, { life }) => watch(model, 'drained', life?.connection.drained()))

const close = new Do('close', (model, { life }) => {
  if (life === undefined) return
  model.isClosing = true
  model.corks = 0
  void life.connection.close()
})

/** A promise that does not settle when it should is seen by `checkRest`, one that settles wrongly never settles for it. */
function watch(model: Model, name: 'flush' | 'drained', promise: unknown, check: () => void = () => {}): void {
  if (!(promise instanceof Promise)) return
  model.waits.add(name)
  void promise.then(check).then(
    () => model.waits.delete(name),
    () => {},
  )
}

/** Lengths around the borders: empty, small, one slab, by reference from 4 KiB on, more than a write carries. */
const payloadLength = fc.oneof(
  { weight: 6, arbitrary: fc.nat(200) },
  { weight: 3, arbitrary: fc.integer({ min: 3000, max: 4200 }) },
  { weight: 2, arbitrary: fc.integer({ min: 20_000, max: 66_000 }) },
)

export const senderCommands: fc.Arbitrary<Iterable<Command>> = fc.commands(
  [
    fc
      .tuple(payloadLength, fc.constantFrom<Way>('send', 'parts', 'begin', 'begin, flush'), fc.nat(50))
      .map((send) => new Send(...send)),
    fc.constant(new Abandon()),
    fc.constantFrom(cork, uncork, uncork, corkedDrain),
    fc.constantFrom(flush, drained),
    fc.constant(new Turn()),
    fc.nat(6_000).map((ms) => new Turn(ms)),
    fc.nat(5_000).map((length) => new Do(`in drain: send(${length})`, ({ answers }) => void answers.push(length))),
    fc.nat(19).map((chance) => (chance === 0 ? close : flush)),
    fc
      .oneof(fc.nat(300), fc.nat(100_000))
      .map((count) => new Do(`take(${count})`, (_, { channel }) => channel.take(count))),
  ],
  // Without a size a run would have 10 commands at most.
  { maxCommands: 60, size: 'max' },
)

/** Runs the commands, then lets everything leave and compares the whole. */
export async function runSender(commands: Iterable<Command>, model: Model, real: Real): Promise<void> {
  const failures: unknown[] = []
  real.life?.connection.on('drain', () => {
    try {
      model.onDrain(real)
    } catch (error) {
      failures.push(error)
    }
  })
  await fc.asyncModelRun(() => ({ model, real }), commands)
  // Every other connection is closed as it stands. What comes then holds nothing back.
  if (real.life && model.accepted.length % 2 === 1) await close.run(model, real)
  if (model.isClosing) await cork.run(model, real)
  for (; model.corks > 0; model.corks--) real.sender.uncork()
  model.answers.length = 0
  real.channel.take(Number.POSITIVE_INFINITY)
  await new Turn().run(model, real)
  if (failures.length > 0) throw failures[0]
  if (!model.isStalled) equal('bytes in the end', real.channel.bytes.length, model.acceptedLength)
}

function equal<T>(what: string, seen: T, expected: T): void {
  if (seen !== expected) throw new Error(`${what}: ${String(seen)}, expected ${String(expected)}`)
}
