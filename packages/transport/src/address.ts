// Where to connect or to listen: the object forms of Node's net, or one string for configuration files.

/** `{ host, port }`, `{ path }`, or `'tcp://host:port'`, `'unix:/path'`. Port 0 = any free one (listening only). */
export type Address = { host?: string; port: number } | { path: string } | string

/** An address in its object form. Throws TypeError for a string of another form and RangeError for a wrong port. */
export function parseAddress(address: Address): { host?: string; port: number } | { path: string } {
  if (typeof address === 'object') return 'path' in address ? checkPath(address.path) : checkPort(address)
  if (address.startsWith('unix:')) return checkPath(address.slice('unix:'.length).replace(/^\/\//, ''))
  const match = /^tcp:\/\/(?:\[([^\]]+)\]|([^:/]*)):(\d{1,5})\/?$/.exec(address)
  if (match === null) throw new TypeError(`address must look like tcp://host:port or unix:/path, got ${address}`)
  const host = match[1] ?? match[2]
  return checkPort({ port: Number(match[3]), ...(host ? { host } : {}) })
}

/** The address as a person would write it. */
export function formatAddress(address: Address): string {
  const parsed = parseAddress(address)
  if ('path' in parsed) return `unix:${parsed.path}`
  const host = parsed.host ?? 'localhost'
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${parsed.port}`
}

/** sun_path of the kernel holds 108 bytes with its NUL (104 on macOS); Node cuts a longer path off without a word. */
const MAX_PATH_BYTES = process.platform === 'darwin' ? 103 : 107

function checkPath(path: string): { path: string } {
  const length = Buffer.byteLength(path)
  if (length === 0) throw new TypeError('the path of a unix socket must not be empty')
  if (process.platform === 'win32' || length <= MAX_PATH_BYTES) return { path }
  throw new RangeError(`unix socket path of ${length} bytes exceeds the system's limit ${MAX_PATH_BYTES}: ${path}`)
}

function checkPort<T extends { port: number }>(address: T): T {
  const { port } = address
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return address
  throw new RangeError(`port must be an integer from 0 to 65535, got ${String(port)}`)
}
