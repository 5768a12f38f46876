// Where to connect or to listen: the object forms of Node's net, or one string for configuration files.

/**
 * `{ host, port }`, `{ path }`, or a string: `'tcp://host:port'`, `'tls://host:port'`, `'unix:/path'`. Port 0 = any free
 * one (listening only). `tls`: whether TLS is spoken there. @default tls: as the option `tls` is given or not
 */
export type Address = { host?: string; port: number; tls?: boolean } | { path: string; tls?: boolean } | string

/** Where to listen: an `Address`, or the descriptor of a socket that listens already (systemd, a supervisor). */
export type ListenAddress = Address | { fd: number; tls?: boolean }

export type ParsedAddress = Exclude<Address, string>
export type ParsedListenAddress = Exclude<ListenAddress, string>

/** An address in its object form. Throws TypeError for a string of another form and RangeError for a wrong number. */
export function parseAddress(address: Address): ParsedAddress
export function parseAddress(address: ListenAddress): ParsedListenAddress
export function parseAddress(address: ListenAddress): ParsedListenAddress {
  if (typeof address === 'object') {
    if ('path' in address) return checkPath(address)
    return 'fd' in address ? checkDescriptor(address) : checkPort(address)
  }
  if (address.startsWith('unix:')) return checkPath({ path: address.slice('unix:'.length).replace(/^\/\//, '') })
  const match = /^(tcp|tls):\/\/(?:\[([^\]]+)\]|([^:/]*)):(\d{1,5})\/?$/.exec(address)
  if (match === null) {
    throw new TypeError(`address must look like tcp://host:port, tls://host:port or unix:/path, got ${address}`)
  }
  const host = match[2] ?? match[3]
  const tls = match[1] === 'tls' ? { tls: true } : {}
  return checkPort({ port: Number(match[4]), ...(host ? { host } : {}), ...tls })
}

/** The address as a person would write it: `tcp://host:port`, `tls://host:port`, `unix:/path` or `fd:3`. */
export function formatAddress(address: ListenAddress): string {
  const parsed = parseAddress(address)
  if ('path' in parsed) return `unix:${parsed.path}`
  if ('fd' in parsed) return `fd:${parsed.fd}`
  const host = parsed.host ?? 'localhost'
  return `${parsed.tls ? 'tls' : 'tcp'}://${host.includes(':') ? `[${host}]` : host}:${parsed.port}`
}

/** sun_path of the kernel holds 108 bytes with its NUL (104 on macOS); Node cuts a longer path off without a word. */
export const MAX_PATH_BYTES: number = process.platform === 'darwin' ? 103 : 107

function checkPath<T extends { path: string }>(address: T): T {
  const { path } = address
  const length = Buffer.byteLength(path)
  if (length === 0) throw new TypeError('the path of a unix socket must not be empty')
  if (path.includes('\0')) throw new TypeError('the path of a unix socket must not contain a NUL')
  if (process.platform === 'win32' || length <= MAX_PATH_BYTES) return address
  throw new RangeError(`unix socket path of ${length} bytes exceeds the system's limit ${MAX_PATH_BYTES}: ${path}`)
}

function checkPort<T extends { port: number }>(address: T): T {
  const { port } = address
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return address
  throw new RangeError(`port must be an integer from 0 to 65535, got ${String(port)}`)
}

function checkDescriptor<T extends { fd: number }>(address: T): T {
  const { fd } = address
  if (Number.isInteger(fd) && fd >= 0 && fd <= 0x7fff_ffff) return address
  throw new RangeError(`fd must be a file descriptor, an integer of at least 0, got ${String(fd)}`)
}
