// What a sender promises, as a model that knows only the bytes: commands for fast-check that are run against a SendQueue
// or a Connection over a FakeChannel, and compared with the model after each.

import { encode, type Framing } from '@framewire/codec'
import { endOfTick, turn } from '@framewire/testkit'
import fc from 'fast-check'
import type { FakeChannel } from './fake-channel.ts'
import { message } from './messages.ts'

/** What a SendQueue and a Connection have in common. */
export interface Sender {
  readonly slab: Buffer
  readonly bufferedAmount: number
  send(message: Uint8Array): boolean
  begin(maxLength: number): number
  commit(end: number): boolean
  cork(): void
  uncork(): void
  flush(): unknown
}

export interface Real {
  sender: Sender
  channel: FakeChannel
  /** `drain` events so far; undefined where the sender has none. */
  drains?: () => number
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
  drains = 0

  constructor(framing: Framing, limits: { highWaterMark: number; lowWaterMark: number; maxSendBuffer: number }) {
    this.framing = framing
    this.highWaterMark = limits.highWaterMark
    this.lowWaterMark = limits.lowWaterMark
    this.maxSendBuffer = limits.maxSendBuffer
  }

  /** Compares everything that can be seen. Bytes may leave later than they could, but nothing else may differ. */
  check({ sender, channel, drains }: Real): void {
    const { bytes } = channel
    const all = Buffer.concat(this.accepted)
    if (Buffer.compare(bytes, all.subarray(0, bytes.length)) !== 0)
      throw new Error('other bytes left than were accepted')
    equal('bufferedAmount', sender.bufferedAmount, all.length - bytes.length)
    if (drains === undefined) return
    const isLow = sender.bufferedAmount <= this.lowWaterMark
    if (this.needsDrain && drains() > this.drains) {
      if (!isLow) throw new Error(`drain came with ${sender.bufferedAmount} bytes waiting`)
      this.drains++
      this.needsDrain = false
    }
    equal('drain events', drains(), this.drains)
  }

  /** Everything that may leave has left, now that the event loop has turned: no byte and no drain is forgotten. */
  checkRest(real: Real): void {
    this.check(real)
    const { channel, sender, drains } = real
    if (this.corks > 0) return
    if (channel.room > 0) equal('bytes left behind', sender.bufferedAmount, 0)
    // A channel tells of progress only once it has passed on all it took: until then drain may be late.
    if (drains !== undefined && this.needsDrain && sender.bufferedAmount === 0) throw new Error('drain did not come')
  }
}

type Command = fc.AsyncCommand<Model, Real>

class Send implements Command {
  readonly length: number
  readonly isBegun: boolean
  readonly spare: number

  constructor(length: number, isBegun: boolean, spare: number) {
    this.length = length
    this.isBegun = isBegun
    this.spare = spare
  }

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    const { sender } = real
    const payload = message(model.accepted.length, this.length)
    const frame = encode(model.framing, payload)
    const before = sender.bufferedAmount
    const left = real.channel.bytes.length
    const mustRefuse = before + frame.length > model.maxSendBuffer
    let answer: boolean | undefined
    try {
      answer = this.isBegun ? this.#build(sender, payload) : sender.send(payload)
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

  #build(sender: Sender, payload: Uint8Array): boolean {
    const at = sender.begin(payload.length + this.spare)
    sender.slab.set(payload, at)
    return sender.commit(at + payload.length)
  }

  toString(): string {
    return this.isBegun ? `begin(${this.length + this.spare}) commit(${this.length})` : `send(${this.length})`
  }
}

/** A message that is begun and never committed leaves no trace. */
class Abandon implements Command {
  check(): boolean {
    return true
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
  readonly #action: (model: Model, real: Real) => void

  constructor(name: string, action: (model: Model, real: Real) => void) {
    this.#name = name
    this.#action = action
  }

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    this.#action(model, real)
    model.check(real)
  }

  toString(): string {
    return this.#name
  }
}

class Turn implements Command {
  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    await endOfTick()
    model.check(real)
    await turn()
    model.checkRest(real)
    model.leftBefore = real.channel.bytes.length
  }

  toString(): string {
    return 'turn'
  }
}

const cork = new Do('cork', (model, { sender }) => {
  model.corks++
  sender.cork()
})

const uncork = new Do('uncork', (model, { sender }) => {
  if (model.corks > 0) model.corks--
  sender.uncork()
})

const flush = new Do('flush', (_, { sender }) => void sender.flush())

/** Lengths around the borders: empty, small, one slab, by reference from 4 KiB on, more than a write carries. */
const payloadLength = fc.oneof(
  { weight: 6, arbitrary: fc.nat(200) },
  { weight: 3, arbitrary: fc.integer({ min: 3000, max: 4200 }) },
  { weight: 1, arbitrary: fc.integer({ min: 65_000, max: 66_000 }) },
)

export const senderCommands: fc.Arbitrary<Iterable<Command>> = fc.commands(
  [
    fc.tuple(payloadLength, fc.boolean(), fc.nat(50)).map((send) => new Send(...send)),
    fc.constant(new Abandon()),
    fc.constantFrom(cork, uncork),
    fc.constant(flush),
    fc.constant(new Turn()),
    fc
      .oneof(fc.nat(300), fc.nat(100_000))
      .map((count) => new Do(`take(${count})`, (_, { channel }) => channel.take(count))),
  ],
  { maxCommands: 60 },
)

/** Runs the commands, then lets everything leave and compares the whole. */
export async function runSender(commands: Iterable<Command>, model: Model, real: Real): Promise<void> {
  await fc.asyncModelRun(() => ({ model, real }), commands)
  while (model.corks > 0) {
    model.corks--
    real.sender.uncork()
  }
  real.channel.take(Number.POSITIVE_INFINITY)
  await endOfTick()
  await turn()
  model.checkRest(real)
  equal('bytes in the end', real.channel.bytes.length, Buffer.concat(model.accepted).length)
}

function equal<T>(what: string, seen: T, expected: T): void {
  if (seen !== expected) throw new Error(`${what}: ${String(seen)}, expected ${String(expected)}`)
}
