// A real HAProxy in front of a server under test.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { turn, within } from './deadline.ts'
import { rawServer } from './raw-sockets.ts'

/** Why there can be none; undefined = there can. */
export const NO_HAPROXY: string | undefined =
  spawnSync('haproxy', ['-v']).status === 0 ? undefined : 'the program haproxy is missing (Debian: haproxy)'

/** Starts one that passes TCP on to `port` with PROXY protocol v2 headers, and answers where it listens. */
export async function haproxyBefore(port: number): Promise<number> {
  const front = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'framewire-haproxy-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const config = `
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:${front}
  server back 127.0.0.1:${port} send-proxy-v2
`
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
