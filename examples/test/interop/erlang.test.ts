// Erlang: {packet, 1 | 2 | 4} and {packet, tpkt} of gen_tcp, once as our server and once as our client.

import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { encode, type Framing, frames, lengthField } from '@framewire/codec'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tpktPackets } from '../../src/protocols/tpkt.ts'
import { sendInPieces } from '../protocols/frame-client.ts'
import { SEED } from '../protocols/random-source.ts'
import { findProgram, run, ServerProcess, TemporaryFolder } from '../protocols/server-process.ts'
import { roundTrip } from './exchange.ts'

const erl = findProgram('erl')
const erlc = findProgram('erlc')
const source = fileURLToPath(new URL('peers/echo.erl', import.meta.url))

const PACKETS: [packet: string, framing: Framing][] = [
  ['1', lengthField({ lengthFieldLength: 1 })],
  ['2', lengthField({ lengthFieldLength: 2 })],
  ['4', lengthField()],
  ['tpkt', tpktPackets],
]
const COUNT = 50

/** A server of ours that sends every frame back reversed. */
async function serveOne(port: (port: number) => Promise<string>, framing: Framing): Promise<string> {
  const server = createServer(async (socket: Socket) => {
    for await (const frame of frames(socket, framing)) {
      await sendInPieces(socket, encode(framing, frame.toReversed()), 5000)
    }
    socket.end()
  }).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return await port(address.port)
  } finally {
    server.close()
  }
}

if (erl === undefined || erlc === undefined) {
  test.skip('{packet, N} of Erlang: not run, erlang-base is not installed', () => {})
} else {
  const release = await run(erl, ['-noshell', '-eval', 'io:format("~s", [erlang:system_info(otp_release)]), halt().'])
  describe(`Erlang/OTP ${release} (seed ${SEED})`, () => {
    let folder: TemporaryFolder
    let server: ServerProcess
    const echo = (...args: string[]) => ['-noshell', '-noinput', '-pa', folder.path, '-run', 'echo', 'main', ...args]
    beforeAll(async () => {
      folder = new TemporaryFolder()
      await run(erlc, ['-Werror', '-o', folder.path, source])
      server = await ServerProcess.start(erl, (port) => echo('server', `${port}`))
    }, 60_000)
    afterAll(async () => {
      await server?.stop()
      folder?.remove()
    })

    test.each(PACKETS)('{packet, %s}: its server reads our frames and we read its', async (packet, framing) => {
      const [received, expected] = await roundTrip(server.port, `packet ${packet}`, framing)
      expect(received).toEqual(expected)
    })

    test.each(PACKETS)('{packet, %s}: our server reads its frames and it reads ours', async (packet, framing) => {
      const printed = await serveOne((port) => {
        return run(erl, echo('client', `${port}`, packet, `${SEED}`, `${COUNT}`))
      }, framing)
      expect(printed).toBe(`${COUNT} frames came back\n`)
    })
  })
}
