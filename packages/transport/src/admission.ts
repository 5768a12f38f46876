// Who is let in: a server holds at most so many sockets, and at most so many from one address. A slot is taken at accept,
// before a byte is read, and given back exactly once.

import { readFileSync } from 'node:fs'
import { plainHost } from './endpoint.ts'
import { TransportError } from './transport-error.ts'

export interface AdmissionLimits {
  maxConnections: number
  maxConnectionsPerAddress: number
}

const MOST_CONNECTIONS = 10_000
/** The rest of the descriptors is for files, listening sockets, clients. At the limit Node drops sockets without a word. */
const SHARE_OF_DESCRIPTORS = 0.8

export class Admission {
  readonly #limits: AdmissionLimits
  readonly #byAddress = new Map<string, number>()
  #live = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** Takes a slot, or throws TOO_MANY_CONNECTIONS and takes none. */
  enter(): void {
    const { maxConnections } = this.#limits
    if (this.#live >= maxConnections) throw tooMany(this.#live + 1, `maxConnections ${maxConnections}`)
    this.#live++
  }

  leave(): void {
    this.#live--
  }

  /** Takes a slot of that address too, once it is known. Throws as `enter` does. */
  enterAddress(host: string): void {
    const address = plainHost(host)
    const { maxConnectionsPerAddress } = this.#limits
    const count = (this.#byAddress.get(address) ?? 0) + 1
    if (count > maxConnectionsPerAddress) {
      throw tooMany(count, `maxConnectionsPerAddress ${maxConnectionsPerAddress}`, ` from ${address}`)
    }
    this.#byAddress.set(address, count)
  }

  leaveAddress(host: string): void {
    const address = plainHost(host)
    const count = (this.#byAddress.get(address) ?? 0) - 1
    if (count > 0) this.#byAddress.set(address, count)
    else this.#byAddress.delete(address)
  }
}

function tooMany(count: number, limit: string, from: string = ''): TransportError {
  return new TransportError('TOO_MANY_CONNECTIONS', `${count} connections${from} exceed ${limit}`)
}

/** 10,000, or 0.8 x the soft limit of file descriptors where that is less and can be read (Linux). */
export function defaultMaxConnections(limits: string = readLimits()): number {
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
  return Math.max(1, Math.min(MOST_CONNECTIONS, Math.floor(SHARE_OF_DESCRIPTORS * soft)))
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return ''
  }
}
