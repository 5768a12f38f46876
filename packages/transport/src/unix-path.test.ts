import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { rejection, within } from '@framewire/testkit'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { deafServer, listenAs, stalePath } from '../test/unix-sockets.ts'
import { connect } from './connect.ts'
import { Listener, type ListenerOptions } from './listener.ts'
import { temporaryPath } from './unix-path.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewire-path-'))
  path = join(folder, 'a.sock')
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

async function open(options: ListenerOptions = {}, at: string = path): Promise<Listener> {
  const listener = new Listener({ path: at }, options)
  await within('open', listener.open())
  onTestFinished(() => listener.close())
  return listener
}

const refusal = (options: ListenerOptions = {}) => rejection(new Listener({ path }, options).open())
const inode = () => lstatSync(path).ino

async function connects(): Promise<void> {
  const connection = await within('connect', connect({ path }))
  connection.destroy()
}

test('a path where nothing stands becomes a socket for this user only, or as socketMode says, and goes at close', async () => {
  const listener = await open()
  expect(lstatSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['a.sock'])
  await connects()
  await listener.close()
  expect(readdirSync(folder)).toEqual([])
  await open({ socketMode: 0o666 })
  expect(lstatSync(path).mode & 0o777).toBe(0o666)
})

describe('a socket that a killed server left', () => {
  beforeEach(() => stalePath(path))

  test('is replaced, and nothing else is left behind', async () => {
    const stale = inode()
    await open()
    expect(inode()).not.toBe(stale)
    expect(readdirSync(folder)).toEqual(['a.sock'])
    await connects()
  })

  test('is ADDRESS_IN_USE with staleSocket error, and stays', async () => {
    const stale = inode()
    expect(await refusal({ staleSocket: 'error' })).toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `unix:${path} exists already`,
    })
    expect(inode()).toBe(stale)
    expect(readdirSync(folder)).toEqual(['a.sock'])
  })

  test.skipIf(process.getuid?.() !== 0)('and that belongs to another user stays (needs root to make one)', async () => {
    chownSync(path, 65_534, 65_534)
    const stale = inode()
    expect(await refusal()).toMatchObject({ code: 'ADDRESS_IN_USE', message: expect.stringContaining('user 65534') })
    expect(inode()).toBe(stale)
  })

  test.each([
    ['of a process that is gone', () => `${2 ** 22 + 1} ${hostname()}`, 0],
    ['of another machine that is too old', () => `${process.pid} elsewhere`, 60],
    ['without content that is too old', () => '', 60],
    ['of a process id in use again that is too old', () => `${process.pid} ${hostname()}`, 60],
  ])('is replaced in spite of a lock %s', async (_, content, age) => {
    writeFileSync(`${path}.lock`, content())
    const then = new Date(Date.now() - age * 1000)
    utimesSync(`${path}.lock`, then, then)
    await open()
    await connects()
    expect(readdirSync(folder)).toEqual(['a.sock'])
  })

  test('waits for a lock that is held, and then finds who listens', async () => {
    writeFileSync(`${path}.lock`, `${process.pid} ${hostname()}`)
    const waiting = refusal()
    const other = createServer()
    onTestFinished(() => void other.close())
    // What the holder of the lock does: the new socket in place first, then the lock gone.
    const listening = once(other, 'listening')
    rmSync(path)
    other.listen(path)
    await within('listening', listening)
    rmSync(`${path}.lock`)
    expect(await waiting).toMatchObject({ code: 'ADDRESS_IN_USE', message: `unix:${path} is in use` })
  })
})

describe('is ADDRESS_IN_USE and stays as it is', () => {
  test('a socket that somebody listens on', async () => {
    await open()
    const live = inode()
    expect(await refusal()).toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `unix:${path} is in use`,
      retryable: true,
    })
    expect(inode()).toBe(live)
    await connects()
    expect(readdirSync(folder)).toEqual(['a.sock'])
  })

  test('a socket whose backlog is full', async () => {
    await deafServer(path)
    const live = inode()
    expect(await refusal()).toMatchObject({ code: 'ADDRESS_IN_USE', message: `unix:${path} is in use (EAGAIN)` })
    expect(inode()).toBe(live)
  })
})

describe('is LISTEN_FAILED and stays as it is', () => {
  test.each([
    ['a file', () => writeFileSync(path, 'precious'), 'is a file, not a socket'],
    ['a symbolic link', () => symlinkSync('elsewhere', path), 'is a symbolic link, not a socket'],
    [
      'a link to a stale socket',
      () => stalePath(`${path}.other`).then(() => symlinkSync(`${path}.other`, path)),
      'link',
    ],
  ])('%s', async (_, make, message) => {
    await make()
    const before = inode()
    expect(await refusal()).toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(message),
      retryable: false,
    })
    expect(inode()).toBe(before)
  })

  test.skipIf(process.platform === 'win32')('a folder without permission', async () => {
    chmodSync(folder, 0o500)
    onTestFinished(() => chmodSync(folder, 0o700))
    // Root may do everything, so somebody else tries.
    const outcome = process.getuid?.() === 0 ? await listenAs(65_534, path) : await refusal()
    expect(outcome).toMatchObject({ code: 'LISTEN_FAILED', message: expect.stringContaining('EACCES') })
  })
})

describe('close', () => {
  test('leaves the path of a server that came later', async () => {
    const first = await open()
    rmSync(path)
    await open()
    const later = inode()
    await first.close()
    expect(inode()).toBe(later)
    await connects()
  })

  test('leaves what somebody else put there', async () => {
    const first = await open()
    rmSync(path)
    writeFileSync(path, 'precious')
    await first.close()
    expect(existsSync(path)).toBe(true)
  })
})

describe('the name beside the path', () => {
  test('stands in the same folder and fits the limit whenever seven bytes do', () => {
    expect(temporaryPath('/run/a.sock')).toMatch(/^\/run\/a\.sock\.[0-9a-f]{6}$/)
    const long = `/${'d'.repeat(90)}/${'n'.repeat(12)}`
    expect(temporaryPath(long)).toMatch(/^\/d{90}\/\.[0-9a-f]{6}$/)
    expect(() => temporaryPath(`/${'d'.repeat(104)}/n`)).toThrow(RangeError)
    expect(temporaryPath('relative')).toMatch(/^relative\./)
  })

  test.skipIf(process.platform !== 'linux')(
    'lets a path be as long as the kernel takes (107 bytes on Linux)',
    async () => {
      const longest = join(folder, 'n'.repeat(106 - folder.length))
      await open({}, longest)
      expect(readdirSync(folder)).toHaveLength(1)
      expect(() => new Listener({ path: longest }, {})).not.toThrow()
    },
  )
})
