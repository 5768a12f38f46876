// RESP against redis-server: commands both ways of writing them, values of every kind, both versions of the protocol.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { encodeCommand, respItems } from '../../src/protocols/redis.ts'
import { type RedisValue, RedisValues } from '../../src/protocols/redis-value.ts'
import { FrameClient } from './frame-client.ts'
import { connectTo, findProgram, ServerProcess, TemporaryFolder } from './server-process.ts'
import { concat, utf8 } from './vectors.ts'

const redis = findProgram('redis-server')

class RedisClient extends FrameClient {
  readonly #values = new RedisValues()

  async value(): Promise<RedisValue> {
    for (;;) {
      const value = this.#values.push(await this.next())
      if (value !== undefined) return value
    }
  }

  async call(...words: (string | Uint8Array)[]): Promise<RedisValue> {
    await this.send(encodeCommand(...words))
    return this.value()
  }
}

if (redis === undefined) test.skip('RESP to Redis: not run, redis-server is not installed', () => {})
else
  describe('RESP to Redis', () => {
    let server: ServerProcess
    let folder: TemporaryFolder
    let client: RedisClient
    beforeAll(async () => {
      folder = new TemporaryFolder()
      const fixed = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder.path]
      server = await ServerProcess.start(redis, (port) => ['--port', `${port}`, ...fixed])
    })
    beforeEach(async () => {
      client = new RedisClient(await connectTo(server.port), respItems())
    })
    afterEach(() => client?.close())
    afterAll(async () => {
      await server?.stop()
      folder?.remove()
    })

    test('answers inline commands and arrays of bulk strings', async () => {
      await client.send(utf8('PING\r\nECHO inline\n\r\n'), 3)
      await client.send(encodeCommand('PING', 'array'), 3)
      expect([await client.value(), await client.value(), await client.value()]).toEqual([
        'PONG',
        utf8('inline'),
        utf8('array'),
      ])
    })

    test('keeps any bytes, empty and large ones', async () => {
      for (const length of [0, 1, 2, 255, 65_536, 1_000_000]) {
        const value = Uint8Array.from({ length }, (_, index) => (index * 7) % 256)
        expect(await client.call('SET', 'key', value)).toBe('OK')
        expect(Buffer.compare((await client.call('GET', 'key')) as Uint8Array, value)).toBe(0)
      }
    })

    test('answers a thousand pipelined commands in order', async () => {
      await client.call('DEL', 'count')
      const wire = concat(...Array.from({ length: 1000 }, () => encodeCommand('INCR', 'count')))
      const sent = client.send(wire, 500)
      for (let count = 1; count <= 1000; count++) expect(await client.value()).toBe(count)
      await sent
    })

    test('sends null, errors, empty and nested arrays', async () => {
      expect(await client.call('GET', 'missing')).toBe(null)
      expect(await client.call('NOSUCH')).toBeInstanceOf(Error)
      expect(await client.call('LRANGE', 'missing', '0', '-1')).toEqual([])
      const script = "return {1, {2, {'three', false, {}}}, redis.status_reply('OK')}"
      expect(await client.call('EVAL', script, '0')).toEqual([1, [2, [utf8('three'), null, []]], 'OK'])
      expect(await client.call('COMMAND')).toHaveLength((await client.call('COMMAND', 'COUNT')) as number)
    })

    test('speaks RESP3 after HELLO 3', async () => {
      const hello = (await client.call('HELLO', '3')) as RedisValue[]
      const names = hello
        .filter((_, index) => index % 2 === 0)
        .map((name) => Buffer.from(name as Uint8Array).toString())
      expect(names).toContain('version')
      expect(await client.call('GET', 'missing')).toBe(null)
      await client.call('HSET', 'hash', 'a', '1')
      expect(await client.call('HGETALL', 'hash')).toEqual([utf8('a'), utf8('1')])
      await client.call('ZADD', 'sorted', '1.5', 'member')
      expect(await client.call('ZSCORE', 'sorted', 'member')).toBe(1.5)
      expect(await client.call('DEBUG', 'PROTOCOL', 'bignum')).toBeInstanceOf(Error) // DEBUG is off by default
      expect(await client.call('EVAL', 'redis.setresp(3); return {map={a=true}}', '0')).toEqual([utf8('a'), true])
    })

    test('is cut off at a bulk over the limit, before its bytes', async () => {
      await client.call('SET', 'large', new Uint8Array(2000))
      client.setFraming(respItems(1999))
      await expect(client.call('GET', 'large')).rejects.toMatchObject({
        code: 'FRAME_TOO_LONG',
        length: 2000,
        limit: 1999,
      })
    })
  })
