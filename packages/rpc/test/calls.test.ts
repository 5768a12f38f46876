import { type Deferred, defer, quiet, rejection, until, within } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { raw } from '../src/codec.ts'
import { contract, oneway, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import { isError } from '../src/is-error.ts'
import { RpcError } from '../src/rpc-error.ts'
import { type } from '../src/schema.ts'
import { data, end, FLAG, TYPE } from './frames.ts'
import { connectTo, type Kind, puppetServer, startServer } from './peers.ts'
import { schema, slowSchema, withId } from './schemas.ts'

const echo = contract('echo', {
  json: unary<unknown, unknown>(),
  bytes: unary<Uint8Array, Uint8Array>({ codec: raw }),
  nothing: unary<void, void>(),
  note: oneway<string>(),
})

const notes: string[] = []
const echoService = implement(echo, {
  json: (value) => value,
  bytes: async (bytes) => bytes,
  nothing: (input) => {
    expect(input).toBeUndefined()
  },
  note: (text) => void notes.push(text),
})

describe.each<Kind>(['tcp', 'unix'])('over %s', (kind) => {
  const clientOf = async () => {
    const server = await startServer({ services: [echoService] }, kind)
    return { server, peer: await connectTo(server) }
  }

  test('a unary call gives back what the handler made of its input, as JSON and as bytes', async () => {
    const { peer } = await clientOf()
    const api = peer.client(echo)
    for (const value of [null, false, 0, '', 'caf\u00e9 \ud83d\ude00 \ufffd', [1, [2]], { deep: { er: [null] } }]) {
      expect(await api.json(value)).toEqual(value)
    }
    for (const length of [0, 1, 48, 49, 4096, 60_000]) {
      const bytes = Uint8Array.from({ length }, (_, index) => index % 251)
      expect(Buffer.compare(await api.bytes(bytes), bytes)).toBe(0)
    }
  })

  test('undefined goes in and comes out, and is told from null', async () => {
    const { peer } = await clientOf()
    const api = peer.client(echo)
    expect(await api.nothing()).toBeUndefined()
    expect(await api.json()).toBeUndefined()
    expect(await api.json(null)).toBeNull()
  })

  test('a oneway call resolves without an answer, and its handler runs', async () => {
    const { peer } = await clientOf()
    notes.length = 0
    await peer.client(echo).note(kind)
    await until('the note', () => notes.length > 0)
    expect(notes).toEqual([kind])
  })

  test('calls are answered in the order in which their handlers end', async () => {
    const waiting = contract('waiting', { for: unary<number, number>() })
    const gates = new Map<number, Deferred<void>>()
    const service = implement(waiting, {
      async for(number) {
        const gate = defer()
        gates.set(number, gate)
        await gate.promise
        return number
      },
    })
    const server = await startServer({ services: [service] }, kind)
    const api = (await connectTo(server)).client(waiting)
    const order: number[] = []
    const calls = [1, 2, 3].map((number) => api.for(number).then((answer) => order.push(answer)))
    await until('all handlers', () => gates.size === 3)
    for (const number of [3, 1, 2]) {
      gates.get(number)?.resolve()
      await until('the answer', () => order.includes(number))
    }
    await Promise.all(calls)
    expect(order).toEqual([3, 1, 2])
  })

  test('both ends call each other on one connection, also from inside a handler', async () => {
    const greeting = contract('greeting', { name: unary<void, string>(), hello: unary<string, string>() })
    const asking = implement(greeting, {
      name: () => 'the server',
      hello: async (word, ctx) => `${word}, ${await ctx.peer.client(greeting).name()}`,
    })
    const answering = implement(greeting, { name: () => 'Ada', hello: (word) => word })
    const server = await startServer({ services: [asking] }, kind)
    const peer = await connectTo(server, { services: [answering] })
    expect(await peer.client(greeting).hello('Hello')).toBe('Hello, Ada')
    const [back] = server.peers
    expect(await back?.client(greeting).name()).toBe('Ada')
    expect(await peer.call('greeting.name')).toBe('the server')
    expect(server.peers.size).toBe(1)
  })
})

describe('10,000 calls at once', () => {
  test('are all answered, each with its own answer, and never more run than maxStreams says', async () => {
    const slow = contract('slow', { square: unary<number, number>() })
    let running = 0
    let most = 0
    const service = implement(slow, {
      async square(value) {
        most = Math.max(most, ++running)
        await null
        running--
        return value * value
      },
    })
    const server = await startServer({ services: [service], limits: { maxStreams: 128 } })
    const peer = await connectTo(server, { limits: { maxQueued: 10_000 }, timeoutMs: 30_000 })
    const api = peer.client(slow)
    const answers = await Promise.all(Array.from({ length: 10_000 }, (_, index) => api.square(index)))
    expect(answers.every((answer, index) => answer === index * index)).toBe(true)
    expect(running).toBe(0)
    expect(most).toBeLessThanOrEqual(128)
  })

  test('that are more than maxQueued fail at once, surely not processed, and spare the others', async () => {
    const gate = defer()
    const held = contract('held', { wait: unary<number, number>() })
    const service = implement(held, { wait: (value) => gate.promise.then(() => value) })
    const server = await startServer({ services: [service], limits: { maxStreams: 128 } })
    const api = (await connectTo(server, { limits: { maxQueued: 10 } })).client(held)
    const calls = Array.from({ length: 138 }, (_, index) => api.wait(index))
    const error = await rejection(api.wait(138))
    expect(error).toBeInstanceOf(RpcError)
    const message = '128 calls are under way and 10 wait, the limit is maxQueued 10'
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', notProcessed: true, message })
    gate.resolve()
    expect(await Promise.all(calls)).toEqual(Array.from(calls.keys()))
  })
})

describe('errors', () => {
  const users = contract('users', {
    get: unary({
      input: type<{ id: number }>(),
      output: type<string>(),
      errors: {
        USER_NOT_FOUND: { code: 'NOT_FOUND', details: type<{ id: number }>() },
        CLOSED: { code: 'FAILED_PRECONDITION' },
      },
    }),
    put: unary<unknown, void>(),
    save: unary<Uint8Array, Uint8Array>({ codec: raw }),
  })

  const clientWith = async (
    get: (input: { id: number }) => string,
    onError?: (error: unknown, method: string) => void,
  ) => {
    const other = { put: () => {}, save: (bytes: Uint8Array) => bytes }
    const server = await startServer({ services: [implement(users, { ...other, get })], ...(onError && { onError }) })
    const peer = await connectTo(server)
    return { peer, api: peer.client(users) }
  }

  test('of the contract arrive with code, name, text and details, and isError tells them apart', async () => {
    const service = implement(users, {
      get({ id }, ctx) {
        throw id === 0 ? ctx.error('CLOSED', undefined, 'closed on Sundays') : ctx.error('USER_NOT_FOUND', { id })
      },
      put: () => {},
      save: (bytes) => bytes,
    })
    const api = (await connectTo(await startServer({ services: [service] }))).client(users)
    const error = await rejection(api.get({ id: 42 }))
    expect(error).toMatchObject({ code: 'NOT_FOUND', message: 'USER_NOT_FOUND', notProcessed: false })
    expect(isError(error, users.methods.get, 'CLOSED')).toBe(false)
    if (!isError(error, users.methods.get, 'USER_NOT_FOUND')) throw error
    expect(error.details.id).toBe(42)
    const closed = await rejection(api.get({ id: 0 }))
    expect(closed).toMatchObject({ code: 'FAILED_PRECONDITION', appName: 'CLOSED', message: 'closed on Sundays' })
    expect(isError(closed, users.methods.get, 'CLOSED')).toBe(true)
    expect(isError(new Error('CLOSED'), users.methods.get, 'CLOSED')).toBe(false)
  })

  test('that are no RpcError stay at the server with their stack; the caller is told INTERNAL and no more', async () => {
    const seen: [unknown, string][] = []
    const mistake = new TypeError('password of the database')
    const { api } = await clientWith(
      () => {
        throw mistake
      },
      (...args) => seen.push(args),
    )
    const error = await rejection(api.get({ id: 1 }))
    expect(error).toMatchObject({ code: 'INTERNAL', message: 'internal error', appName: '', details: undefined })
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('password')
    expect(seen).toEqual([[mistake, 'users.get']])
    expect(mistake.stack).toContain('calls.test.ts')
  })

  test('that a contract does not list are a mistake of the handler', async () => {
    const seen: unknown[] = []
    const service = implement(users, {
      get(_, ctx) {
        throw ctx.error('constructor' as 'CLOSED')
      },
      put: () => {},
      save: (bytes) => bytes,
    })
    const server = await startServer({ services: [service], onError: (error) => seen.push(error) })
    const api = (await connectTo(server)).client(users)
    expect(await rejection(api.get({ id: 1 }))).toMatchObject({ code: 'INTERNAL', message: 'internal error' })
    expect(seen).toMatchObject([{ name: 'TypeError', message: 'the contract of users.get has no error constructor' }])
  })

  test('with texts of any length and any letters leave the connection whole', async () => {
    const { api } = await clientWith(({ id }) => {
      throw new RpcError('ABORTED', `${'x'.repeat(id)}${'\u20ac'.repeat(600)}`)
    })
    for (const id of [0, 1, 2]) {
      const error = (await rejection(api.get({ id }))) as RpcError
      expect(error).toMatchObject({ code: 'ABORTED', message: expect.stringMatching(/^x*\u20ac{170}$/) })
    }
  })

  test('never say "not processed" once the handler ran, not even when it passes such an error on', async () => {
    const { api } = await clientWith(() => {
      throw new RpcError('UNAVAILABLE', 'the store is away', { notProcessed: true })
    })
    expect(await rejection(api.get({ id: 1 }))).toMatchObject({ code: 'UNAVAILABLE', notProcessed: false })
  })

  test('of an unknown method are UNIMPLEMENTED, surely not processed, and name it safely', async () => {
    const { peer } = await clientWith(() => '')
    for (const name of ['users.drop', '__proto__', 'constructor', '\u0000"\u20ac']) {
      const error = await rejection(peer.call(name, { id: 1 }))
      expect(error).toMatchObject({ code: 'UNIMPLEMENTED', notProcessed: true })
      expect(error).toMatchObject({ message: expect.stringMatching(/^there is no method "/) })
    }
    expect(await rejection(peer.call(''))).toBeInstanceOf(RangeError)
    expect(await rejection(peer.call('m'.repeat(256)))).toBeInstanceOf(RangeError)
  })

  test('of another encoding than the method takes are UNIMPLEMENTED, surely not processed', async () => {
    const { peer } = await clientWith(() => '')
    const message = 'users.save takes encoding 0 (raw), not 1'
    const expected = { code: 'UNIMPLEMENTED', notProcessed: true, message }
    expect(await rejection(peer.call('users.save', 'text'))).toMatchObject(expected)
  })

  test('of a value that cannot be encoded are the caller`s, before anything is sent', async () => {
    const { api } = await clientWith(() => '')
    expect(await rejection(api.put(1n))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await rejection(api.save('text' as unknown as Uint8Array))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await api.get({ id: 1 })).toBe('')
  })

  test('of a reply that cannot be encoded are the handler`s: INTERNAL, and told to onError', async () => {
    const seen: unknown[] = []
    const { api } = await clientWith(
      () => 1n as unknown as string,
      (error) => seen.push(error),
    )
    expect(await rejection(api.get({ id: 1 }))).toMatchObject({ code: 'INTERNAL', message: 'internal error' })
    expect(seen).toMatchObject([{ message: 'the reply of users.get cannot be encoded', cause: expect.any(RpcError) }])
  })
})

describe('with schemas', () => {
  const day = schema<string, Date>((value) => new Date(String(value)))
  const dates = contract('dates', {
    next: unary({ input: day, output: schema<string>((value) => withId(value) as never) }),
    slow: unary({ input: slowSchema<{ id: number }>(withId), output: slowSchema<{ id: number }>(withId) }),
    broken: unary({ input: type<unknown>(), output: slowSchema<unknown>(() => Reflect.get(null as never, 'x')) }),
  })
  type Ids = { id: number }
  const serviceWith = (slow: (input: Ids) => Ids | Promise<Ids>) =>
    implement(dates, { next: (date) => ({ id: date.getDate() }) as never, slow, broken: () => null })
  const clientWith = async (slow: (input: Ids) => Ids | Promise<Ids>) =>
    (await connectTo(await startServer({ services: [serviceWith(slow)], onError: () => {} }))).client(dates)

  test('the handler gets what the schema made of the input', async () => {
    expect(await (await clientWith((input) => input)).next('2026-05-17')).toEqual({ id: 17 })
  })

  test('input and reply may be validated in later turns, at both ends', async () => {
    const api = await clientWith(async (input) => ({ ...input, id: input.id + 1 }))
    expect(await api.slow({ id: 41 })).toEqual({ id: 42 })
    const error = { code: 'INVALID_ARGUMENT', message: 'input of dates.slow does not match the contract: id: ' }
    const message = expect.stringContaining(error.message)
    expect(await rejection(api.slow({ id: 'x' } as unknown as Ids))).toMatchObject({ ...error, message })
  })

  test('a reply that does not match is INTERNAL and never leaves the server, whoever calls', async () => {
    const slow = () => ({ secret: 1 }) as unknown as Ids
    const service = implement(dates, { next: () => ({ secret: 1 }) as never, slow, broken: () => null })
    const peer = await connectTo(await startServer({ services: [service] }))
    for (const method of ['dates.slow', 'dates.next']) {
      const message = `reply of ${method} does not match the contract: id: expected a number, got undefined`
      expect(await rejection(peer.call(method, { id: 1 }))).toMatchObject({ code: 'INTERNAL', message })
    }
  })

  test('input that does not match never leaves the caller', async () => {
    const { peer, puppet } = await puppetServer()
    const api = peer.client(dates)
    expect(await rejection(api.slow({ id: 'x' } as unknown as Ids))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    const call = api.slow({ id: 1 })
    await puppet.answer('{"id":2}')
    expect(await call).toEqual({ id: 2 })
    expect(puppet.received.filter(({ type }) => type === TYPE.open)).toMatchObject([{ id: 1 }])
  })

  test('a reply of none, said in either way, is validated as undefined', async () => {
    const { peer, puppet } = await puppetServer()
    const api = peer.client(dates)
    for (const answer of [(id: number) => data(id, '', FLAG.last | FLAG.none), (id: number) => end(id, 0)]) {
      const [checked, unchecked] = [quiet(api.slow({ id: 1 })), peer.call('dates.slow')]
      puppet.write(answer((await puppet.next(TYPE.open)).id), answer((await puppet.next(TYPE.open)).id))
      expect(await rejection(checked)).toMatchObject({
        code: 'INTERNAL',
        message: 'reply of dates.slow does not match the contract: id: expected a number, got undefined',
      })
      expect(await unchecked).toBeUndefined()
    }
  })

  test('input that slipped past the caller is refused by the server', async () => {
    const server = await startServer({ services: [serviceWith((input) => input)] })
    const peer = await connectTo(server)
    const error = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('input of dates.slow') }
    expect(await rejection(peer.call('dates.slow', { id: 'x' }))).toMatchObject(error)
  })

  test('the caller validates too: a server that sends nonsense is INTERNAL at the caller, said once', async () => {
    const call = unary<unknown, unknown>()
    const untyped = contract('dates', { next: call, slow: call, broken: call })
    const service = implement(untyped, { next: () => ({}), slow: () => ({ id: 'nonsense' }), broken: () => 1 })
    const api = (await connectTo(await startServer({ services: [service] }))).client(dates)
    const message = 'reply of dates.slow does not match the contract: id: expected a number, got string'
    expect(await rejection(api.slow({ id: 1 }))).toMatchObject({ code: 'INTERNAL', message })
    expect(await rejection(api.next('2026-05-17'))).toMatchObject({
      code: 'INTERNAL',
      message: 'reply of dates.next does not match the contract: id: expected a number, got undefined',
    })
    const error = await within('a broken schema', rejection(api.broken(1)))
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject({ code: 'INTERNAL', cause: expect.any(TypeError) })
  })
})
