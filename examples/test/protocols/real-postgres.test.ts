// PostgreSQL against a server of our own cluster: SSLRequest, startup, typed messages, thousands of rows, limits.

import { chownSync } from 'node:fs'
import { join } from 'node:path'
import { encode, FramingError } from '@framewire/codec'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { messageHeader, sslAnswer, startupPackets, typedMessages } from '../../src/protocols/postgres.ts'
import { FrameClient } from './frame-client.ts'
import { connectTo, findProgram, run, ServerProcess, subfolders, TemporaryFolder } from './server-process.ts'
import { concat, hex, utf8 } from './vectors.ts'

const folders = subfolders('/usr/lib/postgresql').map((folder) => join(folder, 'bin'))
const initdb = findProgram('initdb', folders)
const postgres = findProgram('postgres', folders)

/** PostgreSQL refuses to run as root: then as the user that Debian's package makes. */
async function serverUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = [await run('id', ['-u', 'postgres']), await run('id', ['-g', 'postgres'])]
  return { uid: Number(uid), gid: Number(gid) }
}

class PostgresClient extends FrameClient {
  /** Asks for TLS, is refused, logs in and waits until the server is ready. */
  async logIn(): Promise<void> {
    await this.send(encode(startupPackets, hex('04d2162f')), 2)
    expect(String.fromCharCode(...(await this.next()))).toBe('N')
    this.setFraming(typedMessages())
    const parameters = utf8('user\0framewire\0database\0postgres\0\0')
    await this.send(encode(startupPackets, concat(hex('0003 0000'), parameters)), 5)
    expect((await this.untilReady()).map(({ type }) => type).join('')).toMatch(/^RS+KZ$/)
  }

  async query(sql: string): Promise<{ type: string; contents: Uint8Array }[]> {
    await this.send(encode(typedMessages(), utf8(`${sql}\0`), messageHeader('Q')), 20)
    return this.untilReady()
  }

  /** The messages up to ReadyForQuery. */
  async untilReady(): Promise<{ type: string; contents: Uint8Array }[]> {
    const messages = []
    for (;;) {
      const frame = await this.next()
      const type = String.fromCharCode(frame[0] as number)
      messages.push({ type, contents: frame.subarray(5) })
      if (type === 'Z') return messages
    }
  }
}

/** While it starts, the server takes connections and refuses to log anybody in. */
async function isReady(port: number): Promise<boolean> {
  let client: PostgresClient | undefined
  try {
    client = new PostgresClient(await connectTo(port), sslAnswer)
    await client.logIn()
    return true
  } catch {
    return false
  } finally {
    client?.close()
  }
}

if (initdb === undefined || postgres === undefined) {
  test.skip('PostgreSQL: not run, initdb and postgres are not installed', () => {})
} else
  describe('PostgreSQL', () => {
    let server: ServerProcess
    let folder: TemporaryFolder
    let client: PostgresClient
    beforeAll(async () => {
      folder = new TemporaryFolder()
      const user = { ...(await serverUser()), cwd: folder.path }
      if (user.uid !== undefined && user.gid !== undefined) chownSync(folder.path, user.uid, user.gid)
      const data = join(folder.path, 'data')
      await run(
        initdb,
        ['-A', 'trust', '-U', 'framewire', '--no-sync', '--encoding=UTF8', '--locale=C', '-D', data],
        user,
      )
      const settings = ['fsync=off', 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'shared_buffers=16MB']
      const options = settings.flatMap((setting) => ['-c', setting])
      server = await ServerProcess.start(postgres, (port) => ['-D', data, '-p', `${port}`, ...options], {
        ...user,
        isReady,
      })
    }, 60_000)
    beforeEach(async () => {
      client = new PostgresClient(await connectTo(server.port), sslAnswer)
      await client.logIn()
    })
    afterEach(() => client?.close())
    afterAll(async () => {
      await server?.stop()
      folder?.remove()
    })

    test('answers a query with a row', async () => {
      const messages = await client.query("SELECT 'framewire'")
      expect(messages.map(({ type }) => type).join('')).toBe('TDCZ')
      expect(messages[1]?.contents).toEqual(concat(hex('0001 00000009'), utf8('framewire')))
      expect(messages[2]?.contents).toEqual(utf8('SELECT 1\0'))
    })

    test('answers with ten thousand rows of changing lengths', async () => {
      const messages = await client.query("SELECT repeat('x', n % 300) FROM generate_series(1, 10000) AS n")
      const lengths = messages.filter(({ type }) => type === 'D').map(({ contents }) => contents.length - 6)
      expect(lengths).toEqual(Array.from({ length: 10_000 }, (_, index) => (index + 1) % 300))
    })

    test('answers with a row of a megabyte', async () => {
      const [, row] = await client.query("SELECT repeat('x', 1000000)")
      expect(row?.contents.length).toBe(6 + 1_000_000)
    })

    test('takes data as COPY messages and says errors as messages', async () => {
      await client.query('CREATE TEMP TABLE numbers (n int)')
      const copy = (type: string, contents: Uint8Array) => encode(typedMessages(), contents, messageHeader(type))
      const rows = Array.from({ length: 500 }, (_, index) => copy('d', utf8(`${index}\n`)))
      const start = copy('Q', utf8('COPY numbers FROM STDIN\0'))
      await client.send(concat(start, ...rows, copy('c', hex(''))), 100)
      expect((await client.untilReady()).map(({ type }) => type).join('')).toBe('GCZ')
      const [, sum] = await client.query('SELECT sum(n) FROM numbers')
      expect(sum?.contents.subarray(6)).toEqual(utf8('124750'))
      const [error] = await client.query('SELECT nonsense')
      expect(error?.type).toBe('E')
      expect(Buffer.from(error?.contents ?? '').toString()).toContain('C42703\0') // undefined_column
    })

    test('is cut off at a message over the limit, before its contents', async () => {
      client.setFraming(typedMessages(1000))
      const failure = client.query("SELECT repeat('x', 100000)")
      await expect(failure).rejects.toBeInstanceOf(FramingError)
      await expect(failure).rejects.toMatchObject({ code: 'FRAME_TOO_LONG', length: 100_006, limit: 1000 })
    })

    test('ends the connection after Terminate, between frames', async () => {
      await client.send(encode(typedMessages(), hex(''), messageHeader('X')))
      await expect(client.next()).rejects.toThrow('the server closed the connection')
    })

    test('takes startup packets up to the limit of our framing, and none above', async () => {
      const packet = (length: number) =>
        concat(Uint8Array.of(0, 0, (length + 4) >> 8, length + 4), new Uint8Array(length))
      const answer = async (length: number): Promise<string> => {
        const stranger = new FrameClient(await connectTo(server.port), typedMessages())
        try {
          await stranger.send(packet(length))
          return Buffer.from(await stranger.next()).toString()
        } finally {
          stranger.close()
        }
      }
      const { maxFrameLength } = startupPackets
      expect(await answer(maxFrameLength)).toContain('unsupported frontend protocol 0.0')
      await expect(answer(maxFrameLength + 1)).rejects.toThrow()
    })
  })
