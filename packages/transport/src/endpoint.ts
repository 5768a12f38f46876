// Where an end of a connection is.

/** An IP address and port, or the path of a unix socket. */
export type Endpoint = { host: string; port: number } | { path: string }

/** An IPv4 address that a dual-stack socket shows as IPv6 (`::ffff:10.0.0.1`) in its own form: one client, one name. */
export function plainHost(host: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host
}
