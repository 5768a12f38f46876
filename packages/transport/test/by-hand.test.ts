// A server that speaks lines(), used by hand: with the real nc and socat, as a person would at a terminal.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lines } from '@framewire/codec'
import { within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Connection } from '../src/connection.ts'
import { listen } from '../src/server.ts'
import { finish } from './guides.ts'
import { runCommand } from './processes.ts'

const NO_NC = /OpenBSD/.test(String(spawnSync('nc', ['-h']).stderr))
  ? undefined
  : 'the program nc is missing (Debian: netcat-openbsd)'
const NO_SOCAT = spawnSync('socat', ['-V']).status === 0 ? undefined : 'the program socat is missing (Debian: socat)'

const framing = lines({ unterminated: 'emit' })

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-by-hand-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Serves lines at an address; answers where, as nc and socat want it. */
async function serve(address: string, serveOne: (connection: Connection) => Promise<void>): Promise<string> {
  const server = await within('listen', listen(address, { framing }, serveOne))
  onTestFinished(async () => {
    for (const connection of server.connections) connection.destroy()
    await server.close()
  })
  const [endpoint] = server.addresses
  return endpoint !== undefined && 'port' in endpoint ? String(endpoint.port) : ''
}

async function echo(connection: Connection): Promise<void> {
  for await (const line of connection) if (!connection.send(line)) await connection.drained()
}

/** Sends nothing before the peer has ended its side: then all of it, backwards. */
async function answerAtTheEnd(connection: Connection): Promise<void> {
  const all: Uint8Array[] = []
  for await (const line of connection) {
    all.unshift(line)
    if (Buffer.from(line).toString() !== 'over') continue
    for (const each of all) connection.send(each)
  }
}

/** Some lines, the longest longer than a chunk, the last one without an end. */
const TEXT = [...Array.from({ length: 2_000 }, (_, index) => `line ${index} ä€`), 'x'.repeat(200_000), '', 'the last']

describe.skipIf(NO_NC)(`nc${NO_NC ? ` (${NO_NC})` : ''}`, () => {
  test('echoes lines as they are typed', async () => {
    const nc = runCommand(['nc', '-N', '127.0.0.1', await serve('tcp://127.0.0.1:0', echo)])
    for (const word of ['hello', 'Grüße', '']) {
      nc.child.stdin?.write(`${word}\n`)
      expect(await nc.nextLine()).toBe(word)
    }
    nc.child.stdin?.end('without an end')
    expect(await finish(nc)).toEqual(['without an end'])
  })

  test('-N sends a whole file, and gets all of it back before the end', async () => {
    const file = join(makeFolder(), 'text')
    writeFileSync(file, TEXT.join('\n'))
    const port = await serve('tcp://127.0.0.1:0', echo)
    const nc = runCommand(['sh', '-c', 'nc -N 127.0.0.1 "$0" < "$1"', port, file])
    expect(await finish(nc)).toEqual(TEXT)
  })

  test('gets the replies that were pending when it ended its side', async () => {
    const port = await serve('tcp://127.0.0.1:0', answerAtTheEnd)
    const nc = runCommand(['sh', '-c', 'printf "one\\ntwo\\nover" | nc -N 127.0.0.1 "$0"', port])
    expect(await finish(nc)).toEqual(['over', 'two', 'one'])
  })

  test('-U talks to a unix socket', async () => {
    const path = join(makeFolder(), 'a.sock')
    await serve(`unix:${path}`, echo)
    const nc = runCommand(['sh', '-c', 'printf "one\\r\\ntwo\\n" | nc -N -U "$0"', path])
    expect(await finish(nc)).toEqual(['one', 'two'])
  })
})

describe.skipIf(NO_SOCAT)(`socat${NO_SOCAT ? ` (${NO_SOCAT})` : ''}`, () => {
  // -t: how long it waits for the other direction once one has ended; it is killed with the test in any case.
  const socat = (address: string) => runCommand(['socat', '-t', '60', '-', address])

  test('echoes lines as they are typed, over a unix socket', async () => {
    const path = join(makeFolder(), 'a.sock')
    await serve(`unix:${path}`, echo)
    const typist = socat(`UNIX-CONNECT:${path}`)
    for (const word of ['hello', 'world']) {
      typist.child.stdin?.write(`${word}\n`)
      expect(await typist.nextLine()).toBe(word)
    }
    typist.child.stdin?.end()
    expect(await finish(typist)).toEqual([])
  })

  test('gets the replies that were pending when it ended its side, over TCP with lines of telnet', async () => {
    const typist = socat(`TCP:127.0.0.1:${await serve('tcp://127.0.0.1:0', answerAtTheEnd)},crnl`)
    typist.child.stdin?.end('one\ntwo\nover')
    expect(await finish(typist)).toEqual(['over', 'two', 'one'])
  })
})
