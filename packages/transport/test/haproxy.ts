// A real HAProxy in front of a server under test.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { turn, within } from '@framewire/testkit'
import { onTestFinished } from 'vitest'
import { blocks, guide } from './guides.ts'
import { rawServer } from './raw-sockets.ts'

/** Why there can be none; undefined = there can. */
export const NO_HAPROXY: string | undefined =
  spawnSync('haproxy', ['-v']).status === 0 ? undefined : 'the program haproxy is missing (Debian: haproxy)'

const FRONT_PORT = 7001
const BACK_PORT = 7000

/** Passes TCP on from 7001 to 7000 with PROXY protocol v2 headers: the configuration in docs/transport.md. */
const CONFIG = blocks(guide('docs/transport.md'), 'haproxy').join('')

/** Starts one that passes TCP on to `port` instead, and answers where it listens. */
export async function haproxyBefore(port: number): Promise<number> {
  const front = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'framewire-haproxy-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const config = CONFIG.replace(`:${FRONT_PORT}`, `:${front}`).replace(`:${BACK_PORT}`, `:${port}`)
  writeFileSync(join(folder, 'haproxy.cfg'), config)
  const child = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' })
  const over = once(child, 'close')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await over
  })
  await within('haproxy', answers(front))
  return front
}

async function freePort(): Promise<number> {
  const { server, port } = await rawServer(() => {})
  server.close()
  await within('close', once(server, 'close'))
  return port
}

/** Somebody accepts on that port. */
async function answers(port: number): Promise<void> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port })
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (isUp) return
    await turn()
  }
}
