// Reads the PROXY header that stands in front of a connection. Fail closed: a socket that does not come from a listed
// proxy, or does not begin with a whole header in time, never becomes a connection, for it could claim to be anybody.

import { BlockList, isIP, type Socket } from 'node:net'
import { plainHost } from './endpoint.ts'
import { type ProxyHeader, parseProxyHeader } from './proxy-header.ts'
import { TransportError } from './transport-error.ts'

/** Whose PROXY protocol headers are believed. */
export interface ProxyProtocolOptions {
  /** Who may say for whom a connection is: IP addresses, networks as `'10.0.0.0/8'`, or `'unix'` for any unix socket. */
  trusted: readonly string[]
}

/** From accept to the last byte of the header. */
export const PROXY_TIMEOUT_MS = 3_000

/** The peers that are trusted. Throws TypeError for an empty list and for what is no address or network. */
export class TrustedProxies {
  readonly #list = new BlockList()
  readonly #isUnixTrusted: boolean

  constructor({ trusted }: ProxyProtocolOptions) {
    if (!Array.isArray(trusted) || trusted.length === 0) {
      throw new TypeError('proxyProtocol.trusted must name at least one address, network or "unix"')
    }
    this.#isUnixTrusted = trusted.includes('unix')
    for (const entry of trusted) if (entry !== 'unix') this.#add(String(entry))
  }

  /** `host`: undefined for a unix socket, whose clients have none. */
  includes(host: string | undefined): boolean {
    if (host === undefined) return this.#isUnixTrusted
    const plain = plainHost(host)
    return this.#list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
  }

  #add(entry: string): void {
    const [address = '', prefix, ...more] = entry.split('/')
    const version = isIP(address)
    const bits = Number(prefix)
    const isNetwork = prefix !== undefined && /^\d{1,3}$/.test(prefix) && bits <= (version === 6 ? 128 : 32)
    if (version === 0 || more.length > 0 || (prefix !== undefined && !isNetwork)) {
      throw new TypeError(`proxyProtocol.trusted takes IP addresses, networks and "unix", got ${entry}`)
    }
    const family = version === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) this.#list.addAddress(address, family)
    else this.#list.addSubnet(address, bits, family)
  }
}

/**
 * Takes the header off `socket` and calls `done` once; what followed it in the same chunk is put back. The socket is
 * paused then: `resume` it when somebody listens.
 */
export function takeProxyHeader(
  socket: Socket,
  done: (error: TransportError | undefined, header?: ProxyHeader) => void,
): void {
  let bytes: Uint8Array = new Uint8Array(0)
  const settle = (error: TransportError | undefined, header?: ProxyHeader): void => {
    socket.off('data', onData)
    socket.off('end', onEnd)
    socket.pause()
    if (header !== undefined && bytes.length > header.length) socket.unshift(bytes.subarray(header.length))
    done(error, header)
  }
  const onData = (chunk: Uint8Array): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    try {
      const header = parseProxyHeader(bytes)
      if (header !== undefined) settle(undefined, header)
    } catch (error) {
      settle(proxyError((error as Error).message, error))
    }
  }
  const onEnd = (): void => settle(proxyError(`the peer ended after ${bytes.length} bytes of its PROXY header`))
  socket.on('data', onData)
  socket.on('end', onEnd)
}

export function proxyError(message: string, cause?: unknown): TransportError {
  return new TransportError('PROXY_PROTOCOL_ERROR', message, cause === undefined ? undefined : { cause })
}
