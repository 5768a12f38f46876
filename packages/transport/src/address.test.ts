import { describe, expect, test } from 'vitest'
import { type Address, formatAddress, type ListenAddress, parseAddress } from './address.ts'

const LIMIT = process.platform === 'darwin' ? 103 : 107

test.each<[Address, object]>([
  ['tcp://127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
  ['tcp://example.test:65535/', { host: 'example.test', port: 65_535 }],
  ['tcp://[::1]:9', { host: '::1', port: 9 }],
  ['tcp://:0', { port: 0 }],
  ['unix:/run/a.sock', { path: '/run/a.sock' }],
  ['unix:///run/a.sock', { path: '/run/a.sock' }],
  ['unix:a.sock', { path: 'a.sock' }],
  [
    { host: '::1', port: 1 },
    { host: '::1', port: 1 },
  ],
  [{ port: 1 }, { port: 1 }],
  ['tls://example.test:443', { host: 'example.test', port: 443, tls: true }],
  [
    { path: '/run/a.sock', tls: false },
    { path: '/run/a.sock', tls: false },
  ],
  [{ path: '/run/a.sock' }, { path: '/run/a.sock' }],
])('reads %j', (address, parsed) => {
  expect(parseAddress(address)).toEqual(parsed)
})

test.each([
  '',
  'localhost:80',
  'tcp://host',
  'tcp://host:',
  'tcp://host:8o',
  'tcp://host:-1',
  'tcp://::1:80',
  'tcp://host:80/path',
  'http://host:80',
  'TCP://host:80',
  'tls://host',
  'fd:3',
])('refuses %j and shows it', (address) => {
  expect(() => parseAddress(address)).toThrow(TypeError)
  expect(() => parseAddress(address)).toThrow(`unix:/path, got ${address}`)
})

test.each([-1, 65_536, 1.5, Number.NaN])('refuses the port %s', (port) => {
  expect(() => parseAddress({ port })).toThrow(new RangeError(`port must be an integer from 0 to 65535, got ${port}`))
})

test('refuses a port in a string that no port can be', () => {
  expect(() => parseAddress('tcp://host:65536')).toThrow(RangeError)
})

test('takes a descriptor to listen on, and refuses what is none', () => {
  expect(parseAddress({ fd: 3 })).toEqual({ fd: 3 })
  const text = 'fd must be a file descriptor, an integer of at least 0, got -1'
  expect(() => parseAddress({ fd: -1 })).toThrow(new RangeError(text))
})

describe('the path of a unix socket', () => {
  test('must not be empty', () => {
    expect(() => parseAddress({ path: '' })).toThrow(TypeError)
    expect(() => parseAddress('unix:')).toThrow(TypeError)
    expect(() => parseAddress('unix:a\0b')).toThrow('must not contain a NUL')
  })

  test('may be as long as the kernel takes, counted in bytes, and no longer', () => {
    const longest = `/${'a'.repeat(LIMIT - 1)}`
    expect(parseAddress({ path: longest })).toEqual({ path: longest })
    const message = `unix socket path of ${LIMIT + 1} bytes exceeds the system's limit ${LIMIT}: ${longest}a`
    expect(() => parseAddress({ path: `${longest}a` })).toThrow(new RangeError(message))
    expect(() => parseAddress(`unix:/${'ä'.repeat(LIMIT / 2 + 1)}`)).toThrow(RangeError)
  })
})

test.each<[ListenAddress, string]>([
  [{ host: '127.0.0.1', port: 80 }, 'tcp://127.0.0.1:80'],
  [{ host: '::1', port: 80 }, 'tcp://[::1]:80'],
  [{ port: 80 }, 'tcp://localhost:80'],
  [{ path: '/run/a.sock' }, 'unix:/run/a.sock'],
  ['unix:///run/a.sock', 'unix:/run/a.sock'],
  [{ host: '::1', port: 80, tls: true }, 'tls://[::1]:80'],
])('writes %j as %s, which reads as the same', (address, text) => {
  expect(formatAddress({ fd: 3 })).toBe('fd:3')
  expect(formatAddress(address)).toBe(text)
  expect(formatAddress(text)).toBe(text)
})
