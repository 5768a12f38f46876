// Where a peer is connected to or served, as far as calls care: whether TLS is spoken there, and under which name.

import { type Address, type Endpoint, formatAddress } from '@framewire/transport'

/** The protocol's name in TLS (RFC 7301): a server for others ends the handshake instead of the first call. */
export const ALPN = 'framewire/1'

/** Whether an address says by itself that TLS is spoken there. */
export function isSecure(address: Address): boolean {
  return typeof address === 'string' ? address.startsWith('tls:') : address.tls === true
}

/** An address as an endpoint, with names as they were given. */
export function endpointOf(address: Address): Endpoint {
  const text = formatAddress(address)
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) }
  const { hostname, port } = new URL(text.replace(/^\w+:/, 'http:'))
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) }
}
