// What the compiler knows without being told. `npm run typecheck` is what can fail here: each line that must not compile
// carries @ts-expect-error.

import { expectTypeOf, test } from 'vitest'
import { raw } from '../src/codec.ts'
import { bidi, clientStream, contract, type ErrorsOf, oneway, serverStream, unary } from '../src/contract.ts'
import { type Handlers, implement } from '../src/implement.ts'
import { isError } from '../src/is-error.ts'
import type { CallOptions, Client, ClientOf, Ctx, MessageStream, Peer } from '../src/peer.ts'
import type { Code, RpcError } from '../src/rpc-error.ts'
import { type Schema, type } from '../src/schema.ts'
import { schema } from './schemas.ts'

interface User {
  id: number
  name: string
}

/** As a validation library declares it: a text comes in, a Date goes on. */
const day: Schema<string, Date> = schema((value) => new Date(String(value)))

const users = contract('users', {
  get: unary({
    input: type<{ id: number }>(),
    output: type<User>(),
    errors: {
      USER_NOT_FOUND: { code: 'NOT_FOUND', details: type<{ id: number }>() },
      CLOSED: { code: 'FAILED_PRECONDITION' },
    },
  }),
  born: unary({ input: day, output: day }),
  count: unary<void, number>(),
  find: unary<{ name?: string } | undefined, User[]>(),
  upload: unary<Uint8Array, Uint8Array>({ codec: raw }),
  seen: oneway<{ at: number }>(),
  ping: oneway<void>(),
})

/** Never called: only its types matter. */
function typesOnly(_check: (api: Client<typeof users.methods>, peer: Peer) => unknown): void {}

test('a client knows what each method takes and gives', () => {
  typesOnly((api) => {
    expectTypeOf(api.get).parameters.toEqualTypeOf<[input: { id: number }, options?: CallOptions]>()
    expectTypeOf(api.get({ id: 1 })).toEqualTypeOf<Promise<User>>()
    expectTypeOf(api.count()).toEqualTypeOf<Promise<number>>()
    expectTypeOf(api.upload(new Uint8Array())).toEqualTypeOf<Promise<Uint8Array>>()
    expectTypeOf(api.seen({ at: 1 })).toEqualTypeOf<Promise<void>>()
  })
})

test('input that may be undefined may be left out', () => {
  typesOnly((api) => [
    api.count(),
    api.count(undefined, { timeoutMs: 5 }),
    api.find(),
    api.find({ name: 'Ada' }),
    api.ping(),
    api.ping(undefined, { timeoutMs: 5 }),
  ])
})

test('with a schema the caller passes what goes in and gets what comes out', () => {
  typesOnly((api) => {
    expectTypeOf(api.born).parameter(0).toEqualTypeOf<string>()
    expectTypeOf(api.born('2026-05-17')).toEqualTypeOf<Promise<Date>>()
  })
})

test('what does not fit the contract does not compile', () => {
  typesOnly((api) => [
    // @ts-expect-error the input is missing
    api.get(),
    // @ts-expect-error the id is a number
    api.get({ id: '1' }),
    // @ts-expect-error there is no such property
    api.get({ id: 1, extra: true }),
    // @ts-expect-error nothing goes in
    api.count(1),
    // @ts-expect-error bytes go in
    api.upload('text'),
    // @ts-expect-error a Date is what comes out, not what goes in
    api.born(new Date()),
    // @ts-expect-error there is no such method
    api.drop,
    // @ts-expect-error there is no such option
    api.get({ id: 1 }, { timeout: 5 }),
  ])
})

test('no result is any, not even without a contract', () => {
  typesOnly((api, peer) => {
    expectTypeOf(api.get({ id: 1 })).resolves.not.toBeAny()
    expectTypeOf(api.find()).resolves.not.toBeAny()
    expectTypeOf(peer.call('users.get')).toEqualTypeOf<Promise<unknown>>()
    expectTypeOf(peer.client(users)).toEqualTypeOf<Client<typeof users.methods>>()
  })
})

test('handlers are inferred: input, context and result', () => {
  implement(users, {
    get(input, ctx) {
      expectTypeOf(input).toEqualTypeOf<{ id: number }>()
      expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>()
      expectTypeOf(ctx.peer).toEqualTypeOf<Peer>()
      expectTypeOf(ctx.error).parameter(0).toEqualTypeOf<'USER_NOT_FOUND' | 'CLOSED'>()
      return { id: input.id, name: 'Ada' }
    },
    born: async (date) => {
      expectTypeOf(date).toEqualTypeOf<Date>()
      return date.toISOString()
    },
    count(input) {
      expectTypeOf(input).toEqualTypeOf<void>()
      return 1
    },
    find: (filter) => {
      expectTypeOf(filter).toEqualTypeOf<{ name?: string } | undefined>()
      return []
    },
    upload: (bytes) => {
      expectTypeOf(bytes).toEqualTypeOf<Uint8Array>()
      return bytes
    },
    seen: ({ at }) => expectTypeOf(at).toEqualTypeOf<number>() && undefined,
    ping: () => {},
  })
})

test('handlers that do not fit the contract do not compile', () => {
  const rest: Omit<Handlers<typeof users.methods>, 'get' | 'count'> = {
    born: () => '',
    find: () => [],
    upload: (bytes) => bytes,
    seen: () => {},
    ping: () => {},
  }
  const get = () => ({ id: 1, name: 'Ada' })
  const count = () => 1
  const wrong = [
    // @ts-expect-error count is missing
    () => implement(users, { ...rest, get }),
    // @ts-expect-error the reply lacks its name
    () => implement(users, { ...rest, count, get: () => ({ id: 1 }) }),
    // @ts-expect-error the reply is a number
    () => implement(users, { ...rest, get, count: async () => '1' }),
    // @ts-expect-error there is no such error
    () => implement(users, { ...rest, count, get: (_, ctx) => Promise.reject(ctx.error('GONE')) }),
    // @ts-expect-error the details are missing
    () => implement(users, { ...rest, count, get: (_, ctx) => Promise.reject(ctx.error('USER_NOT_FOUND')) }),
    // @ts-expect-error the details have an id
    () => implement(users, { ...rest, count, get: (_, ctx) => Promise.reject(ctx.error('USER_NOT_FOUND', {})) }),
    // @ts-expect-error this error has no details
    () => implement(users, { ...rest, count, get: (_, ctx) => Promise.reject(ctx.error('CLOSED', { id: 1 })) }),
  ]
  expectTypeOf(wrong).toBeArray()
  implement(users, { ...rest, get, count })
})

test('an error of the contract is narrowed to its details', () => {
  const narrow = (error: unknown) => {
    if (isError(error, users.methods.get, 'USER_NOT_FOUND')) {
      expectTypeOf(error).toEqualTypeOf<RpcError<{ id: number }>>()
      expectTypeOf(error.code).toEqualTypeOf<Code>()
    } else if (isError(error, users.methods.get, 'CLOSED')) expectTypeOf(error.details).toEqualTypeOf<undefined>()
    else expectTypeOf(error).toBeUnknown()
    // @ts-expect-error the contract has no such error
    isError(error, users.methods.get, 'GONE')
    // @ts-expect-error the method has no errors
    isError(error, users.methods.count, 'USER_NOT_FOUND')
  }
  expectTypeOf(narrow).returns.toBeVoid()
  expectTypeOf<keyof ErrorsOf<typeof users.methods.get>>().toEqualTypeOf<'USER_NOT_FOUND' | 'CLOSED'>()
})

test('a context can be handed to a function for any context', () => {
  const log = (ctx: Ctx) => ctx.peer.remote
  const handlers: Pick<Handlers<typeof users.methods>, 'get' | 'count'> = {
    get: (_, ctx) => ({ id: 1, name: String(log(ctx)) }),
    count: (_, ctx) => String(log(ctx)).length,
  }
  expectTypeOf(handlers.get).returns.toEqualTypeOf<User | Promise<User>>()
})

test('contracts that cannot be meant do not compile', () => {
  const wrong = [
    // @ts-expect-error a code is one of the sixteen
    () => unary({ input: type<void>(), output: type<void>(), errors: { GONE: { code: 'GONE' } } }),
    // @ts-expect-error input and output come together
    () => unary({ input: type<void>() }),
    // @ts-expect-error a oneway method has no errors
    () => oneway({ input: type<void>(), errors: { GONE: { code: 'NOT_FOUND' } } }),
    // @ts-expect-error a method is made by unary or oneway
    () => contract('users', { get: () => {} }),
  ]
  expectTypeOf(wrong).toBeArray()
})

const streams = contract('streams', {
  watch: serverStream<{ since: number }, User>(),
  all: serverStream<void, User>(),
  upload: clientStream<Uint8Array, { bytes: number }>(),
  chat: bidi<string, number>(),
  days: bidi({ input: day, output: day, errors: { CLOSED: { code: 'FAILED_PRECONDITION' } } }),
})

test('a client of streams knows what they take and give', () => {
  const check = (api: ClientOf<typeof streams>) => {
    expectTypeOf(api).toEqualTypeOf<Client<typeof streams.methods>>()
    expectTypeOf(api.watch({ since: 1 })).toEqualTypeOf<MessageStream<User>>()
    expectTypeOf(api.watch({ since: 1 }).next()).resolves.toEqualTypeOf<IteratorResult<User, undefined>>()
    expectTypeOf(api.all()).toEqualTypeOf<MessageStream<User>>()
    expectTypeOf(api.upload([Buffer.of(1)])).toEqualTypeOf<Promise<{ bytes: number }>>()
    expectTypeOf(api.upload).parameter(0).toEqualTypeOf<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>()
    expectTypeOf(api.chat(['a'], { timeoutMs: 5 })).toEqualTypeOf<MessageStream<number>>()
    expectTypeOf(api.days).parameter(0).toEqualTypeOf<AsyncIterable<string> | Iterable<string>>()
    expectTypeOf(api.days(['2026-05-17'])).toEqualTypeOf<MessageStream<Date>>()
    return [
      // @ts-expect-error the input is missing
      api.watch(),
      // @ts-expect-error many go in
      api.upload(Buffer.of(1).toString()),
      // @ts-expect-error numbers are no text
      api.chat([1]),
      // @ts-expect-error a stream is no promise
      api.watch({ since: 1 }).then,
      // @ts-expect-error a Date is what comes out, not what goes in
      api.days([new Date()]),
    ]
  }
  expectTypeOf(check).returns.toBeArray()
})

test('handlers of streams are inferred: generators out, async iterables in', () => {
  const handlers: Handlers<typeof streams.methods> = {
    async *watch({ since }, ctx) {
      expectTypeOf(since).toEqualTypeOf<number>()
      expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>()
      yield { id: since, name: 'Ada' }
    },
    async *all() {},
    async upload(chunks) {
      expectTypeOf(chunks).toEqualTypeOf<AsyncIterable<Uint8Array>>()
      return { bytes: 0 }
    },
    async *chat(lines) {
      expectTypeOf(lines).toEqualTypeOf<AsyncIterable<string>>()
      for await (const line of lines) yield line.length
    },
    async *days(dates, ctx) {
      expectTypeOf(dates).toEqualTypeOf<AsyncIterable<Date>>()
      expectTypeOf(ctx.error).parameter(0).toEqualTypeOf<'CLOSED'>()
      for await (const date of dates) yield date.toISOString()
    },
  }
  const nameless = async function* () {
    yield { id: 1 }
  }
  const text = async function* () {
    yield 'text'
  }
  const wrong = [
    // @ts-expect-error a stream is returned
    () => implement(streams, { ...handlers, watch: () => ({ id: 1, name: 'Ada' }) }),
    // @ts-expect-error the messages lack their name
    () => implement(streams, { ...handlers, watch: nameless }),
    // @ts-expect-error one reply is returned
    () => implement(streams, { ...handlers, upload: nameless }),
    // @ts-expect-error numbers are yielded
    () => implement(streams, { ...handlers, chat: text }),
  ]
  expectTypeOf(wrong).toBeArray()
})
