import { certificates, NO_OPENSSL, rejection, turn } from '@framewire/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { connect } from './connect.ts'
import { listen } from './server.ts'
import { clientTls, type ServerTlsOptions, serverTls, type TlsContextOptions } from './tls-options.ts'

const wrong: [string, object, RegExp][] = [
  ['TLS 1.1', { minVersion: 'TLSv1.1' }, /^tls.minVersion must be TLSv1.2 or TLSv1.3, got TLSv1.1$/],
  ['a secureProtocol', { secureProtocol: 'TLSv1_method' }, /^tls.secureProtocol is not taken/],
  ['a certificate that is none', { cert: 'nonsense' }, /^tls: /],
]

test.each(wrong)('refuses %s at both ends', (_, options, message) => {
  expect(() => serverTls({ pfx: '', ...options } as ServerTlsOptions)).toThrow(message)
  expect(() => clientTls(options as TlsContextOptions, undefined)).toThrow(message)
})

test('refuses a server without a certificate, and options that are no object', () => {
  expect(() => serverTls({})).toThrow(new TypeError('tls of a server needs cert and key, pfx, or SNICallback'))
  expect(() => serverTls(true as never)).toThrow(new TypeError('tls must be an object of options'))
})

test('a tls address without the option tls is a TypeError, and so are wrong options, before anything listens', async () => {
  const text = 'listening on a tls address needs the option tls, with cert and key'
  expect(await rejection(listen('tls://127.0.0.1:0'))).toEqual(new TypeError(text))
  expect(await rejection(listen('tcp://127.0.0.1:0', { tls: {} }))).toBeInstanceOf(TypeError)
  expect(await rejection(connect('tcp://127.0.0.1:1', { tls: { cert: 'nonsense' } }))).toBeInstanceOf(TypeError)
})

describe('what a callback throws reaches nobody but its own handshake, also where Node would let it through', () => {
  const fail = () => {
    throw new Error('mine')
  }
  const callbacks = (options: ServerTlsOptions) => serverTls({ SNICallback: () => {}, ...options })

  test.each([
    ['throws', fail],
    ['rejects', async () => fail()],
  ])('SNICallback that %s', async (_, SNICallback) => {
    const answers: unknown[] = []
    callbacks({ SNICallback }).SNICallback?.('a.test', (error) => answers.push(error))
    await turn()
    expect(answers).toEqual([expect.objectContaining({ code: 'ABORTED', message: 'mine' })])
  })

  test('SNICallback that answers twice, and then throws, has answered once', () => {
    const answers: unknown[] = []
    const SNICallback: ServerTlsOptions['SNICallback'] = (_, done) => {
      done(null)
      done(new Error('again'))
      fail()
    }
    callbacks({ SNICallback }).SNICallback?.('a.test', (error) => answers.push(error))
    expect(answers).toEqual([null])
  })

  test('ALPNCallback that throws, or picks what was not offered, has picked nothing', () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => emitWarning.mockRestore())
    const pick = (ALPNCallback: () => string | undefined) =>
      callbacks({ ALPNCallback }).ALPNCallback?.({ servername: '', protocols: ['a', 'b'] })
    expect([pick(() => 'b'), pick(() => 'c'), pick(() => undefined), pick(fail)]).toEqual([
      'b',
      undefined,
      undefined,
      undefined,
    ])
    expect(emitWarning).toHaveBeenCalledOnce()
  })
})

describe('the defaults of a client', () => {
  const identityOf = (host: string | undefined, options = {}) => clientTls(options, host)

  test('verify the server by the name of the address, which no IP address is', () => {
    const safe = { minVersion: 'TLSv1.2', rejectUnauthorized: true }
    expect(identityOf('example.test')).toMatchObject({ ...safe, servername: 'example.test' })
    expect(identityOf('example.test', { servername: 'other.test' })).toMatchObject({ servername: 'other.test' })
    for (const host of ['127.0.0.1', '::1', undefined]) expect(identityOf(host)).not.toHaveProperty('servername')
  })

  test('hold whatever the environment says', () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    expect(identityOf('a')).toMatchObject({ rejectUnauthorized: true })
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  })
})

describe.skipIf(NO_OPENSSL)(`client certificates${NO_OPENSSL ? ` (${NO_OPENSSL})` : ''}`, () => {
  test('are asked for, and must be good, as soon as it is said by whom', () => {
    const { server, ca } = certificates()
    expect(serverTls(server)).toMatchObject({ requestCert: false, rejectUnauthorized: true })
    expect(serverTls({ ...server, ca })).toMatchObject({ requestCert: true, rejectUnauthorized: true })
    expect(serverTls({ ...server, ca, requestCert: false })).toMatchObject({ requestCert: false })
  })

  test('by anybody are not taken by mistake', () => {
    const { server } = certificates()
    const text = 'tls.requestCert needs tls.ca: whose client certificates are taken'
    expect(() => serverTls({ ...server, requestCert: true })).toThrow(new TypeError(text))
    expect(serverTls({ ...server, requestCert: true, rejectUnauthorized: false })).toMatchObject({ requestCert: true })
  })
})
