import { defer, quiet, rejection, turn, until, within } from '@framewire/testkit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Codec, json, raw } from '../src/codec.ts'
import { contract, oneway, serverStream, unary } from '../src/contract.ts'
import { implement } from '../src/implement.ts'
import type { Interceptor } from '../src/interceptor.ts'
import type { Ctx } from '../src/peer.ts'
import { RpcError } from '../src/rpc-error.ts'
import type { ServeOptions } from '../src/serve.ts'
import { open, readEnd, TYPE } from './frames.ts'
import { connectTo, puppetClient, startServer } from './peers.ts'

// Whatever a handler or onError does wrong ends one call at most: not its connection, and not the process. (An
// unhandled rejection fails the test run.)

const work = contract('work', {
  do: unary<unknown, unknown>(),
  bytes: unary<Uint8Array, Uint8Array>({ codec: raw }),
  tell: oneway<unknown>(),
})

type Do = (value: unknown, ctx: Pick<Ctx, 'signal' | 'peer' | 'trailers'>) => unknown

async function serverWith(
  handler: Do,
  onError?: ServeOptions['onError'],
  bytes?: () => Promise<Uint8Array>,
  interceptors: readonly Interceptor[] = [],
) {
  const rest = { bytes: bytes ?? (() => Buffer.of(1)), tell: handler as () => void }
  const service = implement(work, { ...rest, do: handler })
  const server = await startServer({ services: [service], interceptors, ...(onError && { onError }) })
  const peer = await connectTo(server)
  return { server, peer, api: peer.client(work) }
}

const INTERNAL = { code: 'INTERNAL', message: 'internal error', notProcessed: false, details: undefined }

const THROWN: [string, unknown][] = [
  ['an Error', new Error('mistake')],
  ['a string', 'mistake'],
  ['undefined', undefined],
  ['null', null],
  ['an object without a prototype', Object.create(null)],
  ['a symbol', Symbol('mistake')],
]

describe.each(THROWN)('a handler that throws %s', (_, thrown) => {
  test.each<[string, Do]>([
    [
      'at once',
      () => {
        throw thrown
      },
    ],
    [
      'later',
      async () => {
        await turn()
        throw thrown
      },
    ],
  ])('%s is INTERNAL to the caller and an error here, and the connection goes on', async (_name, handler) => {
    const seen: unknown[] = []
    const { api } = await serverWith(handler, (error, method) => seen.push(error, method))
    expect(await rejection(api.do(1))).toMatchObject(INTERNAL)
    expect(seen).toEqual([thrown, 'work.do'])
    await api.tell(1)
    expect(await api.bytes(Buffer.of())).toEqual(Uint8Array.of(1))
    await until('the error of the oneway call', () => seen.length === 4)
    expect(seen.slice(2)).toEqual([thrown, 'work.tell'])
  })
})

describe('without onError', () => {
  afterEach(() => void vi.restoreAllMocks())

  test.each(THROWN)('what a handler throws is a warning of the process: %s', async (_, thrown) => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { api } = await serverWith(() => {
      throw thrown
    })
    expect(await rejection(api.do(1))).toMatchObject(INTERNAL)
    expect(emitWarning).toHaveBeenCalledOnce()
    if (thrown instanceof Error) expect(emitWarning).toHaveBeenCalledWith(thrown)
  })
})

describe('an onError that fails itself', () => {
  afterEach(() => void vi.restoreAllMocks())

  const failing: [string, NonNullable<ServeOptions['onError']>][] = [
    [
      'at once',
      () => {
        throw new Error('the log is full')
      },
    ],
    [
      'later',
      async () => {
        throw new Error('the log is full')
      },
    ],
    [
      'with what is no Error',
      () => {
        throw Object.create(null)
      },
    ],
  ]
  const handlers: [string, Do][] = [
    [
      'at once',
      () => {
        throw new Error('mistake')
      },
    ],
    ['later', () => Promise.reject(new Error('mistake'))],
  ]

  test.each(
    failing.flatMap(([how, onError]) => handlers.map(([when, handler]) => [how, when, onError, handler] as const)),
  )('%s, for a handler that throws %s, is a warning and no more', async (_how, _when, onError, handler) => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { api } = await serverWith(handler, onError)
    expect(await rejection(api.do(1))).toMatchObject(INTERNAL)
    expect(await api.bytes(Buffer.of())).toEqual(Uint8Array.of(1))
    expect(emitWarning).toHaveBeenCalledOnce()
  })
})

describe('a handler that returns a thenable', () => {
  test('of another kind than Promise is waited for', async () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    const { api } = await serverWith((value) => ({ then: (resolve: (value: unknown) => void) => resolve(value) }))
    expect(await api.do('answer')).toBe('answer')
  })

  test('that calls back twice gives one answer', async () => {
    const twice = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested
      then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
        resolve(1)
        resolve(2)
        reject(new Error('after all'))
      },
    }
    const { server } = await serverWith(() => twice)
    const puppet = await puppetClient(server)
    puppet.write(open(1, 'work.do', '1'), open(3, 'work.do', '1'))
    expect(await puppet.next(TYPE.data)).toMatchObject({ id: 1, body: Buffer.from('1') })
    expect(await puppet.next(TYPE.data)).toMatchObject({ id: 3, body: Buffer.from('1') })
    expect(puppet.received).toHaveLength(3) // with HELLO
  })

  test.each<[string, () => object]>([
    [
      'throws when it is asked',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tested
        then() {
          throw new Error('mistake')
        },
      }),
    ],
    [
      'throws when it is looked at',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tested
        get then() {
          throw new Error('mistake')
        },
      }),
    ],
  ])('that %s is INTERNAL, and the connection goes on', async (_, make) => {
    const seen: unknown[] = []
    const { api } = await serverWith(make, (error) => seen.push(error))
    expect(await rejection(api.do(1))).toMatchObject(INTERNAL)
    expect(await api.bytes(Buffer.of())).toEqual(Uint8Array.of(1))
    expect(seen).toMatchObject([{ message: 'mistake' }])
  })
})

describe('a handler of a stream', () => {
  const locked = () => {
    const messages = new ReadableStream<number>()
    messages.getReader()
    return messages
  }
  const broken = { [Symbol.asyncIterator]: 7 } as unknown as AsyncIterable<number>
  const around: [string, Interceptor[]][] = [
    ['at once', []],
    ['behind an interceptor', [(call, next) => next(call)]],
  ]

  test.each(around)('that returns what can not be read is INTERNAL, %s, and the connection goes on', async (_, all) => {
    const many = contract('many', { locked: serverStream<void, number>(), broken: serverStream<void, number>() })
    const service = implement(many, { locked, broken: () => broken })
    const seen: unknown[] = []
    const options = { interceptors: all, limits: { maxStreams: 1 }, onError: (error: unknown) => seen.push(error) }
    const peer = await connectTo(await startServer({ services: [service], ...options }))
    const api = peer.client(many)
    expect(await rejection(api.locked().next())).toMatchObject(INTERNAL)
    expect(await rejection(api.broken().next())).toMatchObject(INTERNAL)
    expect(seen).toEqual([expect.any(TypeError), expect.any(TypeError)])
  })
})

describe('an error that a handler makes', () => {
  test('whose details cannot be encoded goes without them, and onError is told', async () => {
    const seen: unknown[] = []
    const { api } = await serverWith(
      () => {
        throw new RpcError('ABORTED', 'with a bigint', { appName: 'ODD', details: 1n })
      },
      (error) => seen.push(error),
    )
    const expected = { code: 'ABORTED', message: 'with a bigint', appName: 'ODD', details: undefined }
    expect(await rejection(api.do(1))).toMatchObject(expected)
    expect(seen).toMatchObject([{ code: 'INVALID_ARGUMENT' }])
  })

  test('whose details are no bytes once they are encoded goes without them', async () => {
    const numbers: Codec = {
      ...json,
      id: 200,
      name: 'numbers',
      encode: () => new ArrayBuffer(4) as unknown as Uint8Array,
    }
    const odd = contract('odd', { do: unary<number, number>({ codec: numbers }) })
    const fail = async () => {
      throw new RpcError('ABORTED', 'with numbers', { details: [1] })
    }
    const puppet = await puppetClient(await startServer({ services: [implement(odd, { do: fail })] }))
    puppet.write(open(1, 'odd.do', '1', { encoding: 200 }))
    expect(readEnd(await puppet.next(TYPE.end))).toMatchObject({ code: 10, bits: 0, text: 'with numbers' })
  })

  test('with a name that is no text is the handler`s mistake', async () => {
    const seen: unknown[] = []
    const { api } = await serverWith(
      async () => {
        throw new RpcError('ABORTED', '', { appName: 7 as unknown as string })
      },
      (error) => seen.push(error),
    )
    expect(await rejection(api.do(1))).toMatchObject(INTERNAL)
    expect(seen).toEqual([new TypeError('appName must be a string, got number')])
  })
})

describe('code of the application that runs in the middle of things', () => {
  test('may close the connection in onError: the error still reaches the caller', async () => {
    const { server, api } = await serverWith(
      () => {
        throw new Error('mistake')
      },
      () => void server.close(),
    )
    expect(await rejection(api.do(1))).toMatchObject(INTERNAL)
    await within('close', server.close())
  })

  test('may abort calls of its own in onError', async () => {
    const controller = new AbortController()
    const { api } = await serverWith(
      () => {
        throw new Error('mistake')
      },
      () => controller.abort(),
      () => new Promise(() => {}),
    )
    const cancelled = quiet(api.bytes(Buffer.of(), { signal: controller.signal }))
    const failed = api.do(1)
    expect(await rejection(failed)).toMatchObject(INTERNAL)
    expect(await rejection(cancelled)).toMatchObject({ code: 'CANCELLED' })
  })

  test('may call back, and close, when ctx.signal aborts', async () => {
    const back = contract('back', { ask: unary<void, string>() })
    let answer: Promise<string> | undefined
    const { server } = await serverWith((_, { signal, peer }) => {
      signal.addEventListener('abort', () => {
        answer = peer.client(back).ask()
        answer.catch(() => {})
        void peer.close({ drainMs: 0 })
      })
      return new Promise(() => {})
    })
    const puppet = await puppetClient(server)
    puppet.write(open(1, 'work.do', '1', { timeoutMs: 20 }))
    await puppet.next(TYPE.end)
    await puppet.goaway()
    expect(await rejection(answer as Promise<string>)).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await puppet.over).toBe('end')
  })

  test('may close the connection while its input is turned into text: the call is refused, not lost', async () => {
    const { peer, api } = await serverWith((value) => value)
    const closing: Promise<void>[] = []
    const input = { toJSON: () => closing.push(peer.close()) }
    const error = await rejection(api.do(input))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
    await within('close', Promise.all(closing))
  })

  test('may come too late to its interceptor: `next` after the answer says so', async () => {
    const late = defer<unknown>()
    const again: Interceptor = async (call, next) => {
      const reply = await next(call)
      void turn().then(() => late.resolve(rejection(next(call))))
      return reply
    }
    let runs = 0
    const { api } = await serverWith(() => ++runs, undefined, undefined, [again])
    expect(await api.do(1)).toBe(1)
    expect(await within('the second', late.promise)).toMatchObject({ code: 'CANCELLED' })
    expect(runs).toBe(1)
  })

  test.each([
    ['at once', false],
    ['later', true],
  ])('may mistake a number for a key of the trailers: its call alone fails, %s', async (_, isLater) => {
    const mistake = ({ trailers }: Pick<Ctx, 'trailers'>) => {
      trailers.set(42 as unknown as string, 'x')
    }
    const seen: unknown[] = []
    const { api } = await serverWith(
      (value, ctx) => {
        if (value === 'well') return value
        return isLater ? turn().then(() => mistake(ctx)) : mistake(ctx)
      },
      (error) => seen.push(error),
    )
    expect(await rejection(api.do(1))).toMatchObject(INTERNAL)
    expect(seen).toEqual([expect.any(TypeError)])
    expect(await api.do('well')).toBe('well')
  })

  test('may call its own connection from inside the input of another call', async () => {
    const { api } = await serverWith((value) => value)
    const inner: Promise<unknown>[] = []
    const outer = api.do({ toJSON: () => inner.push(api.do('inner')) && 'outer' })
    expect(await outer).toBe('outer')
    expect(await Promise.all(inner)).toEqual(['inner'])
  })
})
