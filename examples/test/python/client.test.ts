// The wire from the other side: a client in Python, written from PROTOCOL.md alone, as a process of its own.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { contract, implement, RpcError, type Server, serve, serverStream, type, unary } from '@framewire/rpc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProgram, run } from '../protocols/server-process.ts'

const python = findProgram('python3')
const clientFile = fileURLToPath(new URL('../../python/framewire_client.py', import.meta.url))
const driver = fileURLToPath(new URL('client_driver.py', import.meta.url))
/** Nothing is left beside the sources. */
const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }

const work = contract('work', {
  get: unary({
    input: type<{ id: number }>(),
    output: type<{ name: string }>(),
    errors: { USER_NOT_FOUND: { code: 'NOT_FOUND', details: type<{ id: number }>() } },
  }),
  quiet: unary<unknown, void>(),
  trailers: unary<unknown, string>(),
  echo: unary<string, string>(),
  count: serverStream<{ to: number }, number>(),
  fails: serverStream<{ after: number }, number>(),
  hold: unary<string, void>(),
  stop: unary<unknown, void>(),
})

/** What handlers have seen of the end of their calls. */
const ends = new Map<string, unknown>()
let yielded = 0

const service = implement(work, {
  get({ id }, ctx) {
    if (id !== 42) throw ctx.error('USER_NOT_FOUND', { id }, 'no such user')
    return { name: 'Ada' }
  },
  quiet: () => {},
  trailers(_, ctx) {
    ctx.trailers.append('rows', '1')
    return 'with trailers'
  },
  echo: (text) => text,
  async *count({ to }) {
    try {
      for (let number = 0; number < to; number++) {
        yielded++
        yield number
      }
    } finally {
      ends.set(`count ${to}`, yielded)
    }
  },
  async *fails({ after }) {
    for (let number = 0; number < after; number++) yield number
    throw new RpcError('ABORTED', 'enough')
  },
  hold: (name, ctx) =>
    new Promise((resolve) => {
      ctx.signal.addEventListener('abort', () => {
        ends.set(name, (ctx.signal.reason as RpcError).code)
        resolve()
      })
    }),
  // The connection goes away in the middle of this call.
  stop: (_, ctx) => {
    void ctx.peer.close({ drainMs: 0 })
    return new Promise(() => {})
  },
})

test('the client has at most 120 lines and imports nothing but the standard library', () => {
  const text = readFileSync(clientFile, 'utf8')
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(120)
  expect(text.match(/^.*\bimport\b.*$/gm)).toEqual(['import collections, json, socket, struct, time'])
})

if (python === undefined) test.skip('the client in Python: not run, python3 is not installed', () => {})
else
  describe(`a client in ${(await run(python, ['--version'])).trim()}`, () => {
    let server: Server
    let steps: Map<string, unknown>

    beforeAll(async () => {
      server = await serve('tcp://127.0.0.1:0', { services: [service] })
      const port = server.addresses.map((address) => ('port' in address ? address.port : 0))
      const printed = await run(python, [driver, ...port.map(String)], { env })
      const lines = printed.trim().split('\n')
      steps = new Map(lines.map((line) => JSON.parse(line)).map(({ step, value }) => [step, value]))
    }, 60_000)
    afterAll(() => server?.close({ drainMs: 0 }))

    test('makes unary calls, short and long, with and without an answer or trailers', () => {
      expect(steps.get('unary')).toEqual({ name: 'Ada' })
      expect(steps.get('nothing')).toBeNull()
      expect(steps.get('trailers')).toBe('with trailers')
      expect(steps.get('long')).toBe(true)
    })

    test('gets code, name and details of an error', () => {
      const details = { id: 7 }
      const error = { code: 'NOT_FOUND', message: 'NOT_FOUND: no such user', name: 'USER_NOT_FOUND', details }
      expect(steps.get('error')).toEqual({ ...error, notProcessed: false })
      expect(steps.get('unknown method')).toMatchObject({ code: 'UNIMPLEMENTED', notProcessed: true })
    })

    test('reads a stream far longer than its window, beside other calls, and the error that ends one', () => {
      expect(steps.get('stream')).toEqual([200_000, true])
      expect(steps.get('side by side')).toEqual([0, { name: 'Ada' }, 29_999])
      expect(steps.get('stream error')).toMatchObject([[0, 1, 2], { code: 'ABORTED', message: 'ABORTED: enough' }])
    })

    test('ends calls by deadline and by hand, and the handlers are told', () => {
      expect(steps.get('deadline')).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
      expect(ends.get('deadline')).toBe('DEADLINE_EXCEEDED')
      expect(steps.get('cancel')).toMatchObject({ code: 'CANCELLED' })
      expect(ends.get('cancel')).toBe('CANCELLED')
      expect(steps.get('left')).toEqual([0, 1])
      // The window is 65,536 bytes: the generator was stopped long before its end.
      expect(Number(ends.get('count 1000000000')) - 230_000).toBeLessThan(65_536)
    })

    test('pings, goes on after all that, and says so when the connection is lost', () => {
      expect(steps.get('ping')).toBe(true)
      expect(steps.get('still there')).toEqual({ name: 'Ada' })
      expect(steps.get('lost')).toMatchObject({ code: 'UNAVAILABLE', notProcessed: false })
      expect(steps.get('after that')).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
    })
  })
