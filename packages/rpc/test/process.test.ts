import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { quiet, rejection, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { contract, unary } from '../src/contract.ts'
import { connectTo } from './peers.ts'

// Processes of their own run what `npm run build` made of the sources: Node 20 does not read TypeScript.

const BUILT = new URL('../dist/index.js', import.meta.url).href

const work = contract('work', { echo: unary<unknown, unknown>(), hold: unary<void, void>() })

const OPENING = `
  import { connect, contract, implement, serve, unary } from '${BUILT}'
  const work = contract('work', { echo: unary(), hold: unary() })
  const say = (line) => console.log(line)
  let onHeld = () => {}
  const held = new Promise((resolve) => { onHeld = resolve })
  const hold = () => { say('held'); onHeld(); return new Promise(() => {}) }
  const start = () => serve('tcp://127.0.0.1:0', { services: [implement(work, { echo: (value) => value, hold })] })
`

interface Run {
  child: ChildProcess
  /** The line that it prints next. */
  nextLine: () => Promise<string>
  /** Its exit code and the signal that ended it. */
  over: Promise<[number | null, string | null]>
}

/** A Node process that runs the program. */
function run(program: string): Run {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', OPENING + program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const over = once(child, 'close') as Promise<[number | null, string | null]>
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  const nextLine = async (): Promise<string> => String((await within('a line', lines.next())).value)
  return { child, nextLine, over }
}

describe('a process', () => {
  test('ends by itself once its server and its peers are closed', async () => {
    const { over } = run(`
      const server = await start()
      const peer = await connect(server.addresses[0])
      const api = peer.client(work)
      await api.echo(1, { timeoutMs: 60_000 })
      const late = api.hold(undefined, { timeoutMs: 10 }).catch((error) => error.code)
      if ((await late) !== 'DEADLINE_EXCEEDED') process.exit(3)
      await Promise.all([peer.close({ drainMs: 1_000 }), peer.close({ drainMs: 60_000 }), server.close({ drainMs: 10 })])
    `)
    expect(await within('the end', over)).toEqual([0, null])
  })

  test('is kept alive by an open connection, and not by the deadline of a call once that is gone', async () => {
    const { over, nextLine } = run(`
      const server = await start()
      const peer = await connect(server.addresses[0], { reconnect: false })
      const call = peer.client(work).hold(undefined, { timeoutMs: 3_600_000 }).catch((error) => say(error.code))
      say('open')
      await held
      await Promise.all([server.close({ drainMs: 1 }), call])
    `)
    expect(await nextLine()).toBe('open')
    expect(await nextLine()).toBe('held')
    expect(await nextLine()).toBe('UNAVAILABLE')
    expect(await within('the end', over)).toEqual([0, null])
  })

  test('that is killed leaves its clients with UNAVAILABLE for every call, at once', async () => {
    const { child, nextLine } = run(`
      const server = await start()
      say(server.addresses[0].port)
    `)
    const peer = await connectTo({ host: '127.0.0.1', port: Number(await nextLine()) })
    const api = peer.client(work)
    expect(await api.echo('alive')).toBe('alive')
    const calls = Array.from({ length: 200 }, () => quiet(api.hold()))
    expect(await nextLine()).toBe('held')
    child.kill('SIGKILL')
    const errors = await Promise.all(calls.map(rejection))
    const said = (notProcessed: boolean) => ({ code: 'UNAVAILABLE', notProcessed })
    expect(errors.slice(0, 128)).toMatchObject(Array(128).fill(said(false)))
    expect(errors.slice(128)).toMatchObject(Array(72).fill(said(true)))
    expect(peer.state).toBe('closed')
  })
})
