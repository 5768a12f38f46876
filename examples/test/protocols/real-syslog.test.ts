// Syslog as util-linux's logger sends it, in both framings, read by one framing.

import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { frames, text } from '@framewire/codec'
import { expect, test } from 'vitest'
import { syslogMessages } from '../../src/protocols/syslog.ts'
import { findProgram, run } from './server-process.ts'

const logger = findProgram('logger')

async function received(program: string, ...args: string[]): Promise<string[]> {
  const server = createServer().listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const target = ['--tcp', '--server', '127.0.0.1', '--port', `${address.port}`, '--tag', 'framewire']
    const [[socket]] = await Promise.all([accepted, run(program, [...target, ...args])])
    const messages: string[] = []
    for await (const frame of frames(socket, syslogMessages())) messages.push(text.decode(frame))
    return messages
  } finally {
    server.close()
  }
}

const help = logger === undefined ? '' : await run(logger, ['--help'])
if (logger === undefined || !help.includes('--octet-count')) {
  test.skip('syslog from logger: not run, the logger of util-linux is not installed', () => {})
} else {
  test.each(['--rfc5424', '--rfc3164'])('syslog from logger %s --octet-count', async (format) => {
    const messages = await received(logger, format, '--octet-count', '--', 'one\ntwo')
    expect(messages.join('|')).toMatch(/^<13>.*framewire.*one\ntwo$|^<13>.*framewire.*one\|<13>.*framewire.*two$/s)
  })

  test('syslog from logger with LF', async () => {
    const messages = await received(logger, '--rfc5424', '--', 'hello')
    expect(messages).toEqual([expect.stringMatching(/^<13>1 .*framewire.* hello$/)])
  })
}
