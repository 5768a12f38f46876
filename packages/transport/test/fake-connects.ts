// A `connect` whose attempts a test answers, and a reconnector on it in virtual time. It notes every event.

import { turn } from '@framewire/testkit'
import { onTestFinished } from 'vitest'
import type { Address } from '../src/address.ts'
import type { ConnectOptions } from '../src/connect.ts'
import { Connection } from '../src/connection.ts'
import { Reconnector, type ReconnectorOptions } from '../src/reconnector.ts'
import { abortedError, TransportError, type TransportErrorCode } from '../src/transport-error.ts'
import { FakeChannel } from './fake-channel.ts'
import { ENDS } from './fake-connection.ts'
import { frames } from './messages.ts'
import { VirtualClock } from './virtual-clock.ts'

interface Attempt {
  address: Address
  at: number
  resolve: (connection: Connection) => void
  reject: (error: unknown) => void
}

export class FakeConnects {
  readonly clock = new VirtualClock()
  /** All attempts, in order. */
  readonly attempts: Attempt[] = []
  /** The attempts that have no answer. */
  readonly pending = new Set<Attempt>()
  channel: FakeChannel | undefined

  readonly connect = (address: Address, options: ConnectOptions = {}): Promise<Connection> => {
    const { promise, attempt } = this.#open(address)
    const { signal } = options
    signal?.addEventListener('abort', () => attempt.reject(abortedError(signal, 'connect')), { once: true })
    return promise
  }

  #open(address: Address): { promise: Promise<Connection>; attempt: Attempt } {
    let attempt: Attempt | undefined
    const promise = new Promise<Connection>((resolve, reject) => {
      attempt = { address, at: this.clock.now(), resolve, reject }
    })
    const opened = attempt as Attempt | undefined as Attempt
    this.attempts.push(opened)
    this.pending.add(opened)
    promise.catch(() => {}).finally(() => this.pending.delete(opened))
    return { promise, attempt: opened }
  }

  /** The attempt on its way gets a connection. */
  async accept(): Promise<Connection> {
    this.channel = new FakeChannel()
    const connection = new Connection(this.channel, { clock: this.clock }, ENDS)
    for (const attempt of this.pending) attempt.resolve(connection)
    await turn()
    return connection
  }

  /** The attempt on its way fails. */
  async refuse(thrown: TransportErrorCode | Error = 'CONNECT_REFUSED'): Promise<void> {
    const error = typeof thrown === 'string' ? new TransportError(thrown, `no: ${thrown}`) : thrown
    for (const attempt of this.pending) attempt.reject(error)
    await turn()
  }

  /** The connection that stands brings a message. */
  async bring(): Promise<void> {
    this.channel?.bring(frames('a'))
    await turn()
  }

  /** The connection that stands is reset. */
  async lose(): Promise<void> {
    const { channel } = this
    this.channel = undefined
    channel?.onClose(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    await turn()
  }
}

/** A reconnector, the events it has told, and what answers its attempts. Delays are their bounds, if not told otherwise. */
export function setUpReconnector(options: ReconnectorOptions = {}, addresses: Address | Address[] = 'tcp://a:1') {
  const connects = new FakeConnects()
  const { clock } = connects
  const reconnector = new Reconnector(addresses, { clock, random: () => 1, ...options }, connects.connect)
  const events: string[] = []
  const delays: (number | undefined)[] = []
  reconnector.on('connect', () => events.push('connect'))
  reconnector.on('failure', (error, delayMs) => {
    events.push(`failure ${error.code}`)
    delays.push(delayMs)
  })
  reconnector.on('disconnect', (info, delayMs) => {
    events.push(`disconnect ${info.error?.code ?? 'clean'}`)
    delays.push(delayMs)
  })
  reconnector.on('close', ({ error }) => events.push(error === undefined ? 'close' : `close ${error.code}`))
  onTestFinished(() => void reconnector.close({ timeoutMs: 1 }))
  return { reconnector, connects, clock, events, delays }
}
