// One seed of a program without any manners: both ends call every public method in any order, also from within callbacks and
// after the end. What must hold all the same is checked as it goes.

import { lengthField } from '@framewire/codec'
import type { Connection } from '../src/connection.ts'
import type { ConnectionOptions } from '../src/options.ts'
import { Random } from '../src/random.ts'
import { type Simulation, simulate } from '../src/simulation.ts'
import { TransportError } from '../src/transport-error.ts'

const HEADER_LENGTH = 4
const NUMBER_LENGTH = 4
const MOST_CALLS = 60
const STATES = ['connecting', 'open', 'closing', 'closed']

/** One end, and what it has seen. */
class End {
  readonly violations: string[]
  readonly hasSink: boolean
  readonly #name: string
  readonly #sim: Simulation
  readonly #random: Random
  readonly #connection: Connection
  #calls = MOST_CALLS
  #sentBytes = 0
  #sent = 0
  #received = 0
  #state = 0
  #ends = 0
  #closes = 0
  #pending = 0

  constructor(name: string, sim: Simulation, connection: Connection, random: Random, violations: string[]) {
    this.#name = name
    this.#sim = sim
    this.#connection = connection
    this.#random = random
    this.violations = violations
    this.hasSink = random.chance(0.3)
    connection.on('drain', () => this.#told('drain'))
    connection.on('end', () => {
      this.#told('end')
      if (++this.#ends > 1) this.#violate('end came again')
    })
    connection.on('close', (info) => {
      if (++this.#closes > 1) this.#violate('close came again')
      if (connection.stats().bytesQueued !== info.unsentBytes) this.#violate('unsentBytes is not what was queued')
      this.act(2)
    })
  }

  get connection(): Connection {
    return this.#connection
  }

  get sent(): number {
    return this.#sent
  }

  get received(): number {
    return this.#received
  }

  checkOver(): void {
    if (this.#pending > 0) this.#violate(`${this.#pending} promises never settled`)
    if (this.#closes !== 1) this.#violate(`close came ${this.#closes} times`)
  }

  /** So many calls of methods, whichever they are. */
  act(count: number): void {
    for (let index = 0; index < count && this.#calls > 0; index++) {
      this.#calls--
      const method = METHODS[this.#random.integer(0, METHODS.length - 1)] as Method
      try {
        method(this, this.#connection, this.#random)
      } catch (error) {
        const isConflict = error instanceof TypeError && /messages go to|commit without begin/.test(error.message)
        if (!isConflict && !(error instanceof TransportError)) this.#violate(String((error as Error).stack))
      }
      this.#checkNow()
    }
  }

  /** Bytes of the next message; it counts once `accepted` was called. */
  message(length: number): Uint8Array {
    const bytes = new Uint8Array(NUMBER_LENGTH + length)
    new DataView(bytes.buffer).setUint32(0, this.#sent)
    return bytes
  }

  accepted(length: number): void {
    this.#sent++
    this.#sentBytes += HEADER_LENGTH + length
  }

  /** `isCalled` = by the connection, not with the result of a promise: others may have theirs in the same tick. */
  receive(message: Uint8Array, isCalled = true): void {
    const number = new DataView(message.buffer, message.byteOffset).getUint32(0)
    if (number !== this.#received) this.#violate(`message ${number} came where ${this.#received} was due`)
    this.#received = number + 1
    if (isCalled && this.#random.chance(0.2)) this.act(2)
  }

  settle(promise: Promise<unknown>): void {
    this.#pending++
    const over = (): void => {
      this.#pending--
      // A turn later: what `next` took is with its caller by then.
      if (this.#random.chance(0.2)) this.#sim.clock.setImmediate(() => this.act(1))
    }
    promise.then(over, (error: unknown) => {
      if (!(error instanceof TransportError)) this.#violate(`rejected with ${String(error)}`)
      over()
    })
  }

  signal(): AbortSignal {
    const controller = new AbortController()
    if (this.#random.chance(0.2)) controller.abort()
    else this.#sim.clock.setTimeout(() => controller.abort(), this.#random.next() * 300)
    return controller.signal
  }

  #told(event: string): void {
    if (this.#connection.state === 'closed') this.#violate(`${event} came after the end`)
    if (this.#random.chance(0.5)) this.act(2)
  }

  #checkNow(): void {
    const { state } = this.#connection
    const stats = this.#connection.stats()
    const at = STATES.indexOf(state)
    if (at < this.#state) this.#violate(`${STATES[this.#state]} was followed by ${state}`)
    this.#state = at
    if (stats.bytesSent < 0 || stats.bytesSent + stats.bytesQueued !== this.#sentBytes) {
      this.#violate(`${stats.bytesSent} sent and ${stats.bytesQueued} queued bytes of ${this.#sentBytes}`)
    }
    if (stats.messagesSent !== this.#sent) this.#violate(`${stats.messagesSent} messages counted of ${this.#sent}`)
  }

  #violate(what: string): void {
    this.violations.push(`${this.#name}: ${what}`)
  }
}

type Method = (end: End, connection: Connection, random: Random) => void

const lengthOf = (random: Random): number =>
  random.chance(0.8) ? random.integer(0, 400) : random.integer(4_000, 9_000)

const send: Method = (end, connection, random) => {
  const message = end.message(lengthOf(random))
  connection.send(random.chance(0.5) ? message : [message.subarray(0, 6), message.subarray(6)])
  end.accepted(message.length)
}

const METHODS: readonly Method[] = [
  send,
  send,
  send,
  send,
  (end, connection, random) => {
    const message = end.message(lengthOf(random))
    const at = connection.begin(message.length + 3)
    connection.slab.set(message, at)
    if (random.chance(0.1)) end.act(1)
    connection.commit(at + message.length)
    end.accepted(message.length)
  },
  (end, connection, random) => end.settle(connection.flush(random.chance(0.3) ? { signal: end.signal() } : {})),
  (end, connection, random) => end.settle(connection.drained(random.chance(0.3) ? { signal: end.signal() } : {})),
  (_, connection) => connection.cork(),
  (_, connection) => connection.uncork(),
  (_, connection) => connection.uncork(),
  (_, connection) => connection.pause(),
  (_, connection) => connection.resume(),
  (_, connection) => connection.resume(),
  (end, connection, random) => {
    if (connection.listenerCount('message') > 0) return
    connection[random.chance(0.5) ? 'on' : 'once']('message', (message) => end.receive(message))
  },
  (_, connection) => void connection.removeAllListeners('message'),
  (end, connection, random) => {
    // A sink stands in place of the iterator, not beside it.
    if (!end.hasSink) return
    connection.receive((bytes, start, stop) => {
      end.receive(connection.keep(bytes, start, stop))
      return random.chance(0.1) ? false : undefined
    })
  },
  (end, connection, random) => {
    if (end.hasSink) return
    const message = connection.next(random.chance(0.5) ? { signal: end.signal() } : {})
    end.settle(message.then((bytes) => bytes && end.receive(bytes, false)))
  },
  (end, connection, random) => {
    if (!random.chance(0.1)) return
    const stream = connection.stream()
    stream.on('data', (message: Uint8Array) => end.receive(message))
    if (random.chance(0.5)) stream.end()
  },
  (end, connection, random) => {
    if (!random.chance(0.1)) return
    end.settle(connection.close(random.chance(0.5) ? { timeoutMs: 1 + random.next() * 500 } : {}))
  },
  (end, connection, random) => {
    if (random.chance(0.05)) end.settle(connection.close({ signal: end.signal() }))
  },
  (_, connection, random) => {
    if (random.chance(0.03)) connection.destroy(random.chance(0.5) ? new Error('mine') : undefined)
  },
  (_, connection) => connection.ref(),
]

function optionsOf(random: Random): ConnectionOptions {
  const sendHighWaterMark = random.magnitude(10_000)
  return {
    framing: lengthField({ maxFrameLength: 10_000 }),
    sendHighWaterMark,
    sendLowWaterMark: random.integer(0, sendHighWaterMark - 1),
    maxSendBuffer: random.integer(20_100, 60_000),
    maxQueuedMessages: random.integer(1, 5),
    allowHalfOpen: random.chance(0.3),
    closeTimeoutMs: 2_000,
    idleTimeoutMs: 20_000,
  }
}

/** What did not hold in the run of this seed. */
export async function anyOrder(seed: number): Promise<readonly string[]> {
  const sim = simulate(seed, { faults: { refuse: 0, ignore: 0 } })
  const random = new Random(seed ^ 0xabcd)
  const violations: string[] = []
  const ends: End[] = []
  const add = (name: string, connection: Connection) => {
    const end = new End(name, sim, connection, random.fork(), violations)
    ends.push(end)
    return end
  }
  const live = async (end: End): Promise<void> => {
    for (let count = 0; count < 15; count++) {
      end.act(3)
      await sim.sleep(random.next() * 60)
    }
    end.settle(end.connection.close({ timeoutMs: 1_000 }))
    await end.connection.closed
    await sim.sleep(1_000)
  }
  try {
    await sim.run(async () => {
      const lives: Promise<void>[] = []
      sim.listen('server', optionsOf(random), (connection) => void lives.push(live(add('server', connection))))
      lives.push(live(add('client', await sim.connect('server', optionsOf(random)))))
      for (let index = 0; index < lives.length; index++) await lives[index]
    })
    await sim.runUntilIdle()
  } catch (error) {
    violations.push(String(error))
  }
  for (const end of ends) end.checkOver()
  const [one, other] = ends
  if (one && other && (one.received > other.sent || other.received > one.sent))
    violations.push('more came than was sent')
  if (sim.pendingTimers > 0) violations.push(`${sim.pendingTimers} timers are left`)
  return violations
}
