import { aborted, defer, rejection, turn, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import type { Codec } from '../src/codec.ts'
import { bidi, contract, serverStream, unary } from '../src/contract.ts'
import { type Handlers, implement } from '../src/implement.ts'
import type { Call, Interceptor } from '../src/interceptor.ts'
import { Meta } from '../src/meta.ts'
import type { CallOptions, Ctx } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import { data, end, FLAG, GOAWAY, hello, open, readEnd, TYPE } from './frames.ts'
import { connectTo, puppetClient, puppetServer, startServer } from './peers.ts'
import { expectTaken } from './sides.ts'

const work = contract('work', {
  echo: unary<unknown, unknown>(),
  fail: unary<void, void>(),
  chain: unary<CallOptions, unknown>(),
  wait: unary<void, void>(),
  count: serverStream<number, number>(),
  upper: bidi<string, string>(),
})

const seen: Ctx[] = []
const handlers: Handlers<typeof work.methods> = {
  echo(value, ctx) {
    seen.push(ctx)
    if (value === 'trail') ctx.trailers.append('rows', '42').append('blob', Uint8Array.of(0, 255))
    return value
  },
  fail(_, ctx) {
    ctx.trailers.set('retry-after', '5')
    throw new RpcError('UNAVAILABLE', 'later')
  },
  chain: (options, ctx) => ctx.peer.client(work).wait(undefined, { ...options, ctx }),
  wait: (_, ctx) => {
    seen.push(ctx)
    return new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))
  },
  async *count(to, ctx) {
    for (let number = 0; number < to; number++) yield number
    ctx.trailers.set('count', String(to))
  },
  async *upper(lines, ctx) {
    for await (const line of lines) yield `${line.toUpperCase()}${ctx.values.get('suffix') ?? ''}`
  },
}
const service = implement(work, handlers)

async function start(serverOptions = {}, clientOptions = {}) {
  seen.length = 0
  const server = await startServer({ services: [service], ...serverOptions })
  const peer = await connectTo(server, { services: [service], ...clientOptions })
  return { server, peer, api: peer.client(work) }
}

const texts = (meta: Meta | undefined) =>
  [...(meta ?? [])].map(([key, value]) => [key, Buffer.from(value).toString('latin1')])

async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const message of messages) list.push(message)
  return list
}

describe('metadata', () => {
  test('goes with a call to its handler, in order, with doubles', async () => {
    const { api } = await start()
    const meta = new Meta([
      ['b', '1'],
      ['a', 'é'],
      ['b', Uint8Array.of(0, 255)],
    ])
    expect(await api.echo(1, { meta })).toBe(1)
    expect(texts(seen[0]?.meta)).toEqual([
      ['b', '1'],
      ['a', 'Ã©'],
      ['b', '\0ÿ'],
    ])
    await api.echo(1, { meta: { token: 's3t' } })
    expect(seen[1]?.meta.get('token')).toBe('s3t')
    await api.echo(1)
    expect(seen[2]?.meta.size).toBe(0)
  })

  test('comes back once, behind a reply of several frames that leave at once', async () => {
    const trailing = implement(work, {
      ...handlers,
      echo(_, ctx) {
        ctx.trailers.set('rows', '42')
        return 'x'.repeat(150_000)
      },
    })
    const puppet = await puppetClient(await startServer({ services: [trailing] }))
    puppet.write(open(1, 'work.echo', '1'))
    await puppet.next(TYPE.end)
    await expectTaken({ puppet })
    expect(puppet.received.map(({ type }) => type).filter((type) => type === TYPE.end)).toHaveLength(1)
  })

  test('comes back as trailers: of a reply, a stream, an error', async () => {
    const { api } = await start()
    let trailers: Meta | undefined
    const onTrailers = (meta: Meta) => {
      trailers = meta
    }
    expect(await api.echo('trail', { onTrailers })).toBe('trail')
    expect(texts(trailers)).toEqual([
      ['rows', '42'],
      ['blob', '\0ÿ'],
    ])
    expect(await api.echo('none', { onTrailers })).toBe('none')
    expect(texts(trailers)).toEqual([])
    expect(await all(api.count(3, { onTrailers }))).toEqual([0, 1, 2])
    expect(texts(trailers)).toEqual([['count', '3']])
    const error = (await rejection(api.fail(undefined, { onTrailers }))) as RpcError
    expect(texts(error.trailers)).toEqual([['retry-after', '5']])
    expect(trailers?.get('retry-after')).toBe('5')
  })

  test('that cannot be is the caller`s mistake', async () => {
    const { api } = await start()
    expect(await rejection(api.echo(1, { meta: { Token: 'x' } }))).toBeInstanceOf(TypeError)
    expect(await rejection(api.echo(1, { meta: { ':path': 'x' } }))).toBeInstanceOf(TypeError)
    expect(await rejection(api.echo(1, { meta: { big: 'x'.repeat(8_192) } }))).toBeInstanceOf(RangeError)
  })

  test.each<[string, Buffer]>([
    ['of more than 8 KiB', Buffer.concat([Buffer.from('\x01a\x20\x00', 'latin1'), Buffer.alloc(8_192)])],
    ['of 65 entries', Buffer.concat(Array.from({ length: 65 }, () => Buffer.from('\x01a\x00\x00', 'latin1')))],
    ['with a capital letter', Buffer.from('\x01A\x00\x00', 'latin1')],
    ['with an empty key', Buffer.from('\x00\x00\x00', 'latin1')],
    ['whose key is longer than it', Buffer.from('\x09a\x00\x00', 'latin1')],
    ['whose value is longer than it', Buffer.from('\x01a\x00\x01', 'latin1')],
    ['that ends in a key', Buffer.from('\x01', 'latin1')],
  ])('%s is a protocol error, in OPEN, END and HELLO', async (_, meta) => {
    const puppet = await puppetClient(await startServer({ services: [service] }))
    puppet.write(open(1, 'work.echo', '1', { meta }))
    expect(await puppet.goaway()).toMatchObject({ reason: GOAWAY.protocol, text: expect.stringMatching(/^metadata /) })
    const opened = await puppetServer()
    void opened.peer
      .client(work)
      .echo(1)
      .catch(() => {})
    const { id } = await opened.puppet.next(TYPE.open)
    opened.puppet.write(end(id, 0, { meta }))
    expect(await opened.puppet.goaway()).toMatchObject({ reason: GOAWAY.protocol })
    const third = await puppetClient(await startServer({ services: [service] }), hello({ meta }))
    expect(await third.goaway()).toMatchObject({ reason: GOAWAY.protocol })
  })

  test('with reserved keys comes without them', async () => {
    const puppet = await puppetClient(await startServer({ services: [service] }))
    seen.length = 0
    puppet.write(open(1, 'work.echo', '1', { meta: Buffer.from('\x02:a\x00\x01x\x01b\x00\x01y', 'latin1') }))
    await puppet.next(TYPE.data)
    expect(texts(seen[0]?.meta)).toEqual([['b', 'y']])
  })
})

describe('a call made for another', () => {
  test('has its remaining time at most, its trace, and ends with it', async () => {
    const { server, api } = await start()
    await api.echo(1)
    const controller = new AbortController()
    const meta = { traceparent: '00-abc-01', other: 'not inherited' }
    const chained = api.chain({ timeoutMs: 60_000 }, { timeoutMs: 3_000, meta, signal: controller.signal })
    await until('the inner call', () => seen.length === 2)
    const inner = seen[1] as Ctx
    expect(inner.deadline - performance.now()).toBeLessThanOrEqual(3_000)
    expect(texts(inner.meta)).toEqual([['traceparent', '00-abc-01']])
    controller.abort()
    expect(await rejection(chained)).toMatchObject({ code: 'CANCELLED' })
    await within('the inner signal', aborted(inner.signal))
    expect(server.peers.size).toBe(1)
  })

  test('is not made when that is over', async () => {
    const { peer } = await start()
    const ctx = { signal: AbortSignal.abort('gone'), deadline: Number.POSITIVE_INFINITY, meta: new Meta() }
    expect(await rejection(peer.client(work).echo(1, { ctx }))).toMatchObject({ code: 'CANCELLED', notProcessed: true })
    const late = { signal: new AbortController().signal, deadline: performance.now() - 1, meta: new Meta() }
    const error = { code: 'DEADLINE_EXCEEDED', notProcessed: true }
    expect(await rejection(peer.client(work).echo(1, { ctx: late }))).toMatchObject(error)
  })
})

test('a unary call may take maxTimeoutMs at the callee, whatever the caller says', async () => {
  const puppet = await puppetClient(await startServer({ services: [service], limits: { maxTimeoutMs: 20 } }))
  puppet.write(open(1, 'work.wait', '', { flags: FLAG.last | FLAG.none }))
  expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 4 })
  puppet.write(open(3, 'work.wait', '', { flags: FLAG.last | FLAG.none, timeoutMs: 60_000 }))
  expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 4 })
})

describe('interceptors', () => {
  const log =
    (name: string, events: string[]): Interceptor =>
    async (call, next) => {
      events.push(`${name} > ${call.method} ${call.kind}`)
      try {
        const reply = await next(call)
        events.push(`${name} < ${call.method}`)
        return reply
      } catch (error) {
        events.push(`${name} ! ${(error as RpcError).code}`)
        throw error
      }
    }

  test('stand around every call, the first outermost, at both ends', async () => {
    const events: string[] = []
    const both = { interceptors: [log('outer', events), log('inner', events)] }
    const { api } = await start(both, {})
    expect(await api.echo('hi')).toBe('hi')
    expect(events).toEqual([
      'outer > work.echo unary',
      'inner > work.echo unary',
      'inner < work.echo',
      'outer < work.echo',
    ])
    events.length = 0
    const client = (await start({}, both)).api
    expect(await rejection(client.fail())).toMatchObject({ code: 'UNAVAILABLE' })
    expect(events.slice(-2)).toEqual(['inner ! UNAVAILABLE', 'outer ! UNAVAILABLE'])
    expect(await all(client.upper(['a', 'b']))).toEqual(['A', 'B'])
    expect(await all(client.count(2))).toEqual([0, 1])
  })

  test('for authentication: a token goes in at one end, and who has none comes no further at the other', async () => {
    const auth: Interceptor = async (call, next) => {
      if (call.meta.get('token') !== 's3t') throw new RpcError('UNAUTHENTICATED', 'no token')
      call.values.set('user', 'ada').set('suffix', '!')
      return next(call)
    }
    const token: Interceptor = (call, next) => {
      call.meta.set('token', 's3t')
      return next(call)
    }
    const { server, api } = await start({ interceptors: [auth] }, { interceptors: [token] })
    expect(await api.echo(1)).toBe(1)
    expect(seen[0]?.values.get('user')).toBe('ada')
    expect(await all(api.upper(['a']))).toEqual(['A!'])
    const stranger = (await connectTo(server)).client(work)
    expect(await rejection(stranger.echo(1))).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await rejection(all(stranger.upper(['a'])))).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('that take their time: a call that is over by then does not get to its handler', async () => {
    const gate = defer()
    const signals: AbortSignal[] = []
    const ends: unknown[] = []
    const slow: Interceptor = async (call, next) => {
      signals.push(call.signal as AbortSignal)
      await gate.promise
      return next(call).finally(() => ends.push(call.signal?.aborted))
    }
    const errors: unknown[] = []
    const { api } = await start({ interceptors: [slow], onError: (error: unknown) => errors.push(error) })
    expect(await rejection(api.echo(1, { timeoutMs: 20 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    const stream = api.count(3, { timeoutMs: 20 })
    expect(await rejection(stream.next())).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    await until('both are over', () => signals.length === 2 && signals.every((signal) => signal.aborted))
    gate.resolve()
    expect(await api.echo(2)).toBe(2)
    expect(ends).toEqual([true, true, false])
    expect([seen.length, errors]).toEqual([1, []])
  })

  test('for timing and for changes: of the input, the output, the trailers, the messages of a stream', async () => {
    const times: number[] = []
    const timing: Interceptor = async (call, next) => {
      const begun = performance.now()
      const reply = await next({ ...call, input: call.kind === 'unary' ? [call.input] : call.input })
      times.push(performance.now() - begun)
      if (call.kind === 'unary') return { ...reply, output: { was: reply.output, trailers: texts(reply.trailers) } }
      const messages = reply.output as AsyncIterable<number>
      const doubled = async function* () {
        for await (const message of messages) yield message * 2
      }
      return { ...reply, output: doubled() }
    }
    const { api } = await start({}, { interceptors: [timing] })
    expect(await api.echo('trail')).toEqual({ was: ['trail'], trailers: [] })
    expect(await all(api.count(3))).toEqual([0, 2, 4])
    expect(times).toHaveLength(2)
  })

  test('leaving a stream while they wait ends them', async () => {
    const calls: Call[] = []
    const never: Interceptor = (call) => {
      calls.push(call)
      return new Promise((_, reject) => call.signal?.addEventListener('abort', () => reject(call.signal?.reason)))
    }
    const { api } = await start({}, { interceptors: [never] })
    const messages = api.count(3)
    const first = messages.next()
    await messages.return(undefined)
    expect(await first).toEqual({ done: true, value: undefined })
    expect(calls[0]?.signal?.aborted).toBe(true)
  })
})

describe('authenticate', () => {
  test('sees the hello of a peer before any of its calls', async () => {
    const order: string[] = []
    const gate = defer<void>()
    const authenticate = async (meta: Meta) => {
      order.push(`authenticate ${meta.get('token')}`)
      await gate.promise
      order.push('known')
    }
    const { api } = await start({ authenticate }, { hello: { token: 's3t' } })
    const call = api.echo(1)
    await until('authenticate', () => order.length === 1)
    expect(seen).toEqual([])
    gate.resolve()
    expect(await call).toBe(1)
    expect(order).toEqual(['authenticate s3t', 'known'])
  })

  test.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new RpcError('UNAUTHENTICATED', 'unknown token')
      },
      'unknown token',
    ],
    [
      'rejects with something else, which stays here',
      () => Promise.reject(new Error('database down')),
      'the peer was refused',
    ],
    ['answers false', () => false, 'the peer was refused'],
  ])('sends a peer away when it %s', async (how, authenticate, text) => {
    const errors: unknown[] = []
    const server = await startServer({ services: [service], authenticate, onError: (error) => errors.push(error) })
    seen.length = 0
    const puppet = await puppetClient(server)
    puppet.write(open(1, 'work.echo', '1'))
    expect(await puppet.goaway()).toEqual({ lastId: 0, reason: GOAWAY.unauthenticated, text })
    expect(errors.map((error) => (error as Error).message)).toEqual(how.startsWith('rejects') ? ['database down'] : [])
    expect(seen).toEqual([])
  })
})

test('a codec that both ends know may take the place of a method`s own, but not of raw bytes', async () => {
  const reversed: Codec = {
    id: 130,
    name: 'reversed json',
    encode: (value) => Buffer.from(JSON.stringify(value)).reverse(),
    decode: (bytes) => JSON.parse(Buffer.from(bytes).reverse().toString()),
  }
  const puppet = await puppetClient(await startServer({ services: [service], codecs: [reversed] }))
  puppet.write(open(1, 'work.echo', ']1[', { encoding: 130 }))
  expect(await puppet.next(TYPE.data)).toMatchObject({ id: 1, body: Buffer.from(']1[') })
  puppet.write(open(3, 'work.echo', '1', { encoding: 131 }))
  expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 12, bits: 1 })
})

test('exposeErrors tells callers what a handler threw', async () => {
  const broken = implement(contract('broken', { run: unary<void, void>() }), {
    run: () => {
      throw new Error('division by zero')
    },
  })
  const server = await startServer({ services: [broken], exposeErrors: true, onError: () => {} })
  const error = await rejection((await connectTo(server)).call('broken.run'))
  expect(error).toMatchObject({ code: 'INTERNAL', message: 'division by zero' })
})

const around: Interceptor = (call, next) => next(call)
test.each([
  ['at once', () => {}, []],
  ['later', () => turn(), []],
  ['later, behind an interceptor', () => turn(), [around]],
])('a callback that throws %s is told to onError and harms nothing', async (_, before, interceptors) => {
  const errors: unknown[] = []
  const { peer, puppet } = await puppetServer({ interceptors, onError: (error) => errors.push(error) })
  const mistake = new Error('in onTrailers')
  const fail = () => {
    throw mistake
  }
  const call = peer.client(work).echo(1, { onTrailers: () => before()?.then(fail) ?? fail() })
  const { id } = await puppet.next(TYPE.open)
  puppet.write(data(id, '2'))
  expect(await call).toBe(2)
  await until('onError', () => errors.length > 0)
  expect(errors).toEqual([mistake])
})
